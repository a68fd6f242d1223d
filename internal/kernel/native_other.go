//go:build !amd64 || purego

package kernel

// native returns the assembly implementations that this processor runs, slowest first.
func native() []*ISA { return nil }
