package train

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"kerasgo/internal/tfrecord"
	"kerasgo/nn"
)

// eventFile is a file that TensorBoard reads: records, each an Event. One reaches the file whole before the next is made, so
// what a killed run leaves can be read.
//
// Source: tensorflow/core/util/event.proto, tensorflow/core/util/events_writer.cc
type eventFile struct {
	file    *os.File
	records *tfrecord.Writer
	buf     []byte
}

// newEventFile makes a file of a name that isn't taken in dir, and dir if need be.
func newEventFile(dir string) (*eventFile, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, err
	}
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "localhost"
	}
	for n := 0; ; n++ {
		name := fmt.Sprintf("events.out.tfevents.%010d.%s.%d.%d.v2", time.Now().Unix(), host, os.Getpid(), n)
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) && n < 10000 {
			continue
		}
		if err != nil {
			return nil, err
		}
		e := &eventFile{file: f, records: tfrecord.NewWriter(f)}
		// The version, field 3 of an Event, and field 10, its source, whose field 1 is the writer.
		const writer = "tensorflow.core.util.events_writer"
		err = e.event(0, func(b []byte) []byte {
			b = protowire.AppendString(protowire.AppendTag(b, 3, protowire.BytesType), "brain.Event:2")
			return message(b, 10, protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), writer))
		})
		if err != nil {
			f.Close()
			return nil, err
		}
		return e, nil
	}
}

// message appends a field that is a message.
func message(b []byte, field protowire.Number, content []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), content)
}

// event writes an Event: the time (field 1), a step (2), and what fill appends.
func (e *eventFile) event(step int64, fill func([]byte) []byte) error {
	b := protowire.AppendFixed64(protowire.AppendTag(e.buf[:0], 1, protowire.Fixed64Type), math.Float64bits(float64(time.Now().UnixMicro())/1e6))
	if step != 0 {
		b = protowire.AppendVarint(protowire.AppendTag(b, 2, protowire.VarintType), uint64(step))
	}
	e.buf = fill(b)
	return e.records.Write(e.buf)
}

// summary is the kind of a value: the plugin that shows it, and what that is told.
type summary struct{ plugin, content string }

// The kinds that the callback writes.
//
// Source: tensorflow/core/framework/summary.proto, tensorboard/plugins/*/metadata.py
var (
	scalarSummary    = summary{"scalars", ""}
	histogramSummary = summary{"histograms", ""}
	modelSummary     = summary{"graph_keras_model", "1"}
)

// TensorFlow's numbers for types.
const (
	tfFloat, tfDouble, tfString = 1, 2, 7
)

// write writes a summary of one value; tensor is a TensorProto.
func (e *eventFile) write(kind summary, tag string, step int64, tensor []byte) error {
	plugin := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), kind.plugin)
	if kind.content != "" {
		plugin = protowire.AppendString(protowire.AppendTag(plugin, 2, protowire.BytesType), kind.content)
	}
	metadata := message(nil, 1, plugin)
	value := protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), strings.ToValidUTF8(tag, "\uFFFD"))
	value = message(message(value, 8, tensor), 9, metadata)
	return e.event(step, func(b []byte) []byte { return message(b, 5, message(nil, 1, value)) })
}

// tensorProto is a TensorProto: its type (field 1) and shape (2); the caller appends its content.
func tensorProto(dtype uint64, shape ...uint64) []byte {
	var dims []byte
	for _, d := range shape {
		dims = message(dims, 2, protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), d))
	}
	return message(protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), dtype), 2, dims)
}

// scalar writes a float32.
func (e *eventFile) scalar(tag string, step int64, v float64) error {
	content := protowire.AppendFixed32(nil, math.Float32bits(float32(v)))
	return e.write(scalarSummary, tag, step, message(tensorProto(tfFloat), 4, content))
}

// histogram writes how a weight's values are distributed.
func (e *eventFile) histogram(tag string, step int64, t *nn.Tensor) error {
	rows := buckets(t)
	var content []byte
	for _, row := range rows {
		for _, v := range row {
			content = protowire.AppendFixed64(content, math.Float64bits(v))
		}
	}
	return e.write(histogramSummary, tag, step, message(tensorProto(tfDouble, uint64(len(rows)), 3), 4, content))
}

// model writes a model's config, which TensorBoard draws as a graph.
func (e *eventFile) model(config []byte) error {
	return e.write(modelSummary, "keras", 0, message(tensorProto(tfString), 8, config))
}

func (e *eventFile) close() error {
	if e == nil {
		return nil
	}
	return e.file.Close()
}

// bucketCount is TensorBoard's number of buckets.
const bucketCount = 30

// buckets counts a tensor's values in ranges of the same width: left edge, right edge, count. Where all are the same, the
// last bucket holds them. Values that aren't numbers are in none.
//
// Source: tensorboard/plugins/histogram/summary_v2.py
func buckets(t *nn.Tensor) (rows [bucketCount][3]float64) {
	n := t.Len()
	if n == 0 {
		return rows
	}
	low, high := number(t, 0), number(t, 0)
	for i := range n {
		low, high = min(low, number(t, i)), max(high, number(t, i))
	}
	span := high - low
	if span == 0 {
		for i := range rows {
			rows[i] = [3]float64{high, high, 0}
		}
		rows[bucketCount-1][2] = float64(n)
		return rows
	}
	width := span / bucketCount
	for i := range rows {
		rows[i][0], rows[i][1] = low+float64(width*float64(i)), low+float64(width*float64(i+1))
	}
	rows[bucketCount-1][1] = high
	for i := range n {
		if at := math.Floor((number(t, i) - low) / width); at >= 0 {
			rows[int(min(at, bucketCount-1))][2]++
		}
	}
	return rows
}
