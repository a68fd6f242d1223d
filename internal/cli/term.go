package cli

import (
	"io"
	"strconv"

	"golang.org/x/term"
)

// descriptor is a file of the system's.
type descriptor interface{ Fd() uintptr }

// output is standard output that remembers its first error, so that no command ends well whose words went nowhere, though
// it didn't look.
type output struct {
	to  io.Writer
	err error
}

func (w *output) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	if w.err == nil {
		w.err = err
	}
	return n, err
}

// Fd is the file's that is written to; of anything else, one that isn't open.
func (w *output) Fd() uintptr {
	if f, ok := w.to.(descriptor); ok {
		return f.Fd()
	}
	return ^uintptr(0)
}

// Terminal says that w is a terminal that can move its cursor.
func (o *IO) Terminal(w io.Writer) bool {
	f, ok := w.(descriptor)
	return ok && term.IsTerminal(int(f.Fd())) && o.Env("TERM") != "dumb"
}

// Color says that w may get colours: a terminal, unless NO_COLOR is set; anything, when CLICOLOR_FORCE is.
func (o *IO) Color(w io.Writer) bool {
	if o.Env("NO_COLOR") != "" {
		return false
	}
	if v := o.Env("CLICOLOR_FORCE"); v != "" && v != "0" {
		return true
	}
	return o.Terminal(w)
}

// Columns is the width of w: COLUMNS, the terminal's, or 80.
func (o *IO) Columns(w io.Writer) int {
	if n, err := strconv.Atoi(o.Env("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if f, ok := w.(descriptor); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}
