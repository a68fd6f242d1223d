package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/cli"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

func spec(name string, d nn.DType, shape ...int) nn.InputSpec {
	return nn.InputSpec{Name: name, Spec: nn.Spec{Shape: shape, DType: d}}
}

func TestReadCSV(t *testing.T) {
	for _, c := range []struct {
		text string
		spec nn.InputSpec
		want string // the shape and the elements, or part of the error
	}{
		{"a,b\n1,2\n3,4.5\n", spec("x", graph.Float32, -1, 2), "(2, 2) [1 2 3 4.5]"},
		{"1\t2\n", spec("x", graph.Float32, -1, 2, 1), "(1, 2, 1) [1 2]"},
		{"\xef\xbb\xbf1, 2, 3, 4\r\n", spec("x", graph.Float32, -1, -1, 2), "(1, 2, 2) [1 2 3 4]"},
		{"1,inf\n", spec("x", graph.Float32, -1, 2), "(1, 2) [1 +Inf]"},
		{"7,8\n", spec("x", graph.Int32, -1, -1), "(1, 2) [7 8]"},
		{"1,2\n3\n", spec("x", graph.Float32, -1, 2), "wrong number of fields"},
		{"1,2,3\n", spec("x", graph.Float32, -1, 2), "expected float32(None, 2), found float32(1, 3)"},
		{"1,two\n3,4\n", spec("x", graph.Float32, -1, 2), `line 1, column 2: found "two"`},
		{"1.5\n", spec("x", graph.Int32, -1, 1), "1.5 doesn't fit int32"},
		{"300\n", spec("x", graph.Uint8, -1, 1), "300 doesn't fit uint8"},
		{"nan\n", spec("x", graph.Int64, -1, 1), "doesn't fit int64"},
		{"1,2\n", spec("x", graph.Float32, -1, -1, -1), "expected"},
	} {
		x, err := readCSV([]byte(c.text), c.spec)
		if got := tell(x, err); !strings.Contains(got, c.want) {
			t.Errorf("%q: %s, want %s", c.text, got, c.want)
		}
	}
}

// tell is a tensor, or the error.
func tell(x *nn.Tensor, err error) string {
	if err != nil {
		return err.Error()
	}
	if x.F32 != nil {
		return fmt.Sprint(x.Shape, " ", x.F32)
	}
	return fmt.Sprint(x.Shape, " ", x.I64, x.Str)
}

func TestReadJSON(t *testing.T) {
	f := spec("x", graph.Float32, -1, 2)
	for _, c := range []struct {
		text string
		spec nn.InputSpec
		want string
	}{
		{"[[1, 2], [3, null]]", f, "(2, 2) [1 2 3 NaN]"},
		{`{"x": [[1, 2e40]]}`, f, "(1, 2) [1 +Inf]"},
		{"[[[1],[2]],[[3],[4]]]", f, "(2, 2, 1) [1 2 3 4]"},
		{"[true, false]", spec("x", graph.Int32, -1), "(2) [1 0]"},
		{`["a", "b"]`, spec("x", graph.String, -1), "(2) [] [a b]"},
		{"[[], []]", f, "(2, 0)"},
		{"[[1], [2, 3]]", f, "unequal"},
		{"[1, [2]]", f, "unequal"},
		{"[[1], 2]", f, "unequal"},
		{"[[[1]], [2]]", f, "unequal"},
		{"[[], [[]]]", f, "unequal"},
		{strings.Repeat("[", 100000), f, "unequal"},
		{"[[1, {}]]", f, "unequal"},
		{`[["1"]]`, f, "want a number"},
		{"[1", f, "unexpected EOF"},
		{"[1] 2", f, "goes on"},
		{`{"y": [1]}`, f, `no input "y", but "x"`},
		{`{"x": 7}`, f, "list of rows"},
		{`{"x": [1], "x": [2]}`, f, "twice"},
		{"{}", f, `nothing for input "x"`},
		{"[NaN]", f, "broken JSON"},
	} {
		x, err := readJSON([]byte(c.text), []nn.InputSpec{c.spec})
		got := ""
		if err != nil {
			got = err.Error()
		} else {
			got = tell(x[0], nil)
		}
		if !strings.Contains(strings.ReplaceAll(got, "(2,)", "(2)"), c.want) {
			t.Errorf("%.40q: %s, want %s", c.text, got, c.want)
		}
	}
	if _, err := readJSON([]byte("[1]"), []nn.InputSpec{f, f}); cli.Code(err) != cli.Usage {
		t.Errorf("a list for two inputs: %v", err)
	}
}

