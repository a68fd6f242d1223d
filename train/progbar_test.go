package train

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"testing"
	"time"
)

// TestProgbar holds what is printed against Keras's own lines.
func TestProgbar(t *testing.T) {
	raw, err := os.ReadFile("../testdata/parity/progbar.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			Verbose int     `json:"verbose"`
			Steps   int     `json:"steps"`
			Seconds float64 `json:"seconds"`
			Updates []struct {
				Step int     `json:"step"`
				Now  float64 `json:"now"`
				Logs [][]any `json:"logs"`
				Text string  `json:"text"`
			} `json:"updates"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(raw, &golden); err != nil || len(golden.Cases) < 10 {
		t.Fatal(len(golden.Cases), err)
	}
	for _, c := range golden.Cases {
		now := 1000.0
		clock := func() time.Time { return time.Unix(0, int64(math.Round(now*1e9))) }
		bar := newProgbar(Progress{Bar: c.Verbose == 1, now: clock}, c.Steps)
		next := 0
		for step := 1; step <= c.Steps+1; step++ {
			last := step > c.Steps
			if last {
				now += .25
			} else {
				now += c.Seconds * (1 + .1*float64(step%3))
			}
			logs := Logs{{"accuracy", math.Min(1, float64(step)/20)}, {"loss", 2 / float64(step*step)}}
			if last {
				logs = append(logs, Log{"val_loss", .5}, Log{"val_tiny", 3e-4})
			}
			var out bytes.Buffer
			if c.Verbose == 1 || last {
				if err := bar.update(&out, min(step, c.Steps), logs, last); err != nil {
					t.Fatal(err)
				}
			}
			if out.Len() == 0 {
				continue
			}
			if next >= len(c.Updates) || c.Updates[next].Step != step || c.Updates[next].Text != out.String() {
				t.Errorf("%d steps, verbose %d, step %d:\nprinted %q\nKeras's %q", c.Steps, c.Verbose, step, out.String(), c.Updates[min(next, len(c.Updates)-1)].Text)
				break
			}
			next++
		}
		if next != len(c.Updates) {
			t.Errorf("%d steps: %d lines, Keras printed %d", c.Steps, next, len(c.Updates))
		}
	}
}
