//go:build race

package conv

// raceEnabled says that sync.Pool drops values at random.
const raceEnabled = true
