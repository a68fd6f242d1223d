package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/data"
	"kerasgo/imaging"
	"kerasgo/internal/cli"
	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// strokes are images of 28x28 with a bar that is at another height for each class.
func strokes(t *testing.T, n int) *data.Pixels {
	t.Helper()
	pix, labels := make([]byte, n*28*28), make([]int32, n)
	for i := range n {
		labels[i] = int32(i % 10)
		for x := 4; x < 24; x++ {
			pix[i*784+(4+2*(i%10))*28+x] = byte(200 + i%50)
		}
	}
	p, err := data.NewPixels(pix, 28, 28, labels, imaging.Preprocess{Mode: imaging.Scale})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func quiet() (*cli.IO, *bytes.Buffer) {
	var log bytes.Buffer
	return &cli.IO{In: strings.NewReader(""), Out: &log, Err: &log, Env: func(string) string { return "" }}, &log
}

// TestCompare: every network learns, its parameters are what its formulas say, and the report holds it in each format.
func TestCompare(t *testing.T) {
	o, log := quiet()
	c := comparison{epochs: 2, rows: 150, batch: 10, threads: 1, verbose: -1}
	results, err := c.compare(context.Background(), o, networks(), strokes(t, 200), strokes(t, 50))
	if err != nil || len(results) != 5 {
		t.Fatal(len(results), err)
	}
	if !strings.Contains(log.String(), "5/5 lstm: ") || !strings.Contains(log.String(), "15/15 - ") {
		t.Errorf("progress: %s", log)
	}
	for _, r := range results {
		sum := 0
		for _, l := range r.Layers {
			sum += l.Parameters
			if got := calculate(t, l.Formula); got != l.Parameters {
				t.Errorf("%s/%s: %q is %d, not %d", r.Name, l.Name, l.Formula, got, l.Parameters)
			}
		}
		if sum != r.Parameters || !(r.Seconds > 0) || !(r.Accuracy >= 0 && r.Accuracy <= 1) || !(r.Loss < 2.4) {
			t.Errorf("%s: %+v", r.Name, r)
		}
	}
	// By hand: a multiply-add is two, an activation one an element, softmax as its operation counts it.
	if cnn := results[2]; cnn.Layers[0].FLOPs != 26*26*16*(2*9+1) || cnn.Layers[1].FLOPs != 13*13*16*4 {
		t.Errorf("cnn: %+v", cnn.Layers[:2])
	}
	for format, want := range map[string]string{"table": "101,770", "md": "| 784 x 10 + 10 | 7,850 |", "csv": "mlp,101770,", "json": `"formula":"4 x (28 x 64 + 64 x 64 + 64)"`} {
		write, err := reporter(format)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := write(&b, results); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%s lacks %q: %v\n%s", format, want, err, &b)
		}
		switch format {
		case "csv":
			if lines, err := csv.NewReader(&b).ReadAll(); err != nil || len(lines) != 6 {
				t.Errorf("csv: %v", err)
			}
		case "json":
			var back []result
			if err := json.Unmarshal(b.Bytes(), &back); err != nil || len(back) != 5 || back[4].Parameters != results[4].Parameters {
				t.Errorf("json: %v", err)
			}
		}
	}
	for _, name := range []string{"c.svg", "c.png"} {
		path := filepath.Join(t.TempDir(), name)
		if err := scatter(path, false, results); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "svg") {
			checkSVG(t, path, "cnn ", "trainable parameters", "prefers-color-scheme: dark")
		}
	}
}

// calculate works a formula of sums and products out, with one pair of brackets at most, at its end.
func calculate(t *testing.T, formula string) int {
	t.Helper()
	if before, inner, ok := strings.Cut(formula, "("); ok {
		return calculate(t, strings.TrimSuffix(before, " x ")) * calculate(t, strings.TrimSuffix(inner, ")"))
	}
	sum := 0
	for _, term := range strings.Split(formula, " + ") {
		product := 1
		if term == "" {
			product = 0
		}
		for _, factor := range strings.Fields(strings.ReplaceAll(term, " x ", " ")) {
			n := 0
			for _, digit := range factor {
				n = 10*n + int(digit-'0')
			}
			product *= n
		}
		sum += product
	}
	return sum
}

