package data

import "sort"

// lineMap says on which line of a table each row stands: blank lines, headers and line feeds in quotes put them apart.
type lineMap struct{ rows, lines []int } // row rows[i] is on line lines[i], and the ones after it on the lines after that

// add notes that a row is on a line. Rows are added in order.
func (m *lineMap) add(row, line int) {
	if n := len(m.rows); n > 0 && m.lines[n-1]+row-m.rows[n-1] == line {
		return
	}
	m.rows, m.lines = append(m.rows, row), append(m.lines, line)
}

func (m *lineMap) of(row int) int {
	i := sort.SearchInts(m.rows, row+1) - 1
	if i < 0 {
		return row + 1
	}
	return m.lines[i] + row - m.rows[i]
}
