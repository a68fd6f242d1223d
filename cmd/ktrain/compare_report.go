package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
)

// reporter is the function that writes results in a format.
func reporter(format string) (func(io.Writer, []result) error, error) {
	switch format {
	case "table":
		return reportTable, nil
	case "json":
		return func(w io.Writer, results []result) error { return json.NewEncoder(w).Encode(results) }, nil
	case "csv":
		return reportCSV, nil
	case "md":
		return reportMarkdown, nil
	}
	return nil, cli.Usagef("--format is table, json, csv or md, not %q", format)
}

// thousands writes 101,770.
func thousands(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Columns of the tables.
func overview(results []result) [][]string {
	rows := [][]string{{"network", "parameters", "FLOPs/image", "seconds", "accuracy", "loss"}}
	for _, r := range results {
		rows = append(rows, []string{r.Name, thousands(int64(r.Parameters)), thousands(r.FLOPs), fmt.Sprintf("%.1f", r.Seconds),
			fmt.Sprintf("%.4f", r.Accuracy), fmt.Sprintf("%.4f", r.Loss)})
	}
	return rows
}

func layerRows(r result) [][]string {
	rows := [][]string{{"layer", "class", "parameters", "=", "FLOPs/image"}}
	for _, l := range r.Layers {
		rows = append(rows, []string{l.Name, l.Class, l.Formula, thousands(int64(l.Parameters)), thousands(l.FLOPs)})
	}
	return rows
}

// aligned writes columns side by side; those named are flush left.
func aligned(w io.Writer, indent string, rows [][]string, left ...int) error {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		line.WriteString(indent)
		for i, cell := range row {
			if i > 0 {
				line.WriteString("  ")
			}
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if slices.Contains(left, i) {
				line.WriteString(cell + pad)
			} else {
				line.WriteString(pad + cell)
			}
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

func reportTable(w io.Writer, results []result) error {
	if err := aligned(w, "", overview(results), 0); err != nil {
		return err
	}
	for _, r := range results {
		if _, err := fmt.Fprintf(w, "\n%s: %s\n", r.Name, r.Why); err != nil {
			return err
		}
		if err := aligned(w, "  ", layerRows(r), 0, 1, 2); err != nil {
			return err
		}
	}
	return nil
}

func reportMarkdown(w io.Writer, results []result) error {
	table := func(rows [][]string, right int) {
		for i, row := range rows {
			fmt.Fprintf(w, "| %s |\n", strings.Join(row, " | "))
			if i == 0 {
				fmt.Fprintf(w, "|%s%s\n", strings.Repeat("---|", right), strings.Repeat("--:|", len(row)-right))
			}
		}
	}
	table(overview(results), 1)
	for _, r := range results {
		fmt.Fprintf(w, "\n**%s**: %s\n\n", r.Name, r.Why)
		table(layerRows(r), 3)
	}
	return nil
}

func reportCSV(w io.Writer, results []result) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"network", "parameters", "flops", "seconds", "accuracy", "loss"}}
	for _, r := range results {
		rows = append(rows, []string{r.Name, strconv.Itoa(r.Parameters), strconv.FormatInt(r.FLOPs, 10), strconv.FormatFloat(r.Seconds, 'f', 3, 64),
			strconv.FormatFloat(r.Accuracy, 'g', -1, 64), strconv.FormatFloat(r.Loss, 'g', -1, 64)})
	}
	return out.WriteAll(rows)
}

// Size and margins of the scatter plot.
const (
	scatterWidth, scatterHeight = 7 * 72.0, 4.5 * 72.0
	largestDot, smallestDot     = 22.0, 4.0
)

