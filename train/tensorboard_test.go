package train_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"kerasgo/data"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/internal/tfrecord"
	"kerasgo/nn"
	"kerasgo/train"
)

// event is what an event file says of one value.
type event struct {
	tag, metadata string
	step          int64
	dtype         uint64
	shape         []uint64
	content       []byte
}

func (e event) key() string { return fmt.Sprintf("%s@%d", e.tag, e.step) }

// scalar is the value of a float.
func (e event) scalar() float64 {
	return float64(math.Float32frombits(binary.LittleEndian.Uint32(e.content)))
}

// fields calls f for each field of a message.
func fields(t *testing.T, b []byte, f func(field protowire.Number, number uint64, content []byte)) {
	t.Helper()
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatalf("a broken message: %x", b)
		}
		b = b[n:]
		var v uint64
		var content []byte
		switch kind {
		case protowire.VarintType:
			v, n = protowire.ConsumeVarint(b)
		case protowire.Fixed64Type:
			v, n = protowire.ConsumeFixed64(b)
		case protowire.BytesType:
			content, n = protowire.ConsumeBytes(b)
		default:
			t.Fatalf("field %d is of type %d", num, kind)
		}
		if n < 0 {
			t.Fatalf("a broken field %d", num)
		}
		f(num, v, content)
		b = b[n:]
	}
}

// events reads an event file: its values in order, and whether it begins with the version.
func events(t *testing.T, path string) (all []event) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for first := true; len(raw) > 0; first = false {
		n := binary.LittleEndian.Uint64(raw)
		record := raw[12:][:n]
		if binary.LittleEndian.Uint32(raw[8:]) != tfrecord.Sum(raw[:8]) || binary.LittleEndian.Uint32(raw[12+n:]) != tfrecord.Sum(record) {
			t.Fatalf("%s: a wrong checksum", path)
		}
		raw = raw[12+n+4:]
		var e event
		if first {
			fields(t, record, func(f protowire.Number, _ uint64, content []byte) {
				if f == 3 && string(content) != "brain.Event:2" || f == 10 && !bytes.Contains(content, []byte("tensorflow.core.util.events_writer")) {
					t.Errorf("%s: begins with %q", path, content)
				}
			})
			continue
		}
		fields(t, record, func(f protowire.Number, v uint64, content []byte) {
			switch f {
			case 2:
				e.step = int64(v)
			case 5:
				fields(t, content, func(_ protowire.Number, _ uint64, value []byte) { e.read(t, value) })
			}
		})
		all = append(all, e)
	}
	return all
}

func (e *event) read(t *testing.T, value []byte) {
	fields(t, value, func(f protowire.Number, _ uint64, content []byte) {
		switch f {
		case 1:
			e.tag = string(content)
		case 8:
			fields(t, content, func(f protowire.Number, v uint64, part []byte) {
				switch f {
				case 1:
					e.dtype = v
				case 2:
					fields(t, part, func(_ protowire.Number, _ uint64, dim []byte) {
						fields(t, dim, func(_ protowire.Number, v uint64, _ []byte) { e.shape = append(e.shape, v) })
					})
				default:
					e.content = part
				}
			})
		case 9:
			e.metadata = string(content)
		}
	})
}

