package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// OnDisk is b on a disk that write stands for.
func OnDisk(b BackupAndRestore, write func(path string, force bool, write func(io.Writer) error) error) BackupAndRestore {
	b.written = write
	return b
}

// ExpandPath is the path that a ModelCheckpoint saves to.
func ExpandPath(path string, epoch, batch int, logs Logs) (string, error) {
	return expand(path, &State{Epoch: epoch, Logs: logs}, batch)
}

// ReadSealed reads an archive as a checkpoint whose SHA-256 is right.
func ReadSealed(archive []byte) (*Checkpoint, error) {
	sum := sha256.Sum256(archive)
	raw := append(append(bytes.Clone(archive), checkpointMagic...), sum[:]...)
	return readCheckpoint(bytes.NewReader(raw), int64(len(raw)), safeio.Limits{})
}

// MetaOf is the description in a checkpoint.
func MetaOf(raw []byte) ([]byte, error) {
	c, err := readCheckpoint(bytes.NewReader(raw), int64(len(raw)), safeio.Limits{})
	if err != nil {
		return nil, err
	}
	return json.Marshal(c.meta)
}

// WithMeta is a checkpoint with another description and one other array, that says it is of the same training.
func WithMeta(raw, meta []byte, array int, values []byte) (*Checkpoint, error) {
	c, err := readCheckpoint(bytes.NewReader(raw), int64(len(raw)), safeio.Limits{})
	if err != nil {
		return nil, err
	}
	of := c.meta.Of
	if array > 0 {
		v := make([]float64, len(values))
		for i, b := range values {
			v[i] = float64(b) - 1
		}
		c.arrays[c.names[array%len(c.names)]] = list(v...)
	}
	t := graph.New(nn.Spec{Shape: nn.Shape{len(meta)}, DType: graph.Uint8})
	for i, b := range meta {
		t.I32[i] = int32(b)
	}
	c.arrays["meta"], c.meta = t, checkpointMeta{}
	if err := c.decodeMeta(); err != nil {
		return nil, err
	}
	c.meta.Of = of
	return c, nil
}

// NewState is what callbacks see of a compiled model's training.
func NewState(m nn.Model) (*State, error) {
	t, err := NewTrainer(m, Options{Threads: 1})
	if err != nil {
		return nil, err
	}
	return &State{Model: m, trainer: t}, nil
}

// Stopped tells whether a callback has ended training.
func (s *State) Stopped() bool { return s.stop }

// PythonRepr is how Python prints a float.
func PythonRepr(v float64) string { return pythonRepr(v) }

// MetricFrom reads a metric as Keras writes it.
func MetricFrom(raw json.RawMessage) (Metric, error) { return decodeMetric(raw, "metrics") }
