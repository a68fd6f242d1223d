package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kerasgo/keras"
)

const testdata = "../../testdata"

// ask posts a body and returns the answer.
func ask(t *testing.T, url, body string) (status int, answer []byte) {
	t.Helper()
	r, err := http.Post(url+"/predict", "application/json", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0, nil
	}
	defer r.Body.Close()
	answer, err = io.ReadAll(r.Body)
	if err != nil {
		t.Error(err)
	}
	return r.StatusCode, answer
}

// pixels is a picture of a digit as nested lists.
func pixels(t *testing.T, path string) [][]float32 {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	pic, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	gray := pic.(*image.Gray)
	rows := make([][]float32, 28)
	for y := range rows {
		for x := range 28 {
			rows[y] = append(rows[y], float32(gray.GrayAt(x, y).Y))
		}
	}
	return rows
}

// TestService asks about digits from several clients at once: each gets its own answer, and the right one.
func TestService(t *testing.T) {
	m, err := keras.Load(filepath.Join(testdata, "mnist_cnn.keras"))
	if err != nil {
		t.Fatal(err)
	}
	handler, err := serve(m)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	defer server.Close()

	files := map[int]string{0: "0_003.png", 2: "2_001.png", 4: "4_004.png", 6: "6_011.png", 7: "7_000.png", 9: "9_007.png"}
	var clients sync.WaitGroup
	for digit, file := range files {
		body, err := json.Marshal(map[string]any{"instances": [][][]float32{pixels(t, filepath.Join(testdata, "digits", file))}})
		if err != nil {
			t.Fatal(err)
		}
		clients.Go(func() {
			for range 5 {
				status, raw := ask(t, server.URL, string(body))
				var answer struct{ Predictions [][]float32 }
				if err := json.Unmarshal(raw, &answer); status != 200 || err != nil || len(answer.Predictions) != 1 || len(answer.Predictions[0]) != 10 {
					t.Errorf("%d: status %d, %v: %s", digit, status, err, raw)
					return
				}
				best := 0
				for i, p := range answer.Predictions[0] {
					if p > answer.Predictions[0][best] {
						best = i
					}
				}
				if best != digit {
					t.Errorf("%s is read as a %d", file, best)
				}
			}
		})
	}
	clients.Wait()

	for name, body := range map[string]string{
		"not JSON": "{", "nothing": "{}", "text": `{"instances": "seven"}`, "ragged": `{"instances": [[1, 2], [3]]}`,
		"no batch axis": `{"instances": 7}`, "another shape": `{"instances": [[1, 2, 3]]}`,
	} {
		if status, answer := ask(t, server.URL, body); status != http.StatusBadRequest || len(answer) == 0 {
			t.Errorf("%s: status %d, %q", name, status, answer)
		}
	}
	if status, answer := ask(t, server.URL, fmt.Sprintf(`{"instances": [%s]}`, strings.Repeat("1,", 9<<20))); status == 200 {
		t.Errorf("a body without end: %d, %q", status, answer)
	}
}
