package keras_test

import (
	"context"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
	"kerasgo/nn"
)

func TestMNIST(t *testing.T) {
	a, err := keras.Load("../testdata/mnist_cnn.h5")
	if err != nil {
		t.Fatal(err)
	}
	b, err := keras.Load("../testdata/mnist_cnn.keras")
	if err != nil {
		t.Fatal(err)
	}
	c, err := keras.LoadOptions("../testdata/mnist_cnn.json", keras.Options{Weights: "../testdata/mnist_cnn.h5"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := a.(*nn.Sequential); !ok {
		t.Errorf("a Sequential is a %T", a)
	}
	x := nn.NewTensor(2, 28, 28, 1)
	for i := range x.F32 {
		x.F32[i] = float32(i % 251)
	}
	want := predict(t, a, x)
	for _, m := range []nn.Model{b, c} {
		if off := testcheck.Off(predict(t, m, x), want); off > 0 {
			t.Errorf("the same model from another file is off by %g", off)
		}
	}
}

func predict(t *testing.T, m nn.Model, x ...*nn.Tensor) *nn.Tensor {
	t.Helper()
	ys, err := m.Predict(context.Background(), x...)
	if err != nil {
		t.Fatal(err)
	}
	return ys[0]
}
