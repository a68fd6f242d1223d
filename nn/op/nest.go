package op

import "slices"

// collapse merges neighbouring axes that every operand steps through as one, so that the innermost loop is long.
func (l *nest) collapse() {
	at := 0 // axes kept
	for d := range l.rank {
		if l.dims[d] == 1 {
			continue
		}
		if at > 0 && l.joins(at-1, d) {
			l.dims[at-1] *= l.dims[d]
			for i := range l.stride {
				l.stride[i][at-1] = l.stride[i][d]
			}
			continue
		}
		l.dims[at] = l.dims[d]
		for i := range l.stride {
			l.stride[i][at] = l.stride[i][d]
		}
		at++
	}
	l.rank = at
}

// joins says that axis d goes on where axis outer steps, for every operand.
func (l *nest) joins(outer, d int) bool {
	for i := range l.stride {
		if l.stride[i][outer] != l.stride[i][d]*l.dims[d] {
			return false
		}
	}
	return true
}

// inner is the innermost axis: its size and the operands' strides.
func (l *nest) inner() (n int, stride [3]int) {
	if l.rank == 0 {
		return 1, stride
	}
	for i := range l.stride {
		stride[i] = l.stride[i][l.rank-1]
	}
	return l.dims[l.rank-1], stride
}

// runs calls f with the offsets at which each run of the innermost axis begins.
func (l *nest) runs(f func(a, b, c int)) {
	outer := *l
	outer.rank = max(0, l.rank-1)
	outer.each(f)
}

// part is the piece [from, to) of the outermost axis.
func (l *nest) part(from, to int) nest {
	p := *l
	p.dims[0] = to - from
	for i := range p.base {
		p.base[i] += from * l.stride[i][0]
	}
	return p
}

// reduction splits a walk over x in two: over the axes that are kept, in order, and over those that are reduced (sorted,
// not negative). Operand 0 of both is x; their offsets add up.
func reduction(x Shape, axes []int) (keep, reduced nest) {
	step := 1
	var strides [maxRank]int
	for d := len(x) - 1; d >= 0; d-- {
		strides[d] = step
		step *= x[d]
	}
	for d := range x {
		l := &keep
		if slices.Contains(axes, d) {
			l = &reduced
		}
		l.dims[l.rank], l.stride[0][l.rank] = x[d], strides[d]
		l.rank++
	}
	keep.collapse()
	reduced.collapse()
	return keep, reduced
}
