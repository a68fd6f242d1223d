//go:build race

package gemm

// raceEnabled says that sync.Pool drops values at random.
const raceEnabled = true