// scatter draws the accuracy over the parameters, on a logarithmic scale; a dot's area goes by the operations of one image.
func scatter(path string, force bool, results []result) error {
	face, err := typeface()
	if err != nil {
		return err
	}
	c := newCanvas(path, scatterWidth, scatterHeight, face)
	var xs, ys []float64
	most := int64(1)
	for _, r := range results {
		xs, ys = append(xs, math.Log10(float64(max(r.Parameters, 1)))), append(ys, r.Accuracy)
		most = max(most, r.FLOPs)
	}
	y := newAxis(ys, scatterHeight-bottomMargin-largestDot, topMargin+largestDot)
	x := newAxis(xs, leftMargin+largestDot, scatterWidth-rightMargin-largestDot)
	decades := logTicks(slices.Min(xs), slices.Max(xs))
	x.low, x.high = decades[0], decades[len(decades)-1]
	bottom, right := scatterHeight-bottomMargin, scatterWidth-rightMargin
	for _, v := range y.ticks() {
		c.line(gridInk, thin, false, point{leftMargin, y.at(v)}, point{right, y.at(v)})
		c.text(point{leftMargin - 6, y.at(v) + fontSize/3}, 1, y.label(v))
	}
	for _, v := range decades {
		c.line(gridInk, thin, false, point{x.at(v), bottom}, point{x.at(v), topMargin})
		c.text(point{x.at(v), bottom + fontSize + 4}, .5, thousands(int64(math.Round(math.Pow(10, v)))))
	}
	c.text(point{(leftMargin + right) / 2, bottom + 2*fontSize + 8}, .5, "trainable parameters")
	c.text(point{leftMargin, topMargin - 10}, 0, "accuracy on test data; a dot's area: operations an image")
	dots := make([]box, len(results))
	for i, r := range results {
		radius := max(smallestDot, largestDot*math.Sqrt(float64(r.FLOPs)/float64(most)))
		at := point{x.at(xs[i]), y.at(ys[i])}
		dots[i] = box{at.x - radius, at.y - radius, at.x + radius, at.y + radius}
		c.dot(curveInk(i), at, radius, true)
	}
	names := make([]string, len(results))
	for i, r := range results {
		names[i] = fmt.Sprintf("%s %.2f%%, %.1f s", r.Name, 100*r.Accuracy, r.Seconds)
	}
	room := box{leftMargin, topMargin - 6, right, bottom}
	width := func(s string) float64 { return float64(face.Width(s)) }
	for i, at := range placeLabels(dots, names, width, room) {
		d := dots[i]
		mid := point{(d.left + d.right) / 2, (d.top + d.bottom) / 2}
		near := point{max(at.x, min(mid.x, at.x+width(names[i]))), max(at.y-fontSize, min(mid.y, at.y))}
		if math.Hypot(near.x-mid.x, near.y-mid.y) > (d.right-d.left)/2+fontSize { // a line tells whose label it is
			c.line(textInk, thin, false, mid, near)
		}
		c.text(at, 0, names[i])
	}
	return safeio.WriteFile(path, force, func(w io.Writer) error { return c.writeTo(w) })
}

// logTicks are the logarithms of 1, 2 and 5 times powers of ten, from the last that isn't above low to the first that isn't
// under high; where that is far, of powers alone.
func logTicks(low, high float64) (ticks []float64) {
	steps := []float64{0, math.Log10(2), math.Log10(5)}
	if high-low > 3 {
		steps = steps[:1]
	}
	for p := math.Floor(low); ; p++ {
		for _, s := range steps {
			v := p + s
			if v <= low {
				ticks = ticks[:0]
			}
			ticks = append(ticks, v)
			if v >= high && len(ticks) > 1 {
				return ticks
			}
		}
	}
}

// box is a rectangle.
type box struct{ left, top, right, bottom float64 }

func (b box) meets(o box) bool {
	return b.left < o.right && o.left < b.right && b.top < o.bottom && o.top < b.bottom
}

func (b box) within(o box) bool {
	return b.left >= o.left && b.right <= o.right && b.top >= o.top && b.bottom <= o.bottom
}

// placeLabels finds where the labels of dots begin: beside, above or under their dot, ever farther away, at the first place in
// the room that no dot and no other label has.
func placeLabels(dots []box, labels []string, width func(string) float64, room box) []point {
	taken := slices.Clone(dots)
	places := make([]point, len(labels))
	for i, d := range dots {
		w := width(labels[i])
		midX, midY := (d.left+d.right)/2, (d.top+d.bottom)/2
		boxAt := func(left, middle float64) box {
			return box{left, middle - fontSize*.6, left + w, middle + fontSize*.6}
		}
		best := boxAt(d.right+4, midY)
	search:
		for away := 0.0; away < scatterHeight; away += fontSize / 2 {
			for _, b := range []box{boxAt(d.right+4, midY-away), boxAt(d.right+4, midY+away), boxAt(d.left-4-w, midY-away), boxAt(d.left-4-w, midY+away),
				boxAt(midX-w/2, d.top-fontSize*.7-away), boxAt(midX-w/2, d.bottom+fontSize*.7+away)} {
				if b.within(room) && !slices.ContainsFunc(taken, b.meets) {
					best = b
					break search
				}
			}
		}
		taken = append(taken, best)
		places[i] = point{best.left, best.bottom - fontSize*.3}
	}
	return places
}
