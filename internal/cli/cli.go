// Package cli is what the three commands share: subcommands with a FlagSet each, exit codes, errors that name the nearest
// flag, and what the terminal can do. A command's main is os.Exit(cli.Main(...)).
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/pflag"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Exit codes of all commands.
const (
	OK          = 0   // fine
	No          = 1   // diff, verify, check and self-tests said no
	Usage       = 2   // a flag or an argument is wrong, the output exists, the input doesn't fit the model
	Unsupported = 3   // the model has features that aren't supported
	Partial     = 4   // some of several inputs failed, the rest were done
	Broken      = 5   // broken file, weights or data, I/O
	Interrupted = 130 // after a clean end
)

// Error is an error with an exit code. A nil Err says nothing more on stderr.
type Error struct {
	Code int
	Err  error
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit %d", e.Code)
	}
	return e.Err.Error()
}

func (e *Error) Unwrap() error { return e.Err }

// Usagef is an error of the user's command line.
func Usagef(format string, args ...any) error { return &Error{Usage, fmt.Errorf(format, args...)} }

// Exit ends with a code and without a message.
func Exit(code int) error { return &Error{Code: code} }

// Code is the exit code of an error.
func Code(err error) int {
	var own *Error
	var many nn.UnsupportedErrors
	var unsupported *safeio.UnsupportedError
	var shape *graph.ShapeError
	switch {
	case err == nil:
		return OK
	case errors.As(err, &own):
		return own.Code
	case errors.Is(err, context.Canceled):
		return Interrupted
	case errors.As(err, &many), errors.As(err, &unsupported):
		return Unsupported
	case errors.As(err, &shape), errors.Is(err, safeio.ErrExists):
		return Usage
	}
	return Broken
}

// IO is where a command reads and writes.
type IO struct {
	In       io.Reader
	Out, Err io.Writer
	Env      func(key string) string
}

// System is the process's own.
func System() *IO { return &IO{os.Stdin, os.Stdout, os.Stderr, os.Getenv} }

// Command is a subcommand; the one named "" runs when the first argument names none.
type Command struct {
	Name    string
	Args    string // after the flags, for the usage line: MODEL [OUT]
	Short   string // one line
	Example string // lines that --help starts with
	// Setup declares the flags and returns what to run with the arguments that are left.
	Setup func(fs *pflag.FlagSet) func(ctx context.Context, o *IO, args []string) error
}

// Program is a command with its subcommands.
type Program struct {
	Name     string
	Short    string
	Commands []Command
}

// Main runs the program with the process's arguments until SIGINT or SIGTERM, and returns its exit code. The first signal
// asks for a clean end, the second kills.
func (p *Program) Main() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	o := System()
	o.In = &interruptible{ctx: ctx, from: o.In}
	return p.Run(ctx, o, os.Args[1:])
}

// interruptible is a reader that fails once its context ends, though the one it reads from may wait for ever.
type interruptible struct {
	ctx  context.Context
	from io.Reader
	pipe *io.PipeReader // from the first Read on
}

func (r *interruptible) Read(b []byte) (int, error) {
	if r.pipe == nil {
		var w *io.PipeWriter
		r.pipe, w = io.Pipe()
		go func() {
			_, err := io.Copy(w, r.from)
			w.CloseWithError(err)
		}()
		context.AfterFunc(r.ctx, func() { w.CloseWithError(r.ctx.Err()) })
	}
	return r.pipe.Read(b)
}

// Run runs the program and returns its exit code. Errors go to o.Err as one line (or one a thing, where many are listed).
func (p *Program) Run(ctx context.Context, o *IO, args []string) int {
	out := &output{to: o.Out}
	err := p.dispatch(ctx, &IO{o.In, out, o.Err, o.Env}, args)
	if err == nil && out.err != nil {
		err = fmt.Errorf("standard output: %w", out.err)
	}
	var own *Error
	if Code(err) == Interrupted && !errors.As(err, &own) {
		err = &Error{Interrupted, errors.New("interrupted")}
	}
	var many nn.UnsupportedErrors // the one error of several lines
	if err != nil && !(errors.As(err, &own) && own.Err == nil) {
		fmt.Fprintf(o.Err, "%s: %s\n", p.Name, safeio.Printable(err.Error(), errors.As(err, &many)))
	}
	return Code(err)
}

func (p *Program) dispatch(ctx context.Context, o *IO, args []string) error {
	if len(args) == 0 {
		p.help(o.Err)
		return Exit(Usage)
	}
	at := slices.IndexFunc(p.Commands, func(c Command) bool { return c.Name != "" && c.Name == args[0] })
	switch {
	case at >= 0:
		args = args[1:]
	case args[0] == "--version" || args[0] == "version":
		fmt.Fprintf(o.Out, "%s %s\n", p.Name, Version())
		return nil
	case args[0] == "completion":
		return p.completion(o.Out, args[1:])
	case args[0] == "man":
		p.man(o.Out)
		return nil
	case args[0] == "help" || args[0] == "--help" || args[0] == "-h":
		p.help(o.Out)
		return nil
	default:
		at = slices.IndexFunc(p.Commands, func(c Command) bool { return c.Name == "" })
		if at < 0 {
			return Usagef("unknown command %q%s", args[0], suggest(args[0], p.names()))
		}
	}
	c := p.Commands[at]
	fs, run := c.flags(p.Name)
	switch err := fs.Parse(args); {
	case errors.Is(err, pflag.ErrHelp):
		p.commandHelp(o.Out, c, fs)
		return nil
	case err != nil:
		return &Error{Usage, fmt.Errorf("%w%s", err, p.nearestFlag(err, fs))}
	}
	return run(ctx, o, fs.Args())
}

func (c Command) flags(program string) (*pflag.FlagSet, func(context.Context, *IO, []string) error) {
	fs := pflag.NewFlagSet(strings.TrimSpace(program+" "+c.Name), pflag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.SortFlags = false
	fs.Usage = func() {}
	return fs, c.Setup(fs)
}

func (p *Program) names() (names []string) {
	for _, c := range p.Commands {
		if c.Name != "" {
			names = append(names, c.Name)
		}
	}
	return names
}

func suggest(name string, from []string) string {
	if near := nn.Nearest(name, from); near != "" {
		return fmt.Sprintf(" (did you mean %q?)", near)
	}
	return ""
}

// nearestFlag suggests a flag after "unknown flag: --topk".
func (p *Program) nearestFlag(err error, fs *pflag.FlagSet) string {
	_, name, ok := strings.Cut(err.Error(), "unknown flag: --")
	if !ok {
		return ""
	}
	var names []string
	fs.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := nn.Nearest(name, names); near != "" {
		return fmt.Sprintf(" (did you mean --%s?)", near)
	}
	return ""
}
