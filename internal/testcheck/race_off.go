//go:build !race

package testcheck

// race says that the race detector is on.
const race = false
