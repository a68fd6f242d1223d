package layers_test

import (
	"slices"
	"strings"
	"testing"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
)

// TestWordsOfWords pads to the longest of texts that the model itself looked up, batch by batch.
func TestWordsOfWords(t *testing.T) {
	back := layers.NewStringLookup("a b", "c", "a a a")
	back.Invert = true
	m, err := nn.NewSequential(nn.NewInput(1).Typed(graph.Int64), back, layers.NewTextVectorization("a", "b", "c"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ in, want []int64 }{
		{[]int64{2}, []int64{4}},
		{[]int64{1, 2}, []int64{2, 3, 4, 0}},
		{[]int64{2, 3}, []int64{4, 0, 0, 2, 2, 2}},
		{[]int64{2, 1}, []int64{4, 0, 2, 3}},
		{[]int64{}, []int64{}},
	} {
		x := &nn.Tensor{Spec: nn.Spec{Shape: nn.Shape{len(c.in), 1}, DType: graph.Int64}, I64: c.in}
		y, err := m.Predict(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(y[0].I64, c.want) {
			t.Errorf("%v: %v, want %v", c.in, y[0].I64, c.want)
		}
	}
}

// TestLookupErrors: a vocabulary or an option that can't be, and a word that must not be.
func TestLookupErrors(t *testing.T) {
	build := func(l nn.Layer, d nn.DType) error {
		_, err := nn.NewSequential(nn.NewInput(2).Typed(d), l)
		return err
	}
	lookup := func(edit func(*layers.StringLookup)) nn.Layer {
		l := layers.NewStringLookup("a", "b")
		edit(l)
		return l
	}
	small, large := 2, 1<<40
	for want, err := range map[string]error{
		"vocabulary_size": build(&layers.StringLookup{OutputMode: "count", VocabularySize: &large}, graph.String),
		"twice":           build(layers.NewStringLookup("a", "a"), graph.String),
		"sparse":          build(lookup(func(l *layers.StringLookup) { l.Sparse = true }), graph.String),
		"encoding":        build(lookup(func(l *layers.StringLookup) { l.Encoding = "latin-1" }), graph.String),
		"output_mode":     build(lookup(func(l *layers.StringLookup) { l.OutputMode = "loud" }), graph.String),
		"max_tokens":      build(lookup(func(l *layers.StringLookup) { l.MaxTokens = &small }), graph.String),
		"idf_weights":     build(lookup(func(l *layers.StringLookup) { l.OutputMode = "tf_idf" }), graph.String),
		"num_oov":         build(lookup(func(l *layers.StringLookup) { l.NumOOVIndices = -1 }), graph.String),
		"padded":          build(lookup(func(l *layers.StringLookup) { l.OutputMode, l.PadToMaxTokens, l.MaxTokens = "count", true, &large }), graph.String),
		"isn't of":        build(layers.NewStringLookup("a"), graph.Int32),
		"num_bins":        build(layers.NewHashing(0), graph.String),
		"inputs must":     build(layers.NewHashedCrossing(3), graph.String),
		"that are split":  build(layers.NewTextVectorization("a"), graph.String),
		"takes strings":   build(layers.NewTextVectorization("a"), graph.Float32),
		"ascend":          build(layers.NewDiscretization(2, 1), graph.Float32),
		"vector":          build(layers.NewCategoryEncoding(1<<40, "count"), graph.Int32),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	strict := layers.NewStringLookup("a")
	strict.NumOOVIndices = 0
	m, err := nn.NewSequential(nn.NewInput(1).Typed(graph.String), strict)
	if err != nil {
		t.Fatal(err)
	}
	x := &nn.Tensor{Spec: nn.Spec{Shape: nn.Shape{1, 1}, DType: graph.String}, Str: []string{"zebra"}}
	if _, err := m.Predict(t.Context(), x); err == nil || !strings.Contains(err.Error(), "zebra") {
		t.Errorf("%v", err)
	}
}
