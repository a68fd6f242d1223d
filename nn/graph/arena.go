package graph

import "slices"

// viewOf is a value that shows the data of a source (by ID), which isn't in the arena.
type viewOf struct{ view, source int }

// block is a stretch of an arena that one or more values share, by view or in place.
type block struct {
	store      Storage
	size, at   int // in elements of its storage
	last       int // node that reads it last
	source     int // ID of the input, weight or constant that it is; -1: room in the arena
	firstOwner int
}

// arena cuts room for every value that is read from one slice for each storage.
func (x *exec) arena(specs []Spec) ([]*Tensor, []viewOf, error) {
	blocks, of := x.g.blocks(specs)
	var sizes [StoreStr + 1]int
	layout(blocks, &sizes)
	bytes := int64(sizes[StoreF32])*4 + int64(sizes[StoreF64])*8 + int64(sizes[StoreI32])*4 + int64(sizes[StoreI64])*8 +
		int64(sizes[StoreStr])*16
	if err := x.limit(bytes); err != nil {
		return nil, nil, err
	}
	all := Tensor{F32: make([]float32, sizes[StoreF32]), F64: make([]float64, sizes[StoreF64]),
		I32: make([]int32, sizes[StoreI32]), I64: make([]int64, sizes[StoreI64]), Str: make([]string, sizes[StoreStr])}
	val := make([]*Tensor, len(specs))
	var views []viewOf
	for id, b := range of {
		if b == nil || x.g.Values[id].Node == nil {
			continue
		}
		t := &Tensor{Spec: specs[id]}
		val[id] = t
		if b.source >= 0 {
			views = append(views, viewOf{id, b.source})
			continue
		}
		n := specs[id].Shape.Size()
		switch b.store {
		case StoreF32:
			t.F32 = all.F32[b.at:][:n:n]
		case StoreF64:
			t.F64 = all.F64[b.at:][:n:n]
		case StoreI32:
			t.I32 = all.I32[b.at:][:n:n]
		case StoreI64:
			t.I64 = all.I64[b.at:][:n:n]
		case StoreStr:
			t.Str = all.Str[b.at:][:n:n]
		}
	}
	return val, views, nil
}

// blocks decides which values share room: a view lies on its source; an in-place operation on an input that dies there.
// of is by Value.ID; nil: not kept.
func (g *Graph) blocks(specs []Spec) (blocks []*block, of []*block) {
	last := make([]int, len(specs)) // node that reads the value last; -1: none
	for i := range last {
		last[i] = -1
	}
	for i, n := range g.Nodes {
		for _, v := range n.In {
			if v != nil {
				last[v.ID] = i
			}
		}
	}
	for _, v := range g.Outputs {
		last[v.ID] = len(g.Nodes)
	}
	of = make([]*block, len(specs))
	for _, v := range g.Values {
		if v.Node == nil {
			of[v.ID] = &block{source: v.ID, last: len(g.Nodes)}
		}
	}
	// Views extend the life of what they show, so find them before anything is placed in place.
	for _, n := range slices.Backward(g.Nodes) {
		if v, ok := n.Op.(Viewer); ok && v.View() {
			last[n.In[0].ID] = max(last[n.In[0].ID], last[n.Out[0].ID])
		}
	}
	for i, n := range g.Nodes {
		for o, v := range n.Out {
			if last[v.ID] < 0 && o > 0 {
				continue
			}
			s := specs[v.ID]
			if o == 0 {
				if b := shared(n, i, of, specs); b != nil {
					b.last = max(b.last, last[v.ID], i)
					of[v.ID] = b
					continue
				}
			}
			b := &block{store: s.DType.Storage(), size: s.Shape.Size(), last: max(last[v.ID], i), source: -1, firstOwner: i}
			blocks, of[v.ID] = append(blocks, b), b
		}
	}
	return blocks, of
}

// shared is the block that node i's first output may lie on.
func shared(n *Node, i int, of []*block, specs []Spec) *block {
	if len(n.In) == 0 || n.In[0] == nil {
		return nil
	}
	b := of[n.In[0].ID]
	if v, ok := n.Op.(Viewer); ok && v.View() {
		return b
	}
	p, ok := n.Op.(InPlacer)
	if !ok || !p.InPlace() || b.source >= 0 || b.last > i || b.store != specs[n.Out[0].ID].DType.Storage() {
		return nil
	}
	if specs[n.In[0].ID].Shape.Size() != specs[n.Out[0].ID].Shape.Size() {
		return nil
	}
	for _, other := range n.In[1:] { // the same data read twice, by another rule
		if other != nil && of[other.ID] == b {
			return nil
		}
	}
	return b
}

// layout places blocks in the order they are born, reusing the room of dead ones, first fit.
func layout(blocks []*block, sizes *[StoreStr + 1]int) {
	const align = 16  // elements: a cache line of float32
	var live []*block // by offset
	for _, b := range blocks {
		live = slices.DeleteFunc(live, func(l *block) bool { return l.last < b.firstOwner })
		at := 0
		for _, l := range live {
			if l.store != b.store {
				continue
			}
			if l.at-at >= b.size {
				break
			}
			at = max(at, (l.at+l.size+align-1)&^(align-1))
		}
		b.at, live = at, append(live, b)
		slices.SortStableFunc(live, func(a, b *block) int { return a.at - b.at })
		sizes[b.store] = max(sizes[b.store], at+b.size)
	}
}
