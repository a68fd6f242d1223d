package main

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"kerasgo/data"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// screen is a terminal as far as the bar and the curves go: text, \n, \r, \b, and the sequences A, J, K and m.
type screen struct {
	t     *testing.T
	lines [][]rune
	x, y  int
	seen  map[string]bool // every picture of the last line's first word
}

func (s *screen) Write(b []byte) (int, error) {
	for rest := string(b); rest != ""; {
		r, n := utf8.DecodeRuneInString(rest)
		rest = rest[n:]
		for len(s.lines) <= s.y {
			s.lines = append(s.lines, nil)
		}
		switch r {
		case '\n':
			s.x, s.y = 0, s.y+1
		case '\r':
			s.x = 0
		case '\b':
			s.x = max(0, s.x-1)
		case 0x1b:
			at := strings.IndexFunc(rest, func(r rune) bool { return r >= 'A' && r <= 'z' && r != '[' })
			s.sequence(rest[1:at], rest[at])
			rest = rest[at+1:]
		default:
			for len(s.lines[s.y]) <= s.x {
				s.lines[s.y] = append(s.lines[s.y], ' ')
			}
			s.lines[s.y][s.x] = r
			s.x++
		}
	}
	for _, line := range s.lines {
		word, _, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
		s.seen[word] = true
	}
	return len(b), nil
}

func (s *screen) sequence(parameter string, final byte) {
	switch final {
	case 'A':
		n := 0
		fmt.Sscan(parameter, &n)
		s.y -= n
	case 'J':
		s.lines[s.y] = s.lines[s.y][:min(s.x, len(s.lines[s.y]))]
		s.lines = s.lines[:s.y+1]
	case 'K':
		s.lines[s.y] = nil
	case 'm':
	default:
		s.t.Errorf("sequence %q %c", parameter, final)
	}
}

func (s *screen) text() string {
	var b strings.Builder
	for _, line := range s.lines {
		b.WriteString(strings.TrimRight(string(line), " ") + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// trained trains a small model under callbacks.
func trained(t *testing.T, epochs int, rate float64, callbacks ...train.Callback) error {
	t.Helper()
	m, err := classifier(1, []int{4}, layers.NewDense(3, "softmax"))
	if err != nil {
		t.Fatal(err)
	}
	if err := train.SetLearningRate(m, rate); err != nil {
		t.Fatal(err)
	}
	x, y := graph.NewTensor(24, 4), make([]int32, 24)
	for i := range x.F32 {
		x.F32[i] = float32(math.Sin(float64(i)))
	}
	for i := range y {
		y[i] = int32(i % 3)
	}
	_, err = train.Fit(context.Background(), m, &data.Arrays{X: []*nn.Tensor{x}, Y: []*nn.Tensor{graph.FromI32(y, 24)}},
		train.Options{Epochs: epochs, BatchSize: 6, ValidationSplit: .5, Threads: 1, Callbacks: callbacks})
	return err
}

// TestLive: what stands on the terminal in the end is what Keras's bar leaves, and meanwhile there were curves.
func TestLive(t *testing.T) {
	for _, plain := range []bool{false, true} {
		bar := func(s *screen) train.Callback { return train.ProgbarLogger(s, train.Progress{Bar: true, Plain: plain}) }
		want, got := &screen{t: t, seen: map[string]bool{}}, &screen{t: t, seen: map[string]bool{}}
		if err := trained(t, 5, .01, bar(want)); err != nil {
			t.Fatal(err)
		}
		clock := time.Time{}
		l := &live{w: got, columns: 60, plain: plain, now: func() time.Time { clock = clock.Add(time.Second); return clock }}
		if err := trained(t, 5, .01, l.around([]train.Callback{bar(got)})...); err != nil {
			t.Fatal(err)
		}
		l.end()
		digits := func(s string) string { // times differ
			lines := strings.Split(s, "\n")
			for i, line := range lines {
				if at := strings.Index(line, "/step"); at > 0 {
					lines[i] = line[at:]
				}
			}
			return strings.Join(lines, "\n")
		}
		if digits(got.text()) != digits(want.text()) || !strings.Contains(want.text(), "Epoch 5/5") {
			t.Errorf("the screen shows\n%s\nwithout curves\n%s", got.text(), want.text())
		}
		if !got.seen["loss"] || !got.seen["val_loss"] || want.seen["loss"] {
			t.Errorf("curves: %v, without: %v", got.seen["loss"], want.seen["loss"])
		}
	}
}

// TestLiveNarrow: lines fit the terminal, or there are none.
func TestLiveNarrow(t *testing.T) {
	for columns := range 100 {
		var b bytes.Buffer
		l := &live{w: &b, columns: columns, plain: true, val: make([]float64, 300)}
		if err := l.draw(append(make([]float64, 300), 1.2345e-7)); err != nil {
			t.Fatal(err)
		}
		for _, line := range strings.Split(b.String(), "\n") {
			line = strings.TrimPrefix(line, "\x1b[2K")
			if at := strings.Index(line, "\x1b["); at >= 0 {
				line = line[:at]
			}
			if utf8.RuneCountInString(line) >= max(columns, 1) {
				t.Errorf("%d columns: %q", columns, line)
			}
		}
	}
}

// TestLiveEnds: an error message stands under the bar, and no curve is left.
func TestLiveEnds(t *testing.T) {
	s := &screen{t: t, seen: map[string]bool{}}
	l := &live{w: s, columns: 60, plain: true, val: []float64{3, 4}}
	fmt.Fprint(s, "3/9 the bar")
	if err := l.draw([]float64{1, 2}); err != nil {
		t.Fatal(err)
	}
	if want := "3/9 the bar\n    loss ▁▃ 2\nval_loss ▆█ 4"; s.text() != want {
		t.Errorf("drawn:\n%s\nwant\n%s", s.text(), want)
	}
	l.end()
	l.end()
	fmt.Fprint(s, "error\n")
	if want := "3/9 the bar\nerror"; s.text() != want {
		t.Errorf("ended:\n%s\nwant\n%s", s.text(), want)
	}
}

func TestSparkline(t *testing.T) {
	for _, c := range []struct {
		values []float64
		width  int
		want   string
	}{
		{[]float64{0, 1, 2, 3, 4, 5, 6, 7}, 8, "▁▂▃▄▅▆▇█"},
		{[]float64{0, 0, 7, 7}, 2, "▁█"},
		{[]float64{7, math.NaN(), 0}, 9, "█×▁"},
		{nil, 5, ""},
	} {
		if got := sparkline(c.values, c.width, 0, 7); got != c.want {
			t.Errorf("%v: %s, want %s", c.values, got, c.want)
		}
	}
	if got := sparkline([]float64{3, 3}, 5, 3, 3); got != "▁▁" {
		t.Errorf("a constant: %s", got)
	}
}
