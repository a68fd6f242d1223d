package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// TestTexts trains a classifier of words on a folder of texts.
func TestTexts(t *testing.T) {
	dir := t.TempDir()
	for i := range 20 {
		put(t, filepath.Join(dir, "texts", "neg", fmt.Sprintf("%d.txt", i)), []byte("bad awful bad"))
		put(t, filepath.Join(dir, "texts", "pos", fmt.Sprintf("%d.txt", i)), []byte("good fine\n"))
	}
	in := nn.NewInput()
	in.DType = []byte(`"string"`)
	vectorize := layers.NewTextVectorization("bad", "awful", "good", "fine")
	m, err := nn.NewSequential(in, vectorize, layers.NewEmbedding(6, 4), layers.NewGlobalAveragePooling1D(), layers.NewDense(1, "sigmoid"))
	model := compiled(t, filepath.Join(dir, "m.keras"), "binary_crossentropy", m, err)
	_, log := ok(t, model, "--data", filepath.Join(dir, "texts"), "--epochs", "3", "--lr", "0.1", "--metrics", "accuracy", "-o", filepath.Join(dir, "o.keras"))
	if !strings.Contains(log, `classes: ["neg" "pos"]`) || !strings.Contains(log, "accuracy: 1.0000") {
		t.Error(log)
	}
}
