//go:build race

package train_test

// raceEnabled says that the race detector is on, under which ten epochs take minutes.
const raceEnabled = true
