// Package examples_test runs the examples: each must end well, which it does only if what it claims came true, and print what
// README.md shows.
package examples_test

import (
	"bytes"
	"fmt"
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
)

// shown is an example with the output that README.md shows of it.
type shown struct {
	name   string
	args   []string
	output string
}

var block = regexp.MustCompile("(?s)```console\n\\$ go run \\./examples/(\\w+)([^\n]*)\n(.*?)```")

func readme(t *testing.T) (list []shown) {
	t.Helper()
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range block.FindAllStringSubmatch(string(raw), -1) {
		list = append(list, shown{m[1], strings.Fields(m[2]), m[3]})
	}
	return list
}

// TestExamples runs every example with all processors and with one: what is printed is the same, to the last digit.
// That of the CNN takes half a minute, and is left out unless KERASGO_EXAMPLES is all.
func TestExamples(t *testing.T) {
	if testing.Short() {
		t.Skip("the examples train networks")
	}
	bin := t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin+string(filepath.Separator), "./...").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	all := os.Getenv("KERASGO_EXAMPLES") == "all"
	_, err := data.MNISTFolder("", os.Getenv)
	digits := err == nil
	if all && !digits {
		t.Fatal(err)
	}
	for _, e := range readme(t) {
		t.Run(e.name, func(t *testing.T) {
			if !digits && slices.Contains([]string{"mnist", "cnn", "transfer"}, e.name) || !all && e.name == "cnn" {
				t.Skip()
			}
			out := run(t, bin, e, "")
			if line := missing(e.output, out); line != "" {
				t.Errorf("README.md shows %q; printed is\n%s", line, out)
			}
			if e.name == "cnn" {
				return
			}
			if one := run(t, bin, e, "1"); one != out {
				t.Errorf("with one processor, printed is\n%s\nand with all of them\n%s", one, out)
			}
		})
	}
}

// run runs an example in an empty folder, with so many processors ("": all), and returns what it printed.
func run(t *testing.T, bin string, e shown, processors string) string {
	t.Helper()
	c := exec.Command(filepath.Join(bin, e.name), e.args...)
	c.Dir = t.TempDir()
	c.Env = append(os.Environ(), "GOMAXPROCS="+processors)
	var out, log bytes.Buffer
	c.Stdout, c.Stderr = &out, &log
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s%s", err, &log, &out)
	}
	return out.String()
}

// missing is the first shown line that isn't printed after those before it. A line of three dots leaves some out.
func missing(want, printed string) string {
	lines := strings.Split(printed, "\n")
	for _, w := range strings.Split(strings.TrimSpace(want), "\n") {
		if w == "..." {
			continue
		}
		at := slices.IndexFunc(lines, func(l string) bool { return alike(l, w) })
		if at < 0 {
			return w
		}
		lines = lines[at+1:]
	}
	return ""
}

// alike compares lines word by word. Decimals may differ by a tenth, whole numbers (such as of epochs) by a quarter: processors
// without the kernels in assembly round otherwise, which grows while a network learns.
func alike(got, want string) bool {
	return slices.EqualFunc(strings.Fields(got), strings.Fields(want), func(g, w string) bool {
		a, err1 := strconv.ParseFloat(strings.Trim(g, ":,"), 64)
		b, err2 := strconv.ParseFloat(strings.Trim(w, ":,"), 64)
		most := 0.25 * math.Abs(b)
		if strings.Contains(w, ".") {
			most = 0.1*math.Abs(b) + 0.01
		}
		return g == w || err1 == nil && err2 == nil && math.Abs(a-b) <= most
	})
}

// TestReadme wants each example in README.md once.
func TestReadme(t *testing.T) {
	dirs, err := filepath.Glob("*/main.go")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if name := filepath.Dir(d); !strings.Contains(string(raw), fmt.Sprintf("[%[1]s](%[1]s)", name)) {
			t.Errorf("README.md doesn't tell of %s", name)
		}
	}
	if n := len(readme(t)); n != len(dirs)-1 { // the service prints nothing
		t.Errorf("README.md shows the output of %d examples, there are %d", n, len(dirs))
	}
	if missing("a 0.5\nb", "a 0.52\nc\nb") != "" || missing("a 0.5\nb", "a 0.6\nb") == "" || missing("b\na", "a\nb") == "" {
		t.Error("the comparison doesn't find what differs")
	}
}