// eventFiles are the files of one part of a log folder.
func eventFiles(t *testing.T, dir, part string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, part, "events.out.tfevents.*.v2"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// boardCase is a case of testdata/tensorboard.
type boardCase struct {
	Case      string
	Arguments struct {
		HistogramFreq int             `json:"histogram_freq"`
		UpdateFreq    json.RawMessage `json:"update_freq"`
		WriteGraph    *bool           `json:"write_graph"`
		Steps         bool            `json:"write_steps_per_second"`
	}
	Fit struct {
		Split float64 `json:"validation_split"`
	}
	Files []string
	Model string
}

func (c boardCase) callback(dir string) train.TensorBoard {
	b := train.TensorBoard{LogDir: dir, HistogramFreq: c.Arguments.HistogramFreq, WriteStepsPerSecond: c.Arguments.Steps}
	if string(c.Arguments.UpdateFreq) == `"batch"` {
		b.UpdateFreq = 1
	} else if len(c.Arguments.UpdateFreq) > 0 {
		b.UpdateFreq = int(c.Arguments.UpdateFreq[0] - '0')
	}
	if c.Arguments.WriteGraph == nil {
		b.WriteGraph = func(nn.Model) ([]byte, error) { return []byte(c.Model), nil }
	}
	return b
}

// TestTensorBoard trains as Keras did, and must write the values that Keras's callback wrote: the same tags in the same
// order, steps, types, plugins; numbers within the tolerance of histories.
func TestTensorBoard(t *testing.T) {
	raw, err := os.ReadFile("../testdata/tensorboard/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Cases map[string]boardCase }
	if err := json.Unmarshal(raw, &all); err != nil || len(all.Cases) < 4 {
		t.Fatal(len(all.Cases), err)
	}
	for name, c := range all.Cases {
		t.Run(name, func(t *testing.T) {
			var p parity
			p.arrays = readMeta(t, "../testdata/parity/"+c.Case+".npz", &p)
			m, _ := p.model(t)
			o := p.options()
			if c.Fit.Split > 0 {
				o.ValidationSplit = c.Fit.Split
			}
			dir := t.TempDir()
			board, err := c.callback(dir).Callback()
			if err != nil {
				t.Fatal(err)
			}
			o.Callbacks = append(o.Callbacks, board)
			if _, err := train.Fit(context.Background(), m, &data.Arrays{X: p.list("x"), Y: p.list("t"), Weight: p.list("sw")}, o); err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"train", "validation"} {
				got := eventFiles(t, dir, part)
				if want := strings.Contains(strings.Join(c.Files, " "), part); len(got) > 1 || want != (len(got) == 1) {
					t.Fatalf("%s: %d files, Keras has one: %v", part, len(got), want)
				}
				if len(got) == 1 {
					compareEvents(t, events(t, got[0]), events(t, "../testdata/tensorboard/"+name+"/"+part+".tfevents"), c.callback("").UpdateFreq > 1)
				}
			}
		})
	}
}

// compareEvents compares ours with Keras's. more says that ours may hold values of epochs that Keras left out.
func compareEvents(t *testing.T, got, want []event, more bool) {
	t.Helper()
	for _, w := range want {
		for more && len(got) > 0 && got[0].key() != w.key() && (strings.HasPrefix(got[0].tag, "epoch_") || strings.HasPrefix(got[0].tag, "evaluation_")) {
			got = got[1:]
		}
		if len(got) == 0 {
			t.Fatalf("nothing is left where Keras has %s", w.key())
		}
		g := got[0]
		got = got[1:]
		if g.key() != w.key() || g.metadata != w.metadata || g.dtype != w.dtype || fmt.Sprint(g.shape) != fmt.Sprint(w.shape) || len(g.content) != len(w.content) {
			t.Fatalf("%s (metadata %q, type %d, shape %v), Keras has %s (%q, %d, %v)", g.key(), g.metadata, g.dtype, g.shape, w.key(), w.metadata, w.dtype, w.shape)
		}
		switch {
		case strings.HasSuffix(w.tag, "steps_per_second"):
			if !(g.scalar() > 0) {
				t.Errorf("%s is %v", g.key(), g.scalar())
			}
		case strings.HasSuffix(w.tag, "/histogram"):
			compareHistograms(t, w.key(), g.content, w.content)
		case w.tag == "keras":
			if !bytes.Equal(g.content, w.content) {
				t.Error("the model differs")
			}
		default:
			if d := math.Abs(g.scalar() - w.scalar()); !(d <= 1e-4) {
				t.Errorf("%s is %v, Keras's %v", g.key(), g.scalar(), w.scalar())
			}
		}
	}
	for _, g := range got {
		if !more || !strings.HasPrefix(g.tag, "epoch_") && !strings.HasPrefix(g.tag, "evaluation_") {
			t.Errorf("%s, which Keras doesn't have", g.key())
		}
	}
}

// compareHistograms allows for weights that training left a little off: edges by 1e-4 of the range, two values in the bucket
// beside theirs.
func compareHistograms(t *testing.T, key string, got, want []byte) {
	t.Helper()
	at := func(b []byte, i int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:])) }
	n := len(want) / 24
	scale := math.Max(math.Abs(at(want, 0)), math.Abs(at(want, 3*n-2)))
	var moved, total float64
	for i := range n {
		for k := range 2 {
			if d := math.Abs(at(got, 3*i+k) - at(want, 3*i+k)); d > 1e-4*scale {
				t.Errorf("%s: edge %d of bucket %d is %v, Keras's %v", key, k, i, at(got, 3*i+k), at(want, 3*i+k))
			}
		}
		moved += math.Abs(at(got, 3*i+2) - at(want, 3*i+2))
		total += at(got, 3*i+2) - at(want, 3*i+2)
	}
	if moved > 4 || total != 0 {
		t.Errorf("%s: %v values are in other buckets, %v too many", key, moved/2, total)
	}
}

