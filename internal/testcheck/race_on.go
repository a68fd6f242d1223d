//go:build race

package testcheck

// race says that the race detector is on: sync.Pool then drops values at random, so allocations can't be counted.
const race = true
