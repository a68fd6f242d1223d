//go:build !linux

package kernel

import "testing"

// guarded returns n floats; only on Linux does an unmapped page lie behind them.
func guarded(_ testing.TB, n int) []float32 { return make([]float32, n) }