// TestBuckets: histograms of given values are TensorBoard's.
func TestBuckets(t *testing.T) {
	a, err := npy.OpenArchive("../testdata/tensorboard/histograms.npz", safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for i := 0; i < len(a.Names())/2; i++ {
		x, err := a.Read(fmt.Sprintf("x_%d", i))
		if err != nil {
			t.Fatal(err)
		}
		want, err := a.Read(fmt.Sprintf("h_%d", i))
		if err != nil {
			t.Fatal(err)
		}
		got := train.Buckets(x)
		scale := 0.0
		for k, v := range want.F64 {
			if k%3 != 2 {
				scale = max(scale, math.Abs(v))
			}
		}
		for k, v := range want.F64 {
			if d := math.Abs(got[k/3][k%3] - v); k%3 == 2 && d != 0 || d > 1e-15*scale {
				t.Errorf("%d: bucket %d of %v has %v, TensorBoard's %v", i, k/3, x.Shape, got[k/3], want.F64[k/3*3:][:3])
				break
			}
		}
	}
}

// TestTensorBoardInterrupted: what a run leaves that was stopped can be read, and the next run adds files.
func TestTensorBoardInterrupted(t *testing.T) {
	var p parity
	p.arrays = readMeta(t, "../testdata/parity/mlp_adam.npz", &p)
	m, _ := p.model(t)
	dir := t.TempDir()
	o := p.options()
	o.ValidationSplit, o.Epochs = .2, 9
	board, err := train.TensorBoard{LogDir: dir, UpdateFreq: 1}.Callback()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	steps := 0
	o.Callbacks = []train.Callback{board, {BatchEnd: func(s *train.State) error {
		if steps++; steps == 5 {
			cancel()
		}
		return nil
	}}}
	src := &data.Arrays{X: p.list("x"), Y: p.list("t")}
	if _, err := train.Fit(ctx, m, src, o); err != context.Canceled {
		t.Fatal(err)
	}
	files := eventFiles(t, dir, "train")
	if len(files) != 1 {
		t.Fatal(files)
	}
	got := events(t, files[0])
	if last := got[len(got)-1]; last.key() != "batch_loss@5" {
		t.Errorf("ends with %s", last.key())
	}
	o.InitialEpoch, o.Epochs = 1, 2
	if _, err := train.Fit(context.Background(), m, src, o); err != nil {
		t.Fatal(err)
	}
	more := eventFiles(t, dir, "train")
	if len(more) != 2 {
		t.Fatal(more)
	}
	for _, f := range more {
		if f != files[0] {
			if first := events(t, f)[0]; first.key() != "batch_accuracy@4" {
				t.Errorf("the second run begins with %s", first.key())
			}
		}
	}
}

// TestTensorBoardKeras has TensorFlow read a file of ours. KERASGO_PYTHON names a Python that has it.
func TestTensorBoardKeras(t *testing.T) {
	python := os.Getenv("KERASGO_PYTHON")
	if python == "" {
		t.Skip("KERASGO_PYTHON isn't set")
	}
	var p parity
	p.arrays = readMeta(t, "../testdata/parity/mlp_adam.npz", &p)
	m, _ := p.model(t)
	dir := t.TempDir()
	o := p.options()
	board, err := train.TensorBoard{LogDir: dir, HistogramFreq: 1, WriteGraph: func(nn.Model) ([]byte, error) { return []byte("{}"), nil }}.Callback()
	if err != nil {
		t.Fatal(err)
	}
	o.Epochs, o.Callbacks = 1, []train.Callback{board}
	h, err := train.Fit(context.Background(), m, &data.Arrays{X: p.list("x"), Y: p.list("t")}, o)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, append([]string{"../scripts/events.py"}, eventFiles(t, dir, "train")...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"brain.Event:2 tensorflow.core.util.events_writer", "0 keras graph_keras_model object  2",
		fmt.Sprintf("0 epoch_loss scalars float32  %.6g", float32(h.Last("loss"))), "0 epoch_learning_rate scalars float32  0.001",
		"0 mlp/dense/kernel/histogram histograms float64 30x3 "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("TensorFlow reads\n%swhich lacks %q", out, want)
		}
	}
}

// TestTensorBoardRefuses: arguments that mean nothing, folders that can't be made.
func TestTensorBoardRefuses(t *testing.T) {
	if _, err := (train.TensorBoard{UpdateFreq: -1}).Callback(); err == nil || !strings.Contains(err.Error(), "update_freq") {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var p parity
	p.arrays = readMeta(t, "../testdata/parity/mlp_adam.npz", &p)
	m, _ := p.model(t)
	o := p.options()
	board, err := train.TensorBoard{LogDir: file}.Callback()
	if err != nil {
		t.Fatal(err)
	}
	o.Callbacks = []train.Callback{board}
	if _, err := train.Fit(context.Background(), m, &data.Arrays{X: p.list("x"), Y: p.list("t")}, o); err == nil || !strings.Contains(err.Error(), "event files") {
		t.Error(err)
	}
}
