package main

import (
	"context"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kerasgo/data"
	"kerasgo/internal/cli"
)

// console is a command of the documentation with the output that is shown for it; a line of three dots leaves some out.
type console struct{ command, output string }

var fenced = regexp.MustCompile("(?s)```console\n\\$ ([^\n]*)\n(.*?)```")

func consoles(t *testing.T, name string) (out []console) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range fenced.FindAllStringSubmatch(string(raw), -1) {
		out = append(out, console{m[1], m[2]})
	}
	return out
}

// TestFromScratch runs the commands of docs/from-scratch.md again, in its order, in an empty folder. Their output must hold
// what is shown there, in that order.
func TestFromScratch(t *testing.T) {
	list := consoles(t, "from-scratch.md")
	if len(list) < 10 || !slices.Equal(list, consoles(t, "from-scratch.zh-CN.md")) {
		t.Fatalf("%d commands, or not the same in both languages", len(list))
	}
	_, err := data.MNISTFolder("", os.Getenv)
	digits := err == nil && !testing.Short()
	var kinfer string
	if digits {
		kinfer = filepath.Join(t.TempDir(), "kinfer.exe")
		if out, err := exec.Command("go", "build", "-o", kinfer, "../kinfer").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	t.Chdir(t.TempDir())
	t.Setenv("COLUMNS", "80")
	for _, c := range list {
		words := strings.Fields(strings.ReplaceAll(c.command, "'", ""))
		var out string
		switch {
		case words[0] == "ktrain" && words[1] == "explain":
			out, _ = ok(t, words[1:]...)
		case !digits: // the others need MNIST
			continue
		case words[0] == "ktrain":
			code, stdout, log := ktrain(context.Background(), append(words[1:], "--verbose", "0")...)
			if code != cli.OK {
				t.Fatalf("%s: exit %d\n%s", c.command, code, log)
			}
			out = stdout
		case words[0] == "kinfer":
			raw, err := exec.Command(kinfer, words[1:]...).Output()
			if err != nil {
				t.Fatalf("%s: %v", c.command, err)
			}
			out = string(raw)
		default:
			t.Fatalf("the test can't run %q", c.command)
		}
		if line := missing(c, strings.Split(out, "\n")); line != "" {
			t.Errorf("%s doesn't print %q", c.command, line)
		}
	}
}

// missing is the first shown line that isn't printed after those before it.
func missing(c console, printed []string) string {
	gap := false // lines may be left out here
	for _, want := range strings.Split(strings.TrimSuffix(c.output, "\n"), "\n") {
		if want == "..." {
			gap = true
			continue
		}
		for gap && len(printed) > 0 && !alike(c.command, printed[0], want) {
			printed = printed[1:]
		}
		if len(printed) == 0 || !alike(c.command, printed[0], want) {
			return want
		}
		printed, gap = printed[1:], false
	}
	return ""
}

// decimal is what a processor may round otherwise. What isn't, words and whole numbers, is the same everywhere.
var decimal = regexp.MustCompile(`-?\b\d+\.\d+(e[-+]\d+)?`)

// alike compares lines. Processors without the kernels in assembly round otherwise; over thousands of steps that grows
// until a few pictures are told apart differently.
func alike(command, got, want string) bool {
	near := func(a, b float64) bool { return math.Abs(a-b) <= 1e-3*math.Abs(b)+1e-7 }
	g, w := strings.Fields(got), strings.Fields(want)
	switch {
	case strings.HasPrefix(command, "kinfer"): // the picture, the likeliest digit, its probability
		g, w = g[:min(3, len(g))], w[:min(3, len(w))]
		fallthrough
	case !strings.HasPrefix(command, "ktrain explain"):
		near = func(a, b float64) bool { return math.Abs(a-b) <= .03*max(1, b) }
		if strings.HasPrefix(command, "ktrain compare") && len(g) == 6 && len(w) == 6 && strings.Contains(w[4], ".") {
			g[3], w[3] = "seconds", "seconds"
		}
	}
	got, want = strings.Join(g, " "), strings.Join(w, " ")
	if decimal.ReplaceAllString(got, "#") != decimal.ReplaceAllString(want, "#") {
		return false
	}
	w = decimal.FindAllString(want, -1)
	for i, n := range decimal.FindAllString(got, -1) {
		a, err := strconv.ParseFloat(n, 64)
		b, err2 := strconv.ParseFloat(w[i], 64)
		if err != nil || err2 != nil || !near(a, b) {
			return false
		}
	}
	return true
}

// TestAlike shows that a wrong line would be noticed.
func TestAlike(t *testing.T) {
	c := console{"ktrain explain", "...\na  1.25\nb  2\n...\n"}
	for printed, want := range map[string]string{"x\na  1.2501\nb  2\ny": "", "a  1.26\nb  2": "a  1.25", "a  1.25\nx\nb  2": "b  2", "a  1.25\nb  3": "b  2"} {
		if got := missing(c, strings.Split(printed, "\n")); got != want {
			t.Errorf("%q: %q is missed, expected %q", printed, got, want)
		}
	}
}
