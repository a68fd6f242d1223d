package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

func program() *Program {
	return &Program{Name: "prog", Short: "does things", Commands: []Command{
		{Name: "", Args: "MODEL", Short: "run", Example: "prog m.h5", Setup: func(fs *pflag.FlagSet) func(context.Context, *IO, []string) error {
			k := fs.IntP("top-k", "k", 5, "how many")
			return func(_ context.Context, o *IO, args []string) error {
				fmt.Fprintln(o.Out, *k, args)
				return nil
			}
		}},
		{Name: "check", Args: "MODEL", Short: "look", Setup: func(*pflag.FlagSet) func(context.Context, *IO, []string) error {
			return func(context.Context, *IO, []string) error { return Exit(No) }
		}},
	}}
}

func run(args ...string) (code int, out, err string) {
	var o, e bytes.Buffer
	code = program().Run(context.Background(), &IO{strings.NewReader(""), &o, &e, func(string) string { return "" }}, args)
	return code, o.String(), e.String()
}

func TestDispatch(t *testing.T) {
	for _, c := range []struct {
		args     string
		code     int
		out, err string
	}{
		{"m.h5 -k 3 x", OK, "3 [m.h5 x]", ""},
		{"check m.h5", No, "", ""},
		{"m.h5 --top-j 3", Usage, "", "unknown flag: --top-j (did you mean --top-k?)"},
		{"--help", OK, "prog m.h5", ""},
		{"m.h5 --help", OK, "--top-k", ""},
		{"completion bash", OK, "--top-k", ""},
		{"completion tcsh", Usage, "", "tcsh"},
		{"man", OK, ".TH PROG 1", ""},
		{"version", OK, "prog ", ""},
	} {
		code, out, err := run(strings.Fields(c.args)...)
		if code != c.code || !strings.Contains(out, c.out) || !strings.Contains(err, c.err) || c.code == OK && err != "" {
			t.Errorf("%s: exit %d, stdout %q, stderr %q", c.args, code, out, err)
		}
	}
	if code, out, err := run(); code != Usage || out != "" || !strings.Contains(err, "check") {
		t.Errorf("no arguments: exit %d, stdout %q, stderr %q", code, out, err)
	}
}

func TestCode(t *testing.T) {
	for _, c := range []struct {
		err  error
		want int
	}{
		{nil, OK},
		{Usagef("x"), Usage},
		{fmt.Errorf("a: %w", &safeio.UnsupportedError{Msg: "m"}), Unsupported},
		{nn.UnsupportedErrors{{Msg: "m"}}, Unsupported},
		{&safeio.FormatError{Msg: "m"}, Broken},
		{fmt.Errorf("a: %w", safeio.ErrExists), Usage},
		{&graph.ShapeError{}, Usage},
		{context.Canceled, Interrupted},
		{errors.New("x"), Broken},
	} {
		if got := Code(c.err); got != c.want {
			t.Errorf("%v: exit %d, want %d", c.err, got, c.want)
		}
	}
}

func TestColor(t *testing.T) {
	env := map[string]string{}
	o := &IO{Env: func(k string) string { return env[k] }}
	var w bytes.Buffer
	if o.Color(&w) {
		t.Error("colours for a buffer")
	}
	env["CLICOLOR_FORCE"] = "1"
	if !o.Color(&w) {
		t.Error("CLICOLOR_FORCE isn't honoured")
	}
	env["NO_COLOR"] = "1"
	if o.Color(&w) {
		t.Error("NO_COLOR isn't honoured")
	}
	if env["COLUMNS"] = "44"; o.Columns(&w) != 44 {
		t.Error("COLUMNS isn't honoured")
	}
}

// TestInterruptible: reading ends with the context, and is whole before that.
func TestInterruptible(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	text, err := io.ReadAll(&interruptible{ctx: ctx, from: strings.NewReader("whole")})
	if err != nil || string(text) != "whole" {
		t.Errorf("%q, %v", text, err)
	}
	silent, w := io.Pipe()
	defer w.Close()
	go cancel()
	if _, err := io.ReadAll(&interruptible{ctx: ctx, from: silent}); Code(err) != Interrupted {
		t.Errorf("%v", err)
	}
}

// full is a disk without room.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestFull: a command whose output is lost doesn't end well, even if it didn't look.
func TestFull(t *testing.T) {
	for _, args := range []string{"m.h5", "--help", "man", "version", "completion bash"} {
		var e bytes.Buffer
		if code := program().Run(context.Background(), &IO{Out: full{}, Err: &e}, strings.Fields(args)); code != Broken || !strings.Contains(e.String(), "no space left") {
			t.Errorf("%s: exit %d, %q", args, code, e.String())
		}
	}
}

// TestOneLine: names of files can't fake a line of stderr.
func TestOneLine(t *testing.T) {
	var e bytes.Buffer
	p := &Program{Name: "prog", Commands: []Command{{Setup: func(*pflag.FlagSet) func(context.Context, *IO, []string) error {
		return func(_ context.Context, _ *IO, args []string) error { return fmt.Errorf("open %s: gone", args[0]) }
	}}}}
	if code := p.Run(context.Background(), &IO{Err: &e}, []string{"a\nprog: fine\x1b[2J"}); code != Broken || e.String() != "prog: open a\\nprog: fine\\x1b[2J: gone\n" {
		t.Errorf("exit %d, %q", code, e.String())
	}
}
