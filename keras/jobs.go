package keras

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// job is one weight to be read from one dataset.
type job struct {
	w     *nn.Weight
	set   *hdf5.Dataset
	layer nn.Layer
	old   *layout // what an older Keras wrote otherwise; nil: nothing
}

func (j job) where() safeio.Where {
	return safeio.Where{Object: j.set.Path(), Layer: j.layer.Base().Name, Class: j.layer.Base().Class}
}

// check compares the dataset with what the weight needs, before anything is allocated.
func (j job) check() error {
	want, sets := j.w.Shape, []*hdf5.Dataset{j.set}
	if j.old != nil {
		want, sets = j.old.shape, j.old.sets
	}
	for _, set := range sets {
		j.set = set
		if shape := set.Shape(); !want.Equal(shape) {
			return &FormatError{Where: j.where(), Msg: "weight " + j.w.Name + " has the wrong shape", Want: want.String(), Got: nn.Shape(shape).String()}
		}
		if err := j.checkType(); err != nil {
			return err
		}
	}
	return nil
}

// checkType compares the types.
func (j job) checkType() error {
	typ := j.set.Type()
	whole := typ.Kind == hdf5.Int || typ.Kind == hdf5.Uint || typ.Kind == hdf5.Bool
	if !typ.Numeric() && typ.Kind != hdf5.Opaque || whole && j.w.DType.Float() {
		return &FormatError{Where: j.where(), Msg: "weight " + j.w.Name + " has the wrong type", Want: j.w.DType.String(), Got: typ.String()}
	}
	return nil
}

// read gives the weight a tensor with the dataset's values.
func (j job) read() error {
	var t *nn.Tensor
	var err error
	if j.old != nil {
		t, err = j.old.read(j.w.Spec)
	} else {
		t, err = readTensor(j.set, j.w.Spec)
	}
	if err != nil {
		return safeio.At(err, j.where())
	}
	if err := holdsNumbers(j.w, t); err != nil {
		return safeio.At(err, j.where())
	}
	j.w.Data = t
	return nil
}

// holdsNumbers refuses a weight that holds NaN: whatever the model computes with it is NaN, or silently isn't.
func holdsNumbers(w *nn.Weight, t *nn.Tensor) error {
	for i, v := range t.F32 {
		if v != v {
			return &FormatError{Msg: fmt.Sprintf("weight %s isn't a number at element %d", w.Name, i), Got: "NaN"}
		}
	}
	for i, v := range t.F64 {
		if v != v {
			return &FormatError{Msg: fmt.Sprintf("weight %s isn't a number at element %d", w.Name, i), Got: "NaN"}
		}
	}
	t.Round() // a file may hold more than the policy says
	return nil
}

// readTensor reads a dataset as a tensor of the same shape.
func readTensor(set *hdf5.Dataset, s nn.Spec) (*nn.Tensor, error) {
	if typ := set.Type(); typ.Kind == hdf5.Opaque && typ.Size == 2 && s.DType.Float() {
		if b, err := set.AsBFloat16(); err == nil {
			set = b
		}
	}
	t := graph.New(s)
	switch s.DType.Storage() {
	case graph.StoreF32:
		return t, set.ReadFloat32(t.F32)
	case graph.StoreF64:
		return t, set.ReadFloat64(t.F64)
	case graph.StoreI64:
		return t, set.ReadInt64(t.I64)
	case graph.StoreI32:
		wide := make([]int64, t.Len())
		if err := set.ReadInt64(wide); err != nil {
			return nil, err
		}
		for i, v := range wide {
			if int64(int32(v)) != v {
				return nil, &FormatError{Msg: fmt.Sprintf("%d doesn't fit %s", v, s.DType)}
			}
			t.I32[i] = int32(v)
		}
		return t, nil
	}
	return nil, &UnsupportedError{Msg: "weights of type " + s.DType.String()}
}

// lastOfEach leaves out all but the last job of a weight that a file holds more than once (SpectralNormalization's kernel is its
// own and its layer's): the one that Keras, which reads them in turn, ends with.
func lastOfEach(jobs []job) []job {
	last := make(map[*nn.Weight]int, len(jobs))
	for i, j := range jobs {
		last[j.w] = i
	}
	kept := jobs[:0]
	for i, j := range jobs {
		if last[j.w] == i {
			kept = append(kept, j)
		}
	}
	return kept
}

// readJobs checks all jobs, then reads them, several at a time: most of a large file's loading is copying.
func (o Options) readJobs(m nn.Model, jobs []job) error {
	fit := jobs[:0]
	for _, j := range jobs {
		if err := j.check(); err == nil {
			fit = append(fit, j)
		} else if !o.skips(err) {
			return err
		}
	}
	jobs = lastOfEach(fit)
	var next atomic.Int64
	var wait sync.WaitGroup
	errs := make([]error, len(jobs))
	work := func() {
		for i := next.Add(1) - 1; i < int64(len(jobs)); i = next.Add(1) - 1 {
			errs[i] = jobs[i].read()
		}
	}
	for range min(runtime.GOMAXPROCS(0), len(jobs)/8) {
		wait.Go(work)
	}
	work()
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	nn.WeightsChanged(m)
	if o.ByName || o.SkipMismatch {
		return nn.InitWeights(m, 0)
	}
	return nil
}
