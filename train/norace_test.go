//go:build !race

package train_test

// raceEnabled says that the race detector is on.
const raceEnabled = false
