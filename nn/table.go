package nn

import (
	"math"
	"strings"
	"unicode"
	"unicode/utf8"
)

// column is a column of a table, and how wide its text may be before the table is fitted to the line.
type column struct {
	header string
	width  int
	align  alignment
}

type alignment uint8

const (
	left alignment = iota
	right
	center
)

// renderTable draws a table of the given width as the Python package rich does: heavy head, lines between rows, text
// wrapped at words and cropped with an ellipsis.
//
// Source: rich/table.py, rich/_wrap.py, rich/_ratio.py
func renderTable(columns []column, rows [][]string, width int) string {
	widths := fitColumns(columns, width)
	var b strings.Builder
	rule := func(from, line, cross, to string) {
		b.WriteString(from)
		for i, w := range widths {
			if i > 0 {
				b.WriteString(cross)
			}
			b.WriteString(strings.Repeat(line, w))
		}
		b.WriteString(to + "\n")
	}
	row := func(cells []string, bar string) {
		lines, height := make([][]string, len(columns)), 1
		for i, c := range columns {
			lines[i] = wrap(cells[i], widths[i]-2, c.align)
			height = max(height, len(lines[i]))
		}
		for k := range height {
			b.WriteString(bar)
			for i, w := range widths {
				text := ""
				if k < len(lines[i]) {
					text = lines[i][k]
				}
				b.WriteString(" " + text + strings.Repeat(" ", max(0, w-2-utf8.RuneCountInString(text))) + " " + bar)
			}
			b.WriteByte('\n')
		}
	}
	rule("┏", "━", "┳", "┓")
	heads := make([]string, len(columns))
	for i, c := range columns {
		heads[i] = c.header
	}
	row(heads, "┃")
	rule("┡", "━", "╇", "┩")
	for i, r := range rows {
		if i > 0 {
			rule("├", "─", "┼", "┤")
		}
		row(r, "│")
	}
	rule("└", "─", "┴", "┘")
	return b.String()
}

// fitColumns are the columns' widths with a space on both sides, such that with the bars they fill the table's.
func fitColumns(columns []column, width int) []int {
	widths, sum := make([]int, len(columns)), 0
	for i, c := range columns {
		widths[i] = c.width + 2
		sum += widths[i]
	}
	excess, left := sum-(width-len(columns)-1), len(columns)
	for i := range widths {
		take := min(widths[i], int(math.RoundToEven(float64(excess)/float64(left))))
		widths[i] -= take
		excess -= take
		left--
	}
	return widths
}

// wrap breaks text into lines of at most width characters.
func wrap(text string, width int, align alignment) (lines []string) {
	var line string
	flush := func() {
		if s := []rune(line); len(s) > width { // spaces at the end don't count, then an ellipsis takes the last place
			trimmed := []rune(strings.TrimRightFunc(line, unicode.IsSpace))
			if s = s[:max(len(trimmed), width)]; len(s) > width {
				s = append(s[:max(width-1, 0):max(width-1, 0)], '…')
			}
			line = string(s)
		}
		if align != left {
			line = strings.TrimRightFunc(line, unicode.IsSpace)
			room := max(0, width-utf8.RuneCountInString(line))
			if align == center {
				room /= 2
			}
			line = strings.Repeat(" ", room) + line
		}
		lines = append(lines, line)
		line = ""
	}
	used := 0
	for i, word := range wordsOf(text) {
		bare := utf8.RuneCountInString(strings.TrimRightFunc(word, unicode.IsSpace))
		if width-used < bare && i > 0 && (bare > width || used > 0) {
			flush()
			used = 0
		}
		line += word
		used += utf8.RuneCountInString(word)
	}
	flush()
	return lines
}

// wordsOf splits text into words with the spaces around them: those before the first, those after each.
func wordsOf(text string) (words []string) {
	start, seen := 0, false // seen: a letter of the word
	space := false
	for i, r := range text {
		if unicode.IsSpace(r) {
			space = seen
			continue
		}
		if space {
			words = append(words, text[start:i])
			start, space = i, false
		}
		seen = true
	}
	return append(words, text[start:])
}
