// Text tells glad sentences from sad ones, in which the order of the words decides: "not good at all, bad" is the twin of
// "not bad at all, good". A bag of words, which knows which words there are but not where, must say the same about both, so
// it gets half of them right, whatever it learns; an LSTM reads them in order.
//
// The sentences are made by the small grammar below, and a network can't learn more from them than that grammar: this shows
// what reading in order is good for, not how people talk. Those it is tested by combine a thing, a glad word and a sad word
// that no sentence combines which it learnt from.
//
//	go run ./examples/text ["a sentence of your own" ...]
package main

import (
	"context"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"strings"

	"kerasgo/data"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

var (
	things = strings.Fields("film book play song story meal trip hotel show game")
	glad   = strings.Fields("good great lovely funny clever")
	sad    = strings.Fields("bad awful boring dull stupid")
	// frames are sentences that end well when + is a glad word and - a sad one, and badly the other way round: its twin has
	// the same words.
	frames = []string{
		"the # was not - at all but +",
		"the # was + and not -",
		"i feared a - # and found a + one",
		"at first - but then the # got +",
		"the # was + even if people had called it -",
	}
	// plain are sentences that the words alone decide; they are only learnt from.
	plain = []string{"the # was +", "what a + #", "a + # from the first minute to the last", "we all thought that the # was really +"}
)

func main() {
	texts, labels, unseen, answers := sentences()
	fmt.Printf("%d sentences to learn from, %d to be tested by, such as\n", labels.Len(), len(answers))
	for i := range 4 {
		fmt.Printf("  %.0f  %s\n", answers[i], unseen.Str[i])
	}

	// The vocabulary is learnt from the first sentences; then words are whole numbers.
	words := layers.NewTextVectorization()
	check(words.Adapt(texts))
	size := len(words.Terms())
	fmt.Printf("%d words\n", size)

	bag := layers.NewTextVectorization()
	bag.OutputMode = "multi_hot"
	check(bag.Adapt(texts))
	baseline := learn("bag of words", bag, texts, labels,
		layers.NewDense(32, "relu"),
		layers.NewDense(1, "sigmoid"))
	guess := accuracy(baseline, unseen, answers)
	fmt.Printf("a bag of words:  %.4f of the unseen sentences\n", guess)

	embedding := layers.NewEmbedding(size, 16)
	embedding.MaskZero = true // the LSTM stops where a sentence does
	reader := learn("LSTM", words, texts, labels,
		embedding,
		layers.NewLSTM(32),
		layers.NewDense(1, "sigmoid"))
	read := accuracy(reader, unseen, answers)
	fmt.Printf("an LSTM:         %.4f\n", read)

	mine := os.Args[1:]
	if len(mine) == 0 {
		mine = []string{"the film was not bad at all but good", "the film was not good at all but bad", "i feared a dull story and found a great one"}
	}
	for i, p := range must(reader.Predict(context.Background(), strs(mine)))[0].F32 {
		fmt.Printf("  %.3f  %s\n", p, mine[i])
	}
	if read < 0.97 || guess != 0.5 {
		log.Fatal("the LSTM should have understood, and the bag of words guessed")
	}
}

// sentences are all that the grammar makes, glad (1) and sad (0).
func sentences() (texts, labels, unseen *nn.Tensor, answers []float32) {
	var known, kept []string
	var y []float32
	for t, thing := range things {
		for i, g := range glad {
			for j, s := range sad {
				for label, w := range [][2]string{{s, g}, {g, s}} {
					fill := strings.NewReplacer("#", thing, "+", w[0], "-", w[1])
					for _, f := range frames {
						if (t+2*i+3*j)%5 == 0 { // both twins
							kept, answers = append(kept, fill.Replace(f)), append(answers, float32(label))
						} else {
							known, y = append(known, fill.Replace(f)), append(y, float32(label))
						}
					}
					known, y = append(known, fill.Replace(plain[(i+j)%len(plain)])), append(y, float32(label))
				}
			}
		}
	}
	rand.New(rand.NewPCG(1, 0)).Shuffle(len(kept), func(i, j int) {
		kept[i], kept[j] = kept[j], kept[i]
		answers[i], answers[j] = answers[j], answers[i]
	})
	return strs(known), graph.FromF32(y, len(y), 1), strs(kept), answers
}

// learn trains the layers on vectorized texts, and returns the model that takes the texts themselves.
func learn(name string, vectors nn.Layer, texts, labels *nn.Tensor, of ...nn.Layer) nn.Model {
	model := must(nn.NewSequential(append([]nn.Layer{nn.NewInput().Typed(graph.String), vectors}, of...)...))
	check(nn.InitWeights(model, 1))
	adam := train.NewAdam()
	adam.LearningRate = 3e-3
	check(train.Compile(model, train.Config{
		Optimizer: adam,
		Loss:      []train.Loss{must(train.ParseLoss("binary_crossentropy"))},
		Metrics:   [][]train.Metric{{must(train.ParseMetric("binary_accuracy"))}}}))
	h := must(train.Fit(context.Background(), model, must(data.NewArrays(texts, labels)), train.Options{Epochs: 20}))
	fmt.Printf("%s: loss %.4f after %d epochs\n", name, h.Last("loss"), len(h.Epochs))
	return model
}

// accuracy is the part of the texts that m tells right.
func accuracy(m nn.Model, texts *nn.Tensor, answers []float32) float64 {
	right := 0
	for i, p := range must(m.Predict(context.Background(), texts))[0].F32 {
		if (p > 0.5) == (answers[i] == 1) {
			right++
		}
	}
	return float64(right) / float64(len(answers))
}

// strs is a tensor of texts.
func strs(texts []string) *nn.Tensor {
	t := graph.New(graph.Spec{Shape: nn.Shape{len(texts)}, DType: graph.String})
	copy(t.Str, texts)
	return t
}

// must and check end the program at the first error.
func must[T any](v T, err error) T { check(err); return v }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
