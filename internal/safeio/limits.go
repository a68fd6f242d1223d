// Package safeio is what every reader of outside data in this project stands
// on: one set of limits, three typed errors, opening of regular files only,
// reads that never trust a declared size, and atomic file writing.
package safeio

// Limits bounds what any reader may do on behalf of a file. One value goes
// through every reader; a zero field means that [Defaults]'s value is used, so
// the zero Limits is the default.
//
// Limits protect against files that lie about themselves. A reader also never
// allocates from a size that the file can't back, whatever the limits say.
type Limits struct {
	MaxFile            int64 // bytes of one input file
	MaxTensorBytes     int64 // bytes of one tensor as it will lie in memory
	MaxTotalBytes      int64 // bytes of all tensors of one model together
	MaxJSONBytes       int64 // bytes of one JSON document
	MaxJSONDepth       int   // nesting of one JSON document
	MaxLayers          int   // layers in a model, nested models' included
	MaxGroupDepth      int   // nesting of groups, nested models, structures
	MaxObjects         int   // groups, datasets, attributes, zip entries in one file
	MaxLinkHops        int   // continuation blocks, heap or tree levels followed in a row
	MaxPixels          int64 // width x height of one decoded image
	MaxActivationBytes int64 // memory that one inference may use for activations

	// MaxExpansion bounds what a file's contents may take in memory, in
	// multiples of the file's size: see [Limits.Memory].
	MaxExpansion int64
}

// Memory returns how many bytes the contents of files of the given total size
// may take in memory while they are loaded: MaxExpansion times the size, and
// 64 MiB on top for small files that hold much (zeros compress well).
func (l Limits) Memory(fileSize int64) int64 {
	if n, ok := Product(l.OrDefaults().MaxExpansion, fileSize); ok && n <= 1<<62 {
		return n + 64<<20
	}
	return 1 << 62
}

// Defaults returns the limits that are in force when nothing else is said.
func Defaults() Limits {
	return Limits{
		MaxFile:            64 << 30,
		MaxTensorBytes:     2 << 30,
		MaxTotalBytes:      32 << 30,
		MaxJSONBytes:       64 << 20,
		MaxJSONDepth:       512,
		MaxLayers:          20000,
		MaxGroupDepth:      64,
		MaxObjects:         1 << 20,
		MaxLinkHops:        64,
		MaxPixels:          50_000_000,
		MaxActivationBytes: 4 << 30,
		MaxExpansion:       4,
	}
}

// OrDefaults returns l with every field that is zero or negative replaced by
// the one of [Defaults].
func (l Limits) OrDefaults() Limits {
	d := Defaults()
	pick64(&l.MaxFile, d.MaxFile)
	pick64(&l.MaxTensorBytes, d.MaxTensorBytes)
	pick64(&l.MaxTotalBytes, d.MaxTotalBytes)
	pick64(&l.MaxJSONBytes, d.MaxJSONBytes)
	pickInt(&l.MaxJSONDepth, d.MaxJSONDepth)
	pickInt(&l.MaxLayers, d.MaxLayers)
	pickInt(&l.MaxGroupDepth, d.MaxGroupDepth)
	pickInt(&l.MaxObjects, d.MaxObjects)
	pickInt(&l.MaxLinkHops, d.MaxLinkHops)
	pick64(&l.MaxPixels, d.MaxPixels)
	pick64(&l.MaxActivationBytes, d.MaxActivationBytes)
	pick64(&l.MaxExpansion, d.MaxExpansion)
	return l
}

func pick64(v *int64, d int64) {
	if *v <= 0 {
		*v = d
	}
}

func pickInt(v *int, d int) {
	if *v <= 0 {
		*v = d
	}
}
