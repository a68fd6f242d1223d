// Cartpole learns to balance a pole, without being told how: it pushes a cart left or right, and at the end of an episode
// knows only how long the pole stood. Pushes after which it stood longer than usual are made likelier. That is one
// training step with a sample weight: the loss of a push is -ln of its probability, weighted by how well things went after it.
//
//	go run ./examples/cartpole [-show] [-seeds 5]
//
// Source: REINFORCE of Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", 1992.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math"
	"math/rand/v2"
	"time"

	"kerasgo/data"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

const (
	together = 16   // episodes played at a time, and learnt from together
	discount = 0.99 // of what comes a step later
	most     = 150  // rounds
	solved   = 475  // mean score at which CartPole-v1 counts as solved
)

func main() {
	seeds := flag.Uint64("seeds", 5, "learn so many times, each from another beginning")
	show := flag.Bool("show", false, "watch the last agent play, on a terminal")
	flag.Parse()
	var policy nn.Model
	failed := false
	for seed := range *seeds {
		rng := rand.New(rand.NewPCG(seed, 0))
		policy = newPolicy(seed)
		before := score(policy, 100, rng)
		rounds := learn(policy, seed, rng)
		after := score(policy, 100, rng)
		fmt.Printf("seed %d: the pole stood %.1f steps before learning, and %.1f of %d after %d rounds of %d episodes\n",
			seed, before, after, longest, rounds, together)
		failed = failed || after < solved
	}
	if *show {
		watch(policy)
	}
	if failed {
		log.Fatalf("a mean of %d was to be reached", solved)
	}
}

// newPolicy is a network that gives the probabilities of both pushes.
func newPolicy(seed uint64) nn.Model {
	m := must(nn.NewSequential(nn.NewInput(observed), layers.NewDense(32, "tanh"), layers.NewDense(pushes, "softmax")))
	check(nn.InitWeights(m, seed))
	adam := train.NewAdam()
	adam.LearningRate = 0.01
	check(train.Compile(m, train.Config{Optimizer: adam, Loss: []train.Loss{must(train.ParseLoss("sparse_categorical_crossentropy"))}}))
	return m
}

// learn plays and learns until the last rounds went well.
func learn(m nn.Model, seed uint64, rng *rand.Rand) (rounds int) {
	trainer := must(train.NewTrainer(m, train.Options{Seed: seed}))
	defer trainer.Close()
	good := 0
	for rounds = 1; rounds <= most && good < 10; rounds++ {
		round := play(m, together, func(right float32) bool { return rng.Float32() < right }, rng)
		must(trainer.TrainOnBatch(context.Background(), round.batch()))
		nn.WeightsChanged(m) // Predict is to see it
		if good++; round.mean() < solved {
			good = 0
		}
	}
	return rounds - 1
}

// score is the mean of so many episodes in which the likelier push is made.
func score(m nn.Model, episodes int, rng *rand.Rand) float64 {
	return play(m, episodes, func(right float32) bool { return right > 0.5 }, rng).mean()
}

// episodes are some that were played at the same time.
type episodes struct {
	seen   []float32 // rows of what was observed
	pushed []int32   // what was done then
	of     []int     // the episode
	left   []int     // steps that followed, this one included; their sum is the reward
	poles  []pole
}

// play makes so many episodes, asking m about all of them at a time. choose says from the probability of right what to do.
func play(m nn.Model, n int, choose func(right float32) bool, rng *rand.Rand) *episodes {
	e := &episodes{poles: make([]pole, n)}
	for i := range e.poles {
		e.poles[i] = newPole(rng)
	}
	at := make([]int, 0, n) // of each row, the episode
	for {
		at = at[:0]
		for i := range e.poles {
			if !e.poles[i].over() {
				at = append(at, i)
			}
		}
		if len(at) == 0 {
			break
		}
		x := nn.NewTensor(len(at), observed)
		for row, i := range at {
			e.poles[i].observe(x.F32[row*observed:][:observed])
		}
		p := must(m.Predict(context.Background(), x))[0].F32
		for row, i := range at {
			push := choose(p[row*pushes+1])
			e.poles[i].push(push)
			e.pushed, e.of = append(e.pushed, 0), append(e.of, i)
			if push {
				e.pushed[len(e.pushed)-1] = 1
			}
		}
		e.seen = append(e.seen, x.F32...)
	}
	made := make([]int, n)
	for _, i := range e.of {
		e.left = append(e.left, e.poles[i].steps-made[i])
		made[i]++
	}
	return e
}

// mean is the mean score: how long the poles stood.
func (e *episodes) mean() float64 { return float64(len(e.of)) / float64(len(e.poles)) }

// batch makes a training batch of them: what was seen, what was done, and how much better than usual it went on.
func (e *episodes) batch() *data.Batch {
	weights := make([]float32, len(e.of))
	var sum, squares float64
	for i, left := range e.left {
		// The sum of a reward of 1 a step, each step's worth discount times that of the one before.
		v := (1 - math.Pow(discount, float64(left))) / (1 - discount)
		weights[i] = float32(v)
		sum, squares = sum+v, squares+v*v
	}
	n := float64(len(weights))
	mean := sum / n
	deviation := math.Sqrt(max(squares/n-mean*mean, 0)) + 1e-8
	for i := range weights {
		weights[i] = float32((float64(weights[i]) - mean) / deviation)
	}
	return &data.Batch{
		X:      []*nn.Tensor{graph.FromF32(e.seen, len(e.of), observed)},
		Y:      []*nn.Tensor{graph.FromI32(e.pushed, len(e.of))},
		Weight: []*nn.Tensor{graph.FromF32(weights, len(e.of))},
	}
}

// watch draws an episode, in as much time as it takes.
func watch(m nn.Model) {
	p, x := newPole(rand.New(rand.NewPCG(1, 1))), nn.NewTensor(1, observed)
	for !p.over() {
		p.observe(x.F32)
		p.push(must(m.Predict(context.Background(), x))[0].F32[1] > 0.5)
		fmt.Print("\x1b[H\x1b[J", &p)
		time.Sleep(interval * 1e9)
	}
}

// must and check end the program at the first error.
func must[T any](v T, err error) T { check(err); return v }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
