package train

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"
)

// Progress says how [ProgbarLogger] looks.
type Progress struct {
	// Bar redraws a line with a bar, as on a terminal (Keras's verbose=1); else each epoch prints a line (verbose=2).
	Bar bool
	// Plain leaves colours out.
	Plain bool

	now func() time.Time // nil: time.Now
}

// ProgbarLogger prints training's progress as Keras does.
//
// Source: keras/src/callbacks/progbar_logger.py, keras/src/utils/progbar.py
func ProgbarLogger(w io.Writer, p Progress) Callback {
	if p.now == nil {
		p.now = time.Now
	}
	var bar *progbar
	return Callback{
		EpochBegin: func(s *State) error {
			bar = newProgbar(p, s.Steps)
			if s.Epochs > 1 {
				_, err := fmt.Fprintf(w, "Epoch %d/%d\n", s.Epoch+1, s.Epochs)
				return err
			}
			return nil
		},
		BatchEnd: func(s *State) error {
			if !p.Bar {
				return nil
			}
			return bar.update(w, s.Step, s.Logs, false)
		},
		EpochEnd: func(s *State) error { return bar.update(w, s.Steps, s.Logs, true) },
	}
}

// progbar is the progress of one epoch.
type progbar struct {
	Progress
	target     int
	start      time.Time
	afterFirst time.Time
	last       time.Time
	width      int // of the line before
}

func newProgbar(p Progress, target int) *progbar {
	return &progbar{Progress: p, target: target, start: p.now()}
}

// barWidth is in characters, interval the least time between two drawings.
const (
	barWidth = 20
	interval = 50 * time.Millisecond
)

func (b *progbar) style(code, text string) string {
	if b.Plain {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (b *progbar) update(w io.Writer, current int, logs Logs, final bool) error {
	now := b.now()
	each := b.stepTime(current, now)
	if b.Bar && !final && !b.last.IsZero() && now.Sub(b.last) < interval {
		return nil
	}
	b.last = now
	digits := len(fmt.Sprint(b.target))
	count := fmt.Sprintf("%*d/%d", digits, current, b.target)
	elapsed := fmt.Sprintf("%.0fs", now.Sub(b.start).Seconds())
	var line strings.Builder
	if !b.Bar {
		fmt.Fprintf(&line, "%s - %s -%s%s\n", count, elapsed, perStep(each), values(logs, false))
		_, err := io.WriteString(w, line.String())
		return err
	}
	done := barWidth * current / max(b.target, 1)
	line.WriteString(b.style("1", count) + " ")
	if done > 0 {
		line.WriteString(b.style("32", strings.Repeat("━", done)))
	}
	line.WriteString(b.style("37", strings.Repeat("━", barWidth-done)))
	clock := elapsed
	if !final {
		clock = eta(each * float64(b.target-current))
	}
	line.WriteString(" " + b.style("1", clock) + perStep(each) + values(logs, true))
	text := line.String()
	width := utf8.RuneCountInString(text)
	if !b.Plain {
		width -= 8 + 9 + 8
		if done > 0 {
			width -= 9
		}
	}
	text = strings.Repeat("\b", b.width) + "\r" + text + strings.Repeat(" ", max(0, b.width-width))
	b.width = width
	if final {
		text += "\n"
	}
	_, err := io.WriteString(w, text)
	return err
}

// stepTime is the seconds of a step; the first isn't counted once there are more.
func (b *progbar) stepTime(current int, now time.Time) (each float64) {
	if current == 0 {
		return 0
	}
	if !b.afterFirst.IsZero() && current > 1 {
		each = now.Sub(b.afterFirst).Seconds() / float64(current-1)
	} else {
		each = now.Sub(b.start).Seconds() / float64(current)
	}
	if current == 1 {
		b.afterFirst = now
	}
	return each
}

func eta(seconds float64) string {
	s := int(seconds)
	switch {
	case seconds > 3600:
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s%3600/60, s%60)
	case seconds > 60:
		return fmt.Sprintf("%d:%02d", s/60, s%60)
	}
	return fmt.Sprintf("%ds", s)
}

func perStep(seconds float64) string {
	switch {
	case seconds >= 1 || seconds == 0:
		return fmt.Sprintf(" %.0fs/step", seconds)
	case seconds >= 1e-3:
		return fmt.Sprintf(" %.0fms/step", seconds*1e3)
	}
	return fmt.Sprintf(" %.0fus/step", seconds*1e6)
}

// values prints logs; both is whether large negative ones count as large, too.
func values(logs Logs, both bool) string {
	var b strings.Builder
	for _, l := range logs {
		v := l.Value
		if both {
			v = math.Abs(v)
		}
		if v > 1e-3 {
			fmt.Fprintf(&b, " - %s: %.4f", l.Name, l.Value)
		} else {
			fmt.Fprintf(&b, " - %s: %.4e", l.Name, l.Value)
		}
	}
	return b.String()
}
