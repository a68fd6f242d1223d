package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"kerasgo/train"
)

// live draws the loss under the bar while training goes on, on a terminal: a line for loss and one for val_loss, in blocks.
// After each drawing the cursor is back at the beginning of the bar's line, so that the bar goes on as if nothing were there.
type live struct {
	w       io.Writer
	columns int
	plain   bool

	loss, val []float64 // of the epochs that are over
	shown     bool
	drawn     time.Time
	now       func() time.Time // nil: time.Now
}

// around puts the callbacks that write lines between one that takes the curves away and one that draws them.
func (l *live) around(lines []train.Callback) []train.Callback {
	if l.now == nil {
		l.now = time.Now
	}
	away := func(*train.State) error { l.clear(); return nil }
	before := train.Callback{EpochBegin: away, TrainEnd: away}
	after := train.Callback{
		BatchEnd: func(s *train.State) error {
			if now := l.now(); now.Sub(l.drawn) >= liveEvery && s.Step < s.Steps {
				l.drawn = now
				loss, _ := s.Logs.Get("loss")
				return l.draw(append(l.loss[:len(l.loss):len(l.loss)], loss))
			}
			return nil
		},
		EpochEnd: func(s *train.State) error {
			l.clear() // the bar's line has ended, and the cursor is where the curves were
			loss, _ := s.Logs.Get("loss")
			l.loss = append(l.loss, loss)
			if val, ok := s.Logs.Get("val_loss"); ok {
				l.val = append(l.val, val)
			}
			return nil
		},
	}
	return append(append([]train.Callback{before}, lines...), after)
}

// liveEvery is the least time between two drawings.
const liveEvery = 200 * time.Millisecond

// clear takes away what stands under the cursor's line. At the end of a bar's line the cursor is on the curves' first.
func (l *live) clear() {
	if l.shown {
		io.WriteString(l.w, "\x1b[J") // an error of the terminal's is the bar's to tell
		l.shown = false
	}
}

// end clears up after training that ended within an epoch: what is printed next stands under the bar, which stays.
func (l *live) end() {
	if l.shown {
		io.WriteString(l.w, "\n")
		l.clear()
	}
}

// draw draws the losses below the cursor's line and goes back to its beginning. A curve needs two points.
func (l *live) draw(loss []float64) error {
	if len(loss) < 2 {
		return nil
	}
	room := l.columns - len("val_loss ") - len(" 0.0000e+00") - 1
	if room < 4 {
		return nil
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range append(loss[:len(loss):len(loss)], l.val...) {
		if v-v == 0 {
			low, high = min(low, v), max(high, v)
		}
	}
	var b strings.Builder
	lines := 0
	for _, c := range []struct {
		name, code string
		values     []float64
	}{{"loss", "34", loss}, {"val_loss", "33", l.val}} {
		if len(c.values) == 0 {
			continue
		}
		spark := sparkline(c.values, room, low, high)
		if !l.plain {
			spark = "\x1b[" + c.code + "m" + spark + "\x1b[0m"
		}
		fmt.Fprintf(&b, "\n\x1b[2K%8s %s %.4g", c.name, spark, c.values[len(c.values)-1])
		lines++
	}
	fmt.Fprintf(&b, "\x1b[%dA\r", lines)
	l.shown = true
	_, err := io.WriteString(l.w, b.String())
	return err
}

// sparkline draws values as blocks of eight heights between low and high, at most width of them: where there are more
// values, each block is the mean of several. What isn't a number is a cross.
func sparkline(values []float64, width int, low, high float64) string {
	const blocks = "▁▂▃▄▅▆▇█"
	heights := []rune(blocks)
	n := min(len(values), width)
	var b strings.Builder
	for i := range n {
		from, to := i*len(values)/n, (i+1)*len(values)/n
		sum := 0.0
		for _, v := range values[from:to] {
			sum += v
		}
		switch mean := sum / float64(to-from); {
		case mean-mean != 0:
			b.WriteRune('×')
		case high <= low:
			b.WriteRune(heights[0])
		default:
			at := int((mean - low) / (high - low) * float64(len(heights)))
			b.WriteRune(heights[max(0, min(at, len(heights)-1))])
		}
	}
	return b.String()
}
