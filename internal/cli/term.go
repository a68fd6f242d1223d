package cli

import (
	"io"
	"os"
	"strconv"

	"golang.org/x/term"
)

// Terminal says that w is a terminal that can move its cursor.
func (o *IO) Terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
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
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 80
}
