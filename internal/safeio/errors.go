package safeio

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Where names the place an error is about, from the outside in. Every field is
// optional; names that come from a file are printed with %q.
type Where struct {
	File   string // path of the file, as the user gave it
	Object string // object inside the file: an HDF5 path, a zip entry, a tensor's name
	Layer  string // layer's name in the model
	Class  string // layer's class
	Key    string // configuration key or attribute
}

// String returns the place as a prefix of a message, "" when nothing is known:
//
//	model.h5: /model_weights/d1/kernel: layer "d1" (Dense): key "units"
func (w Where) String() string {
	var parts []string
	if w.File != "" {
		parts = append(parts, clean(w.File))
	}
	if w.Object != "" {
		parts = append(parts, clean(w.Object))
	}
	switch {
	case w.Layer != "" && w.Class != "":
		parts = append(parts, fmt.Sprintf("layer %s (%s)", quote(w.Layer), clean(w.Class)))
	case w.Layer != "":
		parts = append(parts, "layer "+quote(w.Layer))
	case w.Class != "":
		parts = append(parts, "class "+clean(w.Class))
	}
	if w.Key != "" {
		parts = append(parts, "key "+quote(w.Key))
	}
	return strings.Join(parts, ": ")
}

// fill copies into w what it doesn't know yet and o does.
func (w *Where) fill(o Where) {
	set := func(dst *string, v string) {
		if *dst == "" {
			*dst = v
		}
	}
	set(&w.File, o.File)
	set(&w.Object, o.Object)
	set(&w.Layer, o.Layer)
	set(&w.Class, o.Class)
	set(&w.Key, o.Key)
}

// clean returns s unquoted where it is plain printable text, quoted otherwise,
// so that a name from a file can't steer a terminal or fake a line.
func clean(s string) string {
	if q := quote(s); q != `"`+s+`"` {
		return q
	}
	return s
}

// quote is s in quotes, no more than its beginning.
func quote(s string) string {
	const most = 1024
	if len(s) > most {
		return fmt.Sprintf("%q...", s[:most])
	}
	return fmt.Sprintf("%q", s)
}

// Printable escapes what could steer a terminal or fake a line: everything
// that isn't printable, line feeds included unless they are asked to stay.
func Printable(s string, lines bool) string {
	bad := func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) && !(lines && r == '\n') }
	if strings.IndexFunc(s, bad) < 0 && utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		_, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && n == 1: // a byte that is no UTF-8
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case bad(r):
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// message assembles an error's text: place, message, what was wanted and found.
func message(w Where, msg, want, got string, err error) string {
	var b strings.Builder
	if s := w.String(); s != "" {
		b.WriteString(s)
		b.WriteString(": ")
	}
	b.WriteString(msg)
	switch {
	case want != "" && got != "":
		fmt.Fprintf(&b, ": want %s, found %s", want, got)
	case want != "":
		fmt.Fprintf(&b, ": want %s", want)
	case got != "":
		fmt.Fprintf(&b, ": found %s", got)
	}
	if err != nil {
		fmt.Fprintf(&b, ": %v", err)
	}
	return Printable(b.String(), false)
}

// FormatError says that a file is broken: it breaks the rules of its own
// format, or what it holds contradicts itself.
type FormatError struct {
	Where
	Msg       string // what is wrong
	Want, Got string // what was expected and what was found; either may be ""
	Err       error  // the cause, if there is one
}

// Error returns "file: object: layer: key: message: want x, found y".
func (e *FormatError) Error() string { return message(e.Where, e.Msg, e.Want, e.Got, e.Err) }

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// UnsupportedError says that a file is valid and holds something that this
// program doesn't do, or by rule never does (following external links, say).
type UnsupportedError struct {
	Where
	Msg       string // what isn't supported
	Want, Got string // what would have been, and what was found; either may be ""
	Err       error  // the cause, if there is one
}

// Error returns "file: object: layer: key: message: want x, found y".
func (e *UnsupportedError) Error() string { return message(e.Where, e.Msg, e.Want, e.Got, e.Err) }

// Unwrap returns the cause.
func (e *UnsupportedError) Unwrap() error { return e.Err }

// LimitError says that a file asks for more than [Limits] or its own size
// allow: "model.h5: /d1/kernel: declares 4 PiB, file holds 0 B (limit 2 GiB;
// raise with --max-size)".
type LimitError struct {
	Where
	Msg       string // what exceeds the limit, numbers included
	Want, Got string // what was allowed and what was asked; either may be ""
	Limit     string // the limit in words; "" when none can be raised
	Raise     string // the flag that raises it, "" when there is none
	Err       error  // the cause, if there is one
}

// Error returns "file: object: message (limit x; raise with flag)".
func (e *LimitError) Error() string {
	s := message(e.Where, e.Msg, e.Want, e.Got, e.Err)
	switch {
	case e.Limit != "" && e.Raise != "":
		s += fmt.Sprintf(" (limit %s; raise with %s)", e.Limit, e.Raise)
	case e.Limit != "":
		s += fmt.Sprintf(" (limit %s)", e.Limit)
	}
	return s
}

// Unwrap returns the cause.
func (e *LimitError) Unwrap() error { return e.Err }

// At fills in the place of the first typed error in err's chain, where it
// doesn't say it yet, and returns err: readers far down know the object, their
// callers know the file. Errors of other types are wrapped with the place.
func At(err error, w Where) error {
	if err == nil {
		return nil
	}
	for e := err; e != nil; {
		switch t := e.(type) {
		case *FormatError:
			t.fill(w)
			return err
		case *UnsupportedError:
			t.fill(w)
			return err
		case *LimitError:
			t.fill(w)
			return err
		}
		u, ok := e.(interface{ Unwrap() error })
		if !ok {
			break
		}
		e = u.Unwrap()
	}
	if s := w.String(); s != "" {
		return fmt.Errorf("%s: %w", s, err)
	}
	return err
}

// Bytes prints a number of bytes for people, exactly where it is a whole
// number of units and with two digits behind the point otherwise: "0 B",
// "2 GiB", "97.80 MiB".
func Bytes(n uint64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	u, d := 0, uint64(1024)
	for u+1 < len(units) && n/d >= 1024 {
		d *= 1024
		u++
	}
	if n%d == 0 {
		return fmt.Sprintf("%d %ciB", n/d, units[u])
	}
	return fmt.Sprintf("%.2f %ciB", float64(n)/float64(d), units[u])
}
