package keras_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// TestOldImages: what Keras 2 does to images and Keras 3 has no word for isn't written, by name; the rest is.
func TestOldImages(t *testing.T) {
	for golden, class := range map[string]string{"Resizing/bilinear_bytes.k2": "Resizing", "RandomCrop/even.k2": "RandomCrop",
		"RandomHeight/floats_0.k2": "RandomHeight", "RandomWidth/bytes_1.k2": "RandomWidth", "Resizing/nearest_bytes.k2": "", "Resizing/bilinear_up.k2": "",
		"CenterCrop/larger.k2": "", "RandomContrast/floats_0.k2": ""} {
		g, err := testcheck.ReadGolden("../testdata/golden/" + golden + ".npz")
		if err != nil {
			t.Fatal(err)
		}
		m, err := keras.FromJSON(g.Meta.Model)
		if err != nil {
			t.Fatal(err)
		}
		err = keras.Save(filepath.Join(t.TempDir(), "m.json"), m)
		var u *keras.UnsupportedError
		if refused := errors.As(err, &u); refused != (class != "") || refused && u.Class != class || !refused && err != nil {
			t.Errorf("%s: %v", golden, err)
		}
	}
}

// TestOldContrast: one number means both ways to Keras 2, and upwards alone to Keras 3.
func TestOldContrast(t *testing.T) {
	g, err := testcheck.ReadGolden("../testdata/golden/RandomContrast/floats_0.k2.npz")
	if err != nil {
		t.Fatal(err)
	}
	m, err := keras.FromJSON(g.Meta.Model)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.json")
	if err := keras.Save(path, m); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(path); err != nil || !bytes.Contains(raw, []byte(`"factor":[0.2,0.2]`)) {
		t.Errorf("%v: %s", err, raw)
	}
}

// TestPipelineMadeInGo: Keras's Pipeline takes its layers and its name, and no other key.
func TestPipelineMadeInGo(t *testing.T) {
	p := layers.NewPipeline(layers.NewResizing(4, 5), layers.NewRandomFlip("horizontal"))
	m, err := nn.NewSequential(nn.NewInput(7, 8, 3), p)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "m.json")
	if err := keras.Save(path, m); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(raw, []byte(`"Pipeline"`))
	if at < 0 || bytes.Contains(raw[at:], []byte(`"name":"pipeline","trainable"`)) || bytes.Contains(raw[at:], []byte(`"dtype":"float32","layers"`)) {
		t.Errorf("%s", raw)
	}
	if _, err := keras.FromJSON(raw); err != nil {
		t.Error(err)
	}
}