// TestTextInputs sends the same image as an array, as CSV and as JSON, as files, by name and through standard input.
func TestTextInputs(t *testing.T) {
	dir := t.TempDir()
	x := pixels(t, digitFiles(t)[0])
	var cells []string
	for _, v := range x.F32 {
		cells = append(cells, fmt.Sprint(v))
	}
	row := strings.Join(cells, ",")
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	csv := write("x.csv", row+"\n")
	lists := "[[[" + strings.ReplaceAll(row, ",", "],[") + "]]]"
	var image []string
	for i := range 28 {
		image = append(image, "[["+strings.Join(cells[28*i:28*i+28], "],[")+"]]")
	}
	json := write("x.json", "[["+strings.Join(image, ",")+"]]")
	_, want, errs := run(t, "", model, digitFiles(t)[0], "--format", "json", "-k", "10")
	if errs != "" && !strings.Contains(errs, "pixels") {
		t.Fatal(errs)
	}
	_, want, _ = strings.Cut(want, `"top"`)
	for _, args := range [][]string{{csv}, {json}, {"--input", "image=" + csv}, {"--input", "image=" + json}} {
		code, out, errs := run(t, "", append([]string{model, "--format", "json", "-k", "10"}, args...)...)
		if _, top, _ := strings.Cut(out, `"top"`); code != cli.OK || cut(top) != cut(want) {
			t.Errorf("%q: exit %d, %s%s", args, code, out, errs)
		}
	}
	if code, out, _ := run(t, row+"\n", model, "-", "-k", "1"); code != cli.OK || !strings.Contains(out, label(digitFiles(t)[0])) {
		t.Errorf("CSV through standard input: exit %d, %s", code, out)
	}
	for _, c := range []struct {
		args []string
		code int
		text string
	}{
		{[]string{write("y.json", lists)}, cli.Usage, "expected"},
		{[]string{"--input", csv}, cli.Usage, "NAME=FILE"},
		{[]string{"--input", "imag=" + csv}, cli.Usage, `"image"`},
		{[]string{"--input", "image=" + csv, "--input", "image=" + csv}, cli.Usage, "twice"},
		{[]string{"--input", "image=" + csv, csv}, cli.Usage, "not both"},
		{[]string{"--input", "image=" + filepath.Join(dir, "none.csv")}, cli.Broken, "none.csv"},
		{[]string{write("bad.csv", "1,x\n"), "-k", "1"}, cli.Broken, "bad.csv"},
		{[]string{csv, "--max-size", "lots"}, cli.Usage, "--max-size"},
		{[]string{digitFiles(t)[0], "--max-pixels", "700"}, cli.Broken, "--max-pixels"},
		{[]string{csv, "--max-size", "1K"}, cli.Broken, "--max-size"},
	} {
		code, out, errs := run(t, "", append([]string{model}, c.args...)...)
		if code != c.code || out != "" || !strings.Contains(errs, c.text) {
			t.Errorf("%q: exit %d, %q, %q", c.args, code, out, errs)
		}
	}
}

// cut is what two rows of JSON have in common: an array's ends with its number.
func cut(top string) string {
	before, _, _ := strings.Cut(top, "]")
	return before
}

func TestParseSize(t *testing.T) {
	for s, want := range map[string]int64{"1": 1, "8GB": 8 << 30, "1.5k": 1536, "2MiB": 2 << 20, "1T": 1 << 40, "": 0, "-1": 0, "B": 0, "8X": 0, "nan": 0, "1e30": 0} {
		if got, err := parseSize(s); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v", s, got, err)
		}
	}
}

// TestNoRows: 0 rows in, 0 rows out, and files that can't be written end at once.
func TestNoRows(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.npy")
	raw, err := os.Create(empty)
	if err != nil {
		t.Fatal(err)
	}
	if err := npy.Write(raw, graph.NewTensor(0, 28, 28, 1)); err != nil {
		t.Fatal(err)
	}
	raw.Close()
	out := filepath.Join(dir, "y.npy")
	if code, _, errs := run(t, "", model, empty, "-o", out); code != cli.OK {
		t.Fatal(code, errs)
	}
	if y, err := npy.Open(out, safeio.Limits{}); err != nil || !y.Shape.Equal(nn.Shape{0, 10}) {
		t.Errorf("%v, %v", y, err)
	}
	for _, format := range []string{"table", "csv", "json", "jsonl", "npz"} {
		if code, _, errs := run(t, "", model, empty, "--format", format); code != cli.OK {
			t.Errorf("%s: exit %d, %s", format, code, errs)
		}
	}
	if code, _, errs := run(t, "", model, digitFiles(t)[0], "-o", filepath.Join(dir, "none", "y.csv")); code != cli.Broken || !strings.Contains(errs, "none") {
		t.Errorf("a folder that isn't there: exit %d, %s", code, errs)
	}
	if err := os.Mkdir(filepath.Join(dir, "m.kinfer.json"), 0o755); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	beside := filepath.Join(dir, "m.h5")
	if err := os.WriteFile(beside, data, 0o644); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "", beside, digitFiles(t)[0]); code != cli.Broken || !strings.Contains(errs, "not a regular file") {
		t.Errorf("a folder beside the model: exit %d, %s", code, errs)
	}
}

// TestTooMuch: what would take more memory than there is, is refused before it is asked for.
func TestTooMuch(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
	}{
		{"bench MODEL -b 1099511627776", cli.Broken},
		{"bench MODEL -b 4611686018427387904", cli.Broken},
		{"bench MODEL -b 100000000", cli.Broken},
		{"bench MODEL --seconds nan", cli.Usage},
		{"MODEL MODEL -b 9000000000000000000", cli.Broken}, // the input is no image
	} {
		code, out, errs := run(t, "", strings.Fields(strings.ReplaceAll(c.args, "MODEL", model))...)
		if code != c.code || out != "" || strings.Count(errs, "\n") != 1+strings.Count(errs, "pixels: ") {
			t.Errorf("%s: exit %d, %q, %q", c.args, code, out, errs)
		}
	}
}