// checkSVG reads a drawing as XML and looks for texts.
func checkSVG(t *testing.T, path string, want ...string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(raw)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
	}
	for _, w := range want {
		if !bytes.Contains(raw, []byte(w)) {
			t.Errorf("%s lacks %q", path, w)
		}
	}
}

// TestCompareInterrupted: networks that were done are still reported.
func TestCompareInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	log := &stopper{at: "3/5 ", cancel: cancel}
	o := &cli.IO{In: strings.NewReader(""), Out: log, Err: log, Env: func(string) string { return "" }}
	c := comparison{epochs: 1, rows: 40, batch: 10, threads: 1, verbose: 2}
	results, err := c.compare(ctx, o, networks(), strokes(t, 40), strokes(t, 10))
	if err != context.Canceled || len(results) != 2 || results[1].Name != "mlp" {
		t.Errorf("%d results, %v", len(results), err)
	}
}

// TestCosts: layers in layers count with the layer that holds them.
func TestCosts(t *testing.T) {
	m, err := classifier(0, []int{5, 3}, layers.NewLSTM(2), layers.NewDense(4, "softmax"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := costs(m)
	if err != nil || len(list) != 2 || list[0].Class != "LSTM" || list[0].FLOPs < 5*2*(3*8+2*8) || list[0].Parameters != nn.ParamCount(nn.Layers(m)[1]) {
		t.Errorf("%+v %v", list, err)
	}
}

// TestPlaceLabels: labels of dots that lie on top of each other meet neither each other nor a dot.
func TestPlaceLabels(t *testing.T) {
	room := box{0, 0, 500, 300}
	dots := []box{{100, 100, 120, 120}, {101, 101, 121, 121}, {100, 100, 104, 104}, {480, 2, 499, 20}, {130, 108, 160, 115}, {2, 280, 20, 299}}
	labels := slices.Repeat([]string{"a name of some length"}, len(dots))
	width := func(s string) float64 { return 6 * float64(len(s)) }
	var boxes []box
	for i, p := range placeLabels(dots, labels, width, room) {
		b := box{p.x, p.y - fontSize*.9, p.x + width(labels[i]), p.y + fontSize*.3}
		if !b.within(box{-1, -1, 501, 301}) || slices.ContainsFunc(dots, b.meets) || slices.ContainsFunc(boxes, b.meets) {
			t.Errorf("label %d is at %v", i, b)
		}
		boxes = append(boxes, b)
	}
}

func TestLogTicks(t *testing.T) {
	for _, c := range []struct {
		low, high float64
		want      []float64
	}{{7850, 101770, []float64{5000, 10000, 20000, 50000, 100000, 200000}}, {10, 10, []float64{10, 20}}, {3, 90000, []float64{1, 10, 100, 1000, 10000, 100000}}} {
		var got []float64
		for _, v := range logTicks(math.Log10(c.low), math.Log10(c.high)) {
			got = append(got, math.Round(math.Pow(10, v)))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%v to %v: %v, want %v", c.low, c.high, got, c.want)
		}
	}
}

func TestCompareFlags(t *testing.T) {
	dir := t.TempDir()
	fails(t, cli.Usage, "takes no arguments", "compare", "x")
	fails(t, cli.Usage, "--format is", "compare", "--format", "html")
	fails(t, cli.Usage, "1 or more", "compare", "--epochs", "0")
	fails(t, cli.Usage, "a .png or an .svg", "compare", "-o", filepath.Join(dir, "x.pdf"))
	fails(t, cli.Broken, "--data must be a folder", "compare", "--data", dir)
}
