package op

import "math"

// function finds an element function by Keras's name. Those of fast paths are in internal/vec.
func function(name string) pointwise {
	switch name {
	case "linear":
		return pointwise{f: func(x float32, _ [3]float32) float32 { return x }, df: func(_, _ float32, _ [3]float32) float32 { return 1 }}
	case "relu":
		return pointwise{f: relu, df: func(x, _ float32, _ [3]float32) float32 { return float32(truth(x > 0)) }}
	case "sigmoid":
		return pointwise{f: func(x float32, _ [3]float32) float32 { return float32(sigmoid(float64(x))) },
			df: func(_, y float32, _ [3]float32) float32 { return y * (1 - y) }}
	case "tanh":
		return pointwise{f: func(x float32, _ [3]float32) float32 { return float32(math.Tanh(float64(x))) },
			df: func(_, y float32, _ [3]float32) float32 { return 1 - y*y }}
	}
	return pointwise{}
}

// relu keeps NaN, as TensorFlow does.
func relu(x float32, _ [3]float32) float32 {
	if x < 0 {
		return 0
	}
	return x
}

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
