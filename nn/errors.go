package nn

import (
	"errors"
	"fmt"
	"strings"

	"kerasgo/internal/safeio"
)

// The three kinds of errors that files cause; each names file, object, layer, class and key where they are known.
type (
	// FormatError: the file is broken.
	FormatError = safeio.FormatError
	// UnsupportedError: the file is valid, but asks for something that isn't supported.
	UnsupportedError = safeio.UnsupportedError
	// LimitError: the file exceeds a limit.
	LimitError = safeio.LimitError
	// Where is the place that an error names.
	Where = safeio.Where
)

// UnsupportedErrors is everything in one model that isn't supported, so that nobody has to find out one by one.
type UnsupportedErrors []*UnsupportedError

func (e UnsupportedErrors) Error() string {
	if len(e) == 1 {
		return e[0].Error()
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d things are not supported:", len(e))
	for _, u := range e {
		b.WriteString("\n  ")
		b.WriteString(u.Error())
	}
	return b.String()
}

// Unwrap lets errors.As find a single one.
func (e UnsupportedErrors) Unwrap() []error {
	out := make([]error, len(e))
	for i, u := range e {
		out[i] = u
	}
	return out
}

// BuildError is a layer that could not be built from its config, its weights and its inputs.
type BuildError struct {
	Path, Class string // of the layer
	Msg         string
	Err         error // the cause, if there is one
}

func (e *BuildError) Error() string {
	if e.Path == "" {
		return safeio.Printable(e.Msg, false)
	}
	return safeio.Printable(fmt.Sprintf("%v: %s", Where{Layer: e.Path, Class: e.Class}, e.Msg), false)
}

func (e *BuildError) Unwrap() error { return e.Err }

// asUnsupported finds what isn't supported in err.
func asUnsupported(err error) (list UnsupportedErrors) {
	var many UnsupportedErrors
	var one *UnsupportedError
	if errors.As(err, &many) {
		return many
	}
	if errors.As(err, &one) {
		return UnsupportedErrors{one}
	}
	return nil
}
