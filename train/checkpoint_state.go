package train

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
)

// take is a checkpoint of training as it is now. It shares the tensors, so it lasts until the next step.
func (f *fit) take(epoch, step int, begun bool, of map[string]string) (*Checkpoint, error) {
	c := &Checkpoint{arrays: map[string]*nn.Tensor{}, meta: checkpointMeta{Format: checkpointFormat, Version: checkpointVersion,
		Epoch: epoch, Step: step, Begun: begun, Stopped: f.state.stop, Of: append(slices.Clone(f.facts), factsOf(of)...),
		Epochs: f.history.Epochs, History: slices.Sorted(maps.Keys(f.history.Values))}}
	m := &c.meta
	for i, w := range f.kept() {
		m.Weights = append(m.Weights, w.Path)
		c.add(fmt.Sprintf("w_%d", i), w.Data)
	}
	for i, v := range f.list {
		m.Variables = append(m.Variables, v.Name)
		c.add(fmt.Sprintf("v_%d", i), v.Value)
	}
	c.add("rate", f.rate)
	if step > 0 { // else nothing has been measured yet
		for i, l := range f.fitting.meters() {
			values, err := l.save()
			if err != nil {
				return nil, err
			}
			m.Meters = append(m.Meters, l.name)
			c.add(fmt.Sprintf("m_%d", i), list(values...))
		}
	}
	for i, name := range m.History {
		c.add(fmt.Sprintf("h_%d", i), list(f.history.Values[name]...))
	}
	for i, name := range slices.Sorted(maps.Keys(f.history.Lists)) {
		l := listMeta{Name: name}
		for _, v := range f.history.Lists[name] {
			l.Lengths = append(l.Lengths, len(v))
		}
		m.Lists = append(m.Lists, l)
		c.add(fmt.Sprintf("l_%d", i), list(slices.Concat(f.history.Lists[name]...)...))
	}
	for _, k := range f.o.Callbacks {
		if k.Save == nil {
			continue
		}
		memory, err := k.Save()
		if err != nil {
			return nil, err
		}
		keys := slices.Sorted(maps.Keys(memory))
		for j, key := range keys {
			c.add(fmt.Sprintf("c_%d_%d", len(m.Callbacks), j), memory[key])
		}
		m.Callbacks = append(m.Callbacks, callbackMeta{k.Name, keys})
	}
	return c, nil
}

// kept are the weights, and what else the graphs update.
func (f *fit) kept() (all []*nn.Weight) {
	seen := map[*nn.Weight]bool{}
	for w := range nn.Weights(f.model) {
		all, seen[w] = append(all, w), true
	}
	for _, e := range []*executor{&f.fitting, &f.eval} {
		for _, u := range e.g.Updates {
			if !seen[u.Weight] {
				all, seen[u.Weight] = append(all, u.Weight), true
			}
		}
	}
	return all
}

// restore makes training what it was when c was taken.
func (f *fit) restore(c *Checkpoint) error {
	m := &c.meta
	kept := f.kept()
	if err := c.counts("weights", len(kept), len(m.Weights)); err != nil {
		return err
	}
	for i, w := range kept {
		if err := c.copyTo(w.Data, fmt.Sprintf("w_%d", i), w.Path); err != nil {
			return err
		}
	}
	if err := c.counts("optimizer's variables", len(f.list), len(m.Variables)); err != nil {
		return err
	}
	for i, v := range f.list {
		if err := c.copyTo(v.Value, fmt.Sprintf("v_%d", i), v.Name); err != nil {
			return err
		}
	}
	if err := c.copyTo(f.rate, "rate", "learning rate"); err != nil {
		return err
	}
	if err := f.restoreHistory(c); err != nil {
		return err
	}
	f.state.stop, f.state.Step, f.state.Logs = m.Stopped, m.Step, nil
	if m.Step > 0 {
		if err := f.restoreMeters(c); err != nil {
			return err
		}
	}
	nn.WeightsChanged(f.model)
	return f.restoreCallbacks(c)
}

func (f *fit) restoreHistory(c *Checkpoint) error {
	*f.history = History{Epochs: slices.Clone(c.meta.Epochs), Values: map[string][]float64{}}
	for i, name := range c.meta.History {
		v, err := c.numbers(fmt.Sprintf("h_%d", i), "history")
		if err != nil {
			return err
		}
		f.history.Values[name] = slices.Clone(v)
	}
	for i, l := range c.meta.Lists {
		v, err := c.numbers(fmt.Sprintf("l_%d", i), "history")
		if err != nil {
			return err
		}
		if f.history.Lists == nil {
			f.history.Lists = map[string][][]float64{}
		}
		for _, n := range l.Lengths {
			f.history.Lists[l.Name] = append(f.history.Lists[l.Name], slices.Clone(v[:n]))
			v = v[n:]
		}
	}
	return nil
}

func (f *fit) restoreMeters(c *Checkpoint) error {
	all := f.fitting.meters()
	if err := c.counts("metrics", len(all), len(c.meta.Meters)); err != nil {
		return err
	}
	for i, l := range all {
		v, err := c.numbers(fmt.Sprintf("m_%d", i), l.name)
		if err == nil {
			err = l.load(v)
		}
		if err != nil {
			return safeio.At(err, safeio.Where{File: c.path, Object: l.name})
		}
	}
	f.state.Logs = f.fitting.logs()
	return nil
}

