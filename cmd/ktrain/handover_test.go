package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/data"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/internal/testcheck"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/train"
)

// TestHandOver goes on with what real Keras trained and saved, for each optimizer, and lets Keras go on with that: two epochs
// there, three here, two there must end where seven in Keras end. KERASGO_PYTHON names a Python that has Keras.
func TestHandOver(t *testing.T) {
	python := os.Getenv("KERASGO_PYTHON")
	if python == "" {
		t.Skip("KERASGO_PYTHON isn't set")
	}
	dir := t.TempDir()
	run := func(what string) {
		t.Helper()
		out, err := exec.Command(python, filepath.FromSlash("../../scripts/handover.py"), what, dir).CombinedOutput()
		t.Logf("%s", out)
		if err != nil {
			t.Fatal(err)
		}
	}
	run("make")
	for _, ext := range []string{".keras", ".h5"} {
		files, err := filepath.Glob(filepath.Join(dir, "*"+ext))
		if err != nil || len(files) < 30 {
			t.Fatal(len(files), err)
		}
		for _, file := range files {
			goOn(t, file, strings.TrimSuffix(file, ext), ext)
		}
	}
	run("check")
}

func goOn(t *testing.T, file, stem, ext string) {
	t.Helper()
	m, err := keras.Load(file)
	if err != nil {
		t.Fatal(file, err)
	}
	a, err := npy.OpenArchive(stem+".npz", safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	read := func(name string) *nn.Tensor {
		v, err := a.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	src := &data.Arrays{X: []*nn.Tensor{read("x")}, Y: []*nn.Tensor{read("t")}}
	if _, err := train.Fit(context.Background(), m, src, train.Options{Epochs: 3, BatchSize: 16, NoShuffle: true}); err != nil {
		t.Fatal(file, err)
	}
	i := 0
	for w := range nn.Weights(m) {
		if off := testcheck.Off(w.Data, read(fmt.Sprintf("m_%d", i))); !(off <= 1e-4) {
			t.Errorf("%s: weight %s is off by %.2g of range", filepath.Base(file), w.Path, off)
		}
		i++
	}
	if err := saveModel(stem+"_go"+ext, m, false); err != nil {
		t.Fatal(file, err)
	}
}
