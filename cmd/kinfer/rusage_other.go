//go:build !unix

package main

import "time"

// cpuTime isn't known here.
func cpuTime() time.Duration { return 0 }

// peakRSS isn't known here.
func peakRSS() float64 { return 0 }
