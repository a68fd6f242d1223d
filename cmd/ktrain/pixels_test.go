package main

import (
	"encoding/json"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"kerasgo/internal/cli"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// TestSidecar trains on a folder of classes: beside the model lies what kinfer needs to make the same pixels and to name the
// classes, and there it stays when the model is trained further on other data.
func TestSidecar(t *testing.T) {
	dir := t.TempDir()
	for i, class := range []string{"day", "night"} {
		for n := range 3 {
			img := image.NewRGBA(image.Rect(0, 0, 5, 6))
			for p := range img.Pix {
				img.Pix[p] = uint8(250 - 200*i - p%7 - n)
			}
			img.Set(0, 0, color.White)
			if err := os.MkdirAll(filepath.Join(dir, "sky", class), 0o755); err != nil {
				t.Fatal(err)
			}
			f, err := os.Create(filepath.Join(dir, "sky", class, fmt.Sprint(n, ".png")))
			if err != nil {
				t.Fatal(err)
			}
			if err := png.Encode(f, img); err != nil {
				t.Fatal(err)
			}
			f.Close()
		}
	}
	m, err := nn.NewSequential(nn.NewInput(4, 4, 3), layers.NewFlatten(), layers.NewDense(2, "softmax"))
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(m, 1); err != nil {
		t.Fatal(err)
	}
	model, out := filepath.Join(dir, "m.keras"), filepath.Join(dir, "sky.keras")
	if err := keras.Save(model, m); err != nil {
		t.Fatal(err)
	}
	sky := []string{"--data", filepath.Join(dir, "sky"), "--loss", "sparse_categorical_crossentropy", "--optimizer", "adam"}
	ok(t, append([]string{model, "--preprocess", "rescale=0.5,-1", "-o", out}, sky...)...)
	want := sidecar{Preprocess: "rescale=0.5,-1", Color: "rgb", Resize: "bilinear", Engine: "tf", Labels: []string{"day", "night"}}
	same := func(model string) {
		t.Helper()
		var got sidecar
		raw, err := os.ReadFile(sidecarPath(model))
		if err == nil {
			err = json.Unmarshal(raw, &got)
		}
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %v, %v", sidecarPath(model), got, err)
		}
	}
	same(out)
	again := filepath.Join(dir, "again.keras")
	ok(t, out, "--data", filepath.Join(dir, "sky"), "-o", again) // with its own preprocessing
	same(again)
	ok(t, out, "--data", filepath.Join(dir, "sky"), "-o", filepath.Join(dir, "again.h5")) // beside which the same lies
	if err := os.WriteFile(sidecarPath(again), []byte(`{"labels": ["a"]}`), 0o644); err != nil {
		t.Fatal(err)
	}
	fails(t, cli.Usage, "again.kinfer.json", append([]string{model, "-o", filepath.Join(dir, "again.hdf5")}, sky...)...)
}

// TestNormalises looks into models and pipelines.
func TestNormalises(t *testing.T) {
	inner, err := nn.NewSequential(nn.NewInput(4, 4, 3), layers.NewPipeline(layers.NewCenterCrop(2, 2), layers.NewRescaling(1./255, 0)))
	if err != nil {
		t.Fatal(err)
	}
	m, err := nn.NewSequential(nn.NewInput(4, 4, 3), inner, layers.NewFlatten())
	if err != nil {
		t.Fatal(err)
	}
	plain, err := nn.NewSequential(nn.NewInput(4, 4, 3), layers.NewPipeline(layers.NewCenterCrop(2, 2)), layers.NewFlatten())
	if err != nil {
		t.Fatal(err)
	}
	if !normalises(m) || normalises(plain) {
		t.Error(normalises(m), normalises(plain))
	}
}
