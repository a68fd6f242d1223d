package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"

	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Checkpoint is training between two of its steps: weights, what the optimizer keeps, the position in epoch and data, running
// metrics, callbacks' memories and the history so far. Training that goes on from one ends with the same bits as training
// that was never interrupted.
//
// As a file it is a .npz archive, which NumPy opens, with a magic number and the SHA-256 of all before it at its end. It is
// read by the version that wrote it or a later one; to hand a model over to Keras, save the model.
type Checkpoint struct {
	meta    checkpointMeta
	arrays  map[string]*nn.Tensor // w_, v_, m_, h_, l_ by index, c_ by callback and index, and rate
	names   []string              // of arrays, in the file's order
	path    string                // for errors
	written writer                // nil: safeio.WriteFile
}

// checkpointMeta is all that isn't numbers in bulk.
type checkpointMeta struct {
	Format    string         `json:"format"`
	Version   int            `json:"version"`
	Epoch     int            `json:"epoch"`
	Step      int            `json:"step"`
	Begun     bool           `json:"begun"`   // callbacks' EpochBegin was called for this epoch
	Stopped   bool           `json:"stopped"` // a callback has ended training
	Of        []fact         `json:"of"`
	Weights   []string       `json:"weights"`
	Variables []string       `json:"variables"`
	Meters    []string       `json:"meters"`
	Epochs    []int          `json:"epochs"` // of the history
	History   []string       `json:"history"`
	Lists     []listMeta     `json:"lists"`
	Callbacks []callbackMeta `json:"callbacks"`
}

// listMeta is a metric of several numbers in the history: how many it had in each epoch.
type listMeta struct {
	Name    string `json:"name"`
	Lengths []int  `json:"lengths"`
}

// callbackMeta names what a callback remembers.
type callbackMeta struct {
	Name string   `json:"name"`
	Keys []string `json:"keys"`
}

// fact is one thing that must be the same when training goes on.
type fact struct {
	What string `json:"what"`
	Is   string `json:"is"`
}

const (
	checkpointFormat  = "kerasgo training checkpoint"
	checkpointVersion = 1
	checkpointMagic   = "KGOCKPT1" // ends the file, before its SHA-256
	trailer           = int64(len(checkpointMagic) + sha256.Size)
)

// Epoch is the epoch that training goes on in, from 0; a finished training's is its number of epochs.
func (c *Checkpoint) Epoch() int { return c.meta.Epoch }

// Step is how many steps of that epoch are done.
func (c *Checkpoint) Step() int { return c.meta.Step }

// add takes an array in the type it is stored in, without copying it.
func (c *Checkpoint) add(name string, t *nn.Tensor) {
	stored := map[graph.Storage]nn.DType{graph.StoreF32: graph.Float32, graph.StoreF64: graph.Float64, graph.StoreI32: graph.Int32,
		graph.StoreI64: graph.Int64, graph.StoreStr: graph.String}[t.DType.Storage()]
	c.names = append(c.names, name)
	c.arrays[name] = &nn.Tensor{Spec: nn.Spec{Shape: t.Shape, DType: stored}, F32: t.F32, F64: t.F64, I32: t.I32, I64: t.I64, Str: t.Str}
}

// copyTo gives a tensor its value back.
func (c *Checkpoint) copyTo(t *nn.Tensor, name, what string) error {
	a := c.arrays[name]
	if a == nil || !a.Shape.Equal(t.Shape) || a.DType.Storage() != t.DType.Storage() {
		got := "nothing"
		if a != nil {
			got = a.Spec.String()
		}
		return &safeio.FormatError{Where: safeio.Where{File: c.path, Object: what}, Msg: "doesn't fit", Want: t.Spec.String(), Got: got}
	}
	t.CopyFrom(a)
	return nil
}

// numbers are the elements of a stored list of float64.
func (c *Checkpoint) numbers(name, what string) ([]float64, error) {
	a := c.arrays[name]
	if a == nil || a.DType != graph.Float64 || len(a.Shape) != 1 {
		return nil, &safeio.FormatError{Where: safeio.Where{File: c.path, Object: what}, Msg: "isn't a list of numbers"}
	}
	return a.F64, nil
}

// list is a tensor of numbers.
func list(v ...float64) *nn.Tensor {
	return &nn.Tensor{Spec: nn.Spec{Shape: nn.Shape{len(v)}, DType: graph.Float64}, F64: v}
}

// WriteFile writes the checkpoint, whole or not at all: a file that is there already stays as it was until the new one is
// complete and on disk.
func (c *Checkpoint) WriteFile(path string) error {
	write := c.written
	if write == nil {
		write = safeio.WriteFile
	}
	return write(path, true, c.encode)
}

func (c *Checkpoint) encode(w io.Writer) error {
	sum := sha256.New()
	z := npy.NewWriter(io.MultiWriter(w, sum))
	raw, err := json.Marshal(c.meta)
	if err != nil {
		return err
	}
	meta := graph.New(nn.Spec{Shape: nn.Shape{len(raw)}, DType: graph.Uint8})
	for i, b := range raw {
		meta.I32[i] = int32(b)
	}
	if err := z.Write("meta", meta); err != nil {
		return err
	}
	for _, name := range c.names {
		if err := z.Write(name, c.arrays[name]); err != nil {
			return err
		}
	}
	if err := z.Close(); err != nil {
		return err
	}
	_, err = w.Write(sum.Sum([]byte(checkpointMagic)))
	return err
}

