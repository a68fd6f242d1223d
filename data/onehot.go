package data

import (
	"fmt"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// OneHot turns the classes of a Source's only target into rows of zeros and a one, as categorical_crossentropy wants them.
func OneHot(s Source, classes int) Source { return &oneHot{s, classes} }

// oneHot is keras.utils.to_categorical over batches.
type oneHot struct {
	Source
	classes int
}

// Read implements Source.
func (s *oneHot) Read(b *Batch, rows []int) error {
	inner := Batch{X: b.X, Weight: b.Weight}
	if err := s.Source.Read(&inner, rows); err != nil {
		return err
	}
	if len(inner.Y) != 1 || inner.Y[0].Shape[1:].Size() != 1 {
		return fmt.Errorf("one target of one class a row can be made one-hot")
	}
	b.X, b.Weight = inner.X, inner.Weight
	var y *nn.Tensor
	if len(b.Y) > 0 {
		y = b.Y[0]
	}
	roomOf(&y, graph.Float32, len(rows), nn.Shape{s.classes})
	y.Zero()
	ids := inner.Y[0]
	for i, r := range rows {
		c := -1.0
		switch ids.DType.Storage() {
		case graph.StoreI32:
			c = float64(ids.I32[i])
		case graph.StoreI64:
			c = float64(ids.I64[i])
		case graph.StoreF32:
			c = float64(ids.F32[i])
		}
		if !(c >= 0 && c < float64(s.classes)) {
			return fmt.Errorf("row %d: the class is %v, expected one from 0 to %d", r, c, s.classes-1)
		}
		y.F32[i*s.classes+int(c)] = 1
	}
	b.Y = []*nn.Tensor{y}
	return nil
}