func (f *fit) restoreCallbacks(c *Checkpoint) error {
	i := 0
	for _, k := range f.o.Callbacks {
		if k.Save == nil {
			continue
		}
		if i >= len(c.meta.Callbacks) || c.meta.Callbacks[i].Name != k.Name {
			break // checkFacts has compared the names
		}
		memory := map[string]*nn.Tensor{}
		for j, key := range c.meta.Callbacks[i].Keys {
			memory[key] = c.arrays[fmt.Sprintf("c_%d_%d", i, j)]
		}
		if err := k.Load(&f.state, memory); err != nil {
			return safeio.At(err, safeio.Where{File: c.path, Object: k.Name})
		}
		i++
	}
	return nil
}

func (c *Checkpoint) counts(what string, want, got int) error {
	if want == got {
		return nil
	}
	return &MismatchError{File: c.path, What: "the number of " + what, Was: fmt.Sprint(got), Is: fmt.Sprint(want)}
}

// check compares what a checkpoint is of with this training.
func (f *fit) check(c *Checkpoint, of map[string]string) error {
	was := map[string]string{}
	for _, k := range c.meta.Of {
		was[k.What] = k.Is
	}
	now := append(slices.Clone(f.facts), factsOf(of)...)
	for _, k := range now {
		had, ok := was[k.What]
		delete(was, k.What)
		if ok && had == k.Is {
			continue
		}
		if k.What == learningRate && ok { // a model that was trained on has the rate that callbacks left it with
			if t := c.arrays["rate"]; t != nil && len(t.F32) == 1 && strconv.FormatFloat(float64(t.F32[0]), 'g', -1, 32) == k.Is {
				continue
			}
		}
		return &MismatchError{File: c.path, What: k.What, Was: had, Is: k.Is}
	}
	for _, what := range slices.Sorted(maps.Keys(was)) {
		return &MismatchError{File: c.path, What: what, Was: was[what]}
	}
	var names, had []string
	for _, k := range f.o.Callbacks {
		if k.Save != nil {
			names = append(names, k.Name)
		}
	}
	for _, k := range c.meta.Callbacks {
		had = append(had, k.Name)
	}
	if !slices.Equal(names, had) {
		return &MismatchError{File: c.path, What: "the list of callbacks", Was: fmt.Sprintf("%q", had), Is: fmt.Sprintf("%q", names)}
	}
	return nil
}

// learningRate is the name of that fact.
const learningRate = "the learning rate"

// describe lists what must be the same when training goes on: what decides about the bits. The number of epochs and of
// threads may change.
func (f *fit) describe(batch int) error {
	add := func(what, is string) { f.facts = append(f.facts, fact{what, is}) }
	for i, l := range nn.Layers(f.model) {
		raw, err := nn.Encode(l)
		if err != nil {
			return err
		}
		add(fmt.Sprintf("layer %d", i), fmt.Sprintf("%s %q with config %s", l.Base().Class, l.Base().Name, digest(raw)))
	}
	raw, err := nn.Encode(f.model)
	if err != nil {
		return err
	}
	add("the way the layers are connected", digest(raw))
	compiled, err := f.config.Encode()
	if err != nil {
		return err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(withRate(compiled, 0), &parts); err != nil {
		return err
	}
	for _, key := range []string{"optimizer", "loss", "loss_weights", "metrics", "weighted_metrics"} {
		var b bytes.Buffer
		if err := json.Compact(&b, parts[key]); err != nil {
			return err
		}
		add("the compile config's "+key, b.String())
	}
	if c := f.opt.common(); c.Schedule != nil {
		raw, err := encodeSchedule(c.Schedule)
		if err != nil {
			return err
		}
		add(learningRate, string(raw))
	} else {
		add(learningRate, strconv.FormatFloat(float64(float32(c.LearningRate)), 'g', -1, 32))
	}
	add("the number of rows", fmt.Sprint(f.d.Len()))
	if f.state.Steps < f.pass {
		add("the steps of an epoch", fmt.Sprint(f.state.Steps))
	}
	rows := 0
	if f.val != nil {
		rows = f.val.Len()
	}
	add("the number of rows of validation", fmt.Sprint(rows))
	add("the batch size", fmt.Sprint(batch))
	add("the seed", fmt.Sprint(f.o.Seed))
	add("shuffling", fmt.Sprint(!f.o.NoShuffle))
	weights := ""
	for _, class := range slices.Sorted(maps.Keys(f.o.ClassWeight)) {
		weights += fmt.Sprintf("%d=%v ", class, f.o.ClassWeight[class])
	}
	add("the class weights", weights)
	add("the list of weights without decay", fmt.Sprintf("%q", f.o.NoWeightDecay))
	return nil
}

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return fmt.Sprintf("%x", sum[:8])
}

func factsOf(of map[string]string) (facts []fact) {
	for _, what := range slices.Sorted(maps.Keys(of)) {
		facts = append(facts, fact{what, of[what]})
	}
	return facts
}
