package hdf5

import (
	"fmt"
	"path/filepath"
	"testing"

	"kerasgo/internal/safeio"
)

// BenchmarkReadModel reads a model of ResNet50's size, 320 datasets of 25.6
// million float32 in all, from the file system's cache.
func BenchmarkReadModel(b *testing.B) {
	path := filepath.Join(b.TempDir(), "model.h5")
	const layers, each = 320, 80_000
	tree := NewTree()
	data := make([]float32, each)
	for i := range data {
		data[i] = float32(i)
	}
	for i := range layers {
		tree.Float32(fmt.Sprintf("model_weights/layer_%d/layer_%d/kernel", i, i), []int{each}, data)
	}
	if err := WriteFile(path, false, tree); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(layers * each * 4)
	for b.Loop() {
		f, err := Open(path, safeio.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		for i := range layers {
			d, err := f.Root().Dataset(fmt.Sprintf("model_weights/layer_%d/layer_%d/kernel", i, i))
			if err != nil {
				b.Fatal(err)
			}
			if err := d.ReadFloat32(data); err != nil {
				b.Fatal(err)
			}
		}
		f.Close()
	}
}
