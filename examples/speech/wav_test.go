package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestWAV writes a file and reads it back; what isn't such a file is refused.
func TestWAV(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.wav")
	want := []float32{0, 0.5, -0.5, 1, -1, 2}
	if err := writeWAV(path, want, 8000); err != nil {
		t.Fatal(err)
	}
	got, hertz, err := readWAV(path)
	if err != nil || hertz != 8000 || len(got) != len(want) {
		t.Fatalf("%v, %d Hz, %v", got, hertz, err)
	}
	for i, v := range got {
		if d := v - max(-1, min(1, want[i])); d > 1e-4 || d < -1e-4 {
			t.Errorf("sample %d is %v, was %v", i, v, want[i])
		}
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	change := func(at int, to string) []byte { return []byte(string(good[:at]) + to + string(good[at+len(to):])) }
	list := string(good[:12]) + "LIST\x03\x00\x00\x00abc\x00" + string(good[12:]) // a chunk of odd size, and its padding
	if got, _, err := parseWAV([]byte(list)); err != nil || len(got) != len(want) {
		t.Errorf("with another chunk: %v, %v", got, err)
	}
	for message, raw := range map[string][]byte{
		"not a WAV file":        []byte("RIFF"),
		"with 2 channels":       change(22, "\x02"),
		"no sound in it":        good[:36],
		"of which 10 are there": good[:len(good)-2],
		"of which 36 are there": change(16, "\xff\xff\xff\xff"),
	} {
		_, _, err := parseWAV(raw)
		if err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v", message, err)
		}
	}
}