// ReadCheckpoint reads a file that [Checkpoint.WriteFile] or a [BackupAndRestore] wrote. A file with as much as one other bit is
// refused with a *safeio.FormatError, one that isn't there with an error that is fs.ErrNotExist.
func ReadCheckpoint(path string, limits safeio.Limits) (*Checkpoint, error) {
	f, size, err := safeio.OpenRegular(path, limits)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	c, err := readCheckpoint(f, size, limits)
	if err != nil {
		return nil, safeio.At(err, safeio.Where{File: path})
	}
	c.path = path
	return c, nil
}

func readCheckpoint(f io.ReaderAt, size int64, limits safeio.Limits) (*Checkpoint, error) {
	end := make([]byte, trailer)
	if size < trailer {
		return nil, &safeio.FormatError{Msg: "isn't a training checkpoint, or only its beginning"}
	}
	if err := safeio.ReadFull(f, end, size-trailer); err != nil {
		return nil, err
	}
	if string(end[:len(checkpointMagic)]) != checkpointMagic {
		return nil, &safeio.FormatError{Msg: "isn't a training checkpoint, or only its beginning"}
	}
	size -= trailer
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, size)); err != nil {
		return nil, err
	}
	if want := end[len(checkpointMagic):]; !bytes.Equal(want, sum.Sum(nil)) {
		return nil, &safeio.FormatError{Msg: "the training checkpoint is damaged: its SHA-256", Want: fmt.Sprintf("%x", want), Got: fmt.Sprintf("%x", sum.Sum(nil))}
	}
	z, err := npy.NewArchive(f, size, limits)
	if err != nil {
		return nil, err
	}
	c := &Checkpoint{arrays: map[string]*nn.Tensor{}}
	var bytes int64
	for _, name := range z.Names() {
		s, err := z.Spec(name)
		if err != nil {
			return nil, err
		}
		n, ok := safeio.Product(int64(s.Shape.Size()), 8)
		if bytes += n; !ok || bytes > limits.Memory(size) {
			return nil, &safeio.LimitError{Where: safeio.Where{Object: name}, Msg: "the arrays so far need more memory than such a file may", Limit: safeio.Bytes(uint64(limits.Memory(size)))}
		}
		t, err := z.Read(name)
		if err != nil {
			return nil, err
		}
		c.arrays[name], c.names = t, append(c.names, name)
	}
	return c, c.decodeMeta()
}

// decodeMeta reads what the arrays mean, and checks that they are there.
func (c *Checkpoint) decodeMeta() error {
	bad := func(key, msg string) error {
		return &safeio.FormatError{Where: safeio.Where{Object: "meta", Key: key}, Msg: msg}
	}
	t := c.arrays["meta"]
	if t == nil || t.DType != graph.Uint8 {
		return bad("", "isn't there")
	}
	raw := make([]byte, len(t.I32))
	for i, b := range t.I32 {
		raw[i] = byte(b)
	}
	m := &c.meta
	if err := json.Unmarshal(raw, m); err != nil {
		return bad("", "isn't what a checkpoint has there")
	}
	switch {
	case m.Format != checkpointFormat:
		return bad("format", "isn't a checkpoint's")
	case m.Version != checkpointVersion:
		return &safeio.UnsupportedError{Where: safeio.Where{Object: "meta", Key: "version"}, Msg: "a checkpoint of another version of this program",
			Want: fmt.Sprint(checkpointVersion), Got: fmt.Sprint(m.Version)}
	case m.Epoch < 0 || m.Step < 0 || m.Step > 0 && !m.Begun:
		return bad("epoch", "no position")
	}
	for i, name := range m.History {
		if v, err := c.numbers(fmt.Sprintf("h_%d", i), "history"); err != nil || len(v) > len(m.Epochs) {
			return bad("history", fmt.Sprintf("%q isn't a value for each epoch", name))
		}
	}
	for i, l := range m.Lists {
		v, err := c.numbers(fmt.Sprintf("l_%d", i), "history")
		rest := len(v)
		for _, n := range l.Lengths {
			if rest -= n; n < 0 || rest < 0 {
				break
			}
		}
		if err != nil || rest != 0 || len(l.Lengths) > len(m.Epochs) {
			return bad("lists", fmt.Sprintf("%q isn't a list for each epoch", l.Name))
		}
	}
	for i, k := range m.Callbacks {
		for j, key := range k.Keys {
			if c.arrays[fmt.Sprintf("c_%d_%d", i, j)] == nil {
				return bad("callbacks", fmt.Sprintf("%q has no %q", k.Name, key))
			}
		}
	}
	return nil
}

// MismatchError says that a checkpoint is of another training: of another model, other data or other options.
type MismatchError struct {
	File string // of the checkpoint; "" if it has none
	What string // what differs, such as "batch size" or `layer "dense"`
	// Was is the checkpoint's, Is that of the training that was to go on.
	Was, Is string
}

func (e *MismatchError) Error() string {
	file := ""
	if e.File != "" {
		file = e.File + ": "
	}
	return fmt.Sprintf("%sthe checkpoint is of another training: %s was %s, is now %s", file, e.What, short(e.Was), short(e.Is))
}

// short is the beginning of a long value.
func short(s string) string {
	if len(s) > 120 {
		s = s[:120] + "..."
	}
	if s == "" {
		return "nothing"
	}
	return safeio.Printable(s, false)
}
