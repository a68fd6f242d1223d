package kernel

import (
	"os"
	"sync"
)

// Best returns the implementation used on this machine: the fastest that the
// processor and the operating system support, or the one that the environment
// variable KERASGO_ISA names (generic, avx2, avx512) if it is available.
var Best = sync.OnceValue(func() *ISA {
	all := All()
	name := os.Getenv("KERASGO_ISA")
	for _, isa := range all {
		if isa.Name == name {
			return isa
		}
	}
	return all[len(all)-1]
})

// All returns the implementations available on this machine, slowest first; the
// first is generic.
var All = sync.OnceValue(func() []*ISA {
	return append([]*ISA{newGeneric()}, native()...)
})
