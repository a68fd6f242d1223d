package hdf5

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"kerasgo/internal/safeio"
)

// ErrNotFound is in the chain of the error for an object or attribute that
// isn't there.
var ErrNotFound = errors.New("not found")

// linkKind says what a link is.
type linkKind byte

const (
	linkHard     linkKind = 0
	linkSoft     linkKind = 1
	linkExternal linkKind = 64
)

// link is a named entry of a group.
type link struct {
	name  string
	kind  linkKind
	addr  uint64 // linkHard: of the object's header
	order int64  // when it was made; -1 when that isn't recorded
}

// object is what groups and datasets have in common.
type object struct {
	f    *File
	path string // absolute, from the root
	addr uint64
	attributes
}

// Path returns the object's absolute path, "/model_weights/d1".
func (o *object) Path() string { return o.path }

// at adds the object's place to an error.
func (o *object) at(err error) error {
	return safeio.At(err, safeio.Where{File: o.f.name, Object: o.path})
}

// Object is a [*Group] or a [*Dataset].
type Object interface {
	Path() string
	Attr(name string) (*Attr, error)
	AttrNames() ([]string, error)
	SplitStrings(name string) ([]string, error)
}

// Group is a folder of named objects.
type Group struct {
	object
	*linkTable
}

// linkTable is a group's links; it doesn't change once it is made, and lookups
// of the same group share it.
type linkTable struct {
	links  []link
	byName map[string]int
}

// openGroup opens the group whose header is at addr.
func (f *File) openGroup(path string, addr uint64) (*Group, error) {
	o, err := f.open1(path, addr)
	if err != nil {
		return nil, err
	}
	g, ok := o.(*Group)
	if !ok {
		return nil, safeio.At(&safeio.FormatError{Msg: "is a dataset, not a group"}, safeio.Where{File: f.name, Object: path})
	}
	return g, nil
}

// open1 opens the object whose header is at addr.
func (f *File) open1(path string, addr uint64) (Object, error) {
	o := object{f: f, path: path, addr: addr}
	msgs, err := f.header(addr)
	if err != nil {
		return nil, o.at(err)
	}
	o.attributes = attributes{f: f, msgs: msgs, path: path, state: new(attrState)}
	_, symbols := find(msgs, msgSymbolTable)
	_, info := find(msgs, msgLinkInfo)
	_, layout := find(msgs, msgLayout)
	switch {
	case symbols || info:
		g := &Group{object: o}
		g.linkTable, err = f.links(addr, msgs)
		return g, o.at(err)
	case layout:
		d, err := newDataset(o, msgs)
		return d, o.at(err)
	}
	if _, ok := find(msgs, msgDatatype); ok {
		return nil, o.at(unsupportedf("committed datatype"))
	}
	return nil, o.at(formatErrorf("neither a group nor a dataset"))
}

// newLinkTable sorts links and makes them findable.
func newLinkTable(links []link) (*linkTable, error) {
	ordered := len(links) > 0
	for _, l := range links {
		ordered = ordered && l.order >= 0
	}
	sort.Slice(links, func(i, j int) bool {
		if ordered {
			return links[i].order < links[j].order
		}
		return links[i].name < links[j].name
	})
	t := &linkTable{links: links, byName: make(map[string]int, len(links))}
	for i, l := range links {
		if _, dup := t.byName[l.name]; dup {
			return nil, formatErrorf("two links are named %s", clipQuote(l.name))
		}
		if l.name == "" || l.name == "." || strings.Contains(l.name, "/") {
			return nil, formatErrorf("a link is named %s", clipQuote(l.name))
		}
		t.byName[l.name] = i
	}
	return t, nil
}

// links returns the links of the group at addr, reading them once a file.
func (f *File) links(addr uint64, msgs []message) (*linkTable, error) {
	f.mu.Lock()
	t, ok := f.groups[addr]
	f.mu.Unlock()
	if ok {
		return t, nil
	}
	var links []link
	var err error
	if m, ok := find(msgs, msgSymbolTable); ok {
		links, err = f.symbolTable(m.data)
	} else {
		links, err = f.newLinks(msgs)
	}
	if err != nil {
		return nil, err
	}
	if t, err = newLinkTable(links); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.groups[addr] = t
	return t, nil
}

// newLinks reads the links of a group without a symbol table: in messages of
// its header, or in a fractal heap.
func (f *File) newLinks(msgs []message) ([]link, error) {
	var links []link
	for _, m := range msgs {
		switch m.typ {
		case msgLink:
			l, err := parseLink(f.src.decode(m.data))
			if err != nil {
				return nil, err
			}
			links = append(links, l)
		case msgLinkInfo:
			c := f.src.decode(m.data)
			c.version("link info", 0)
			if c.u8()&1 != 0 {
				c.skip(8)
			}
			heap, tree := c.addr(), c.addr()
			if c.err != nil {
				return nil, c.err
			}
			if heap == undef {
				continue
			}
			err := f.dense(heap, tree, 5, func(b []byte) error {
				l, err := parseLink(f.src.decode(b))
				links = append(links, l)
				return err
			})
			if err != nil {
				return nil, err
			}
		}
	}
	return links, nil
}

// dense calls each for every object of a fractal heap that the B-tree of
// names lists. The heap ID stands at the record's end in links' records (kind
// 5: hash, ID) and at its beginning in attributes' (kind 8: ID, flags, order,
// hash).
func (f *File) dense(heap, tree uint64, kind byte, each func(b []byte) error) error {
	h, err := f.fractalHeap(heap)
	if err != nil {
		return err
	}
	return newWalker(f).btree2(tree, kind, func(rec *cursor) error {
		idLen := 8
		if kind == 5 {
			rec.skip(4)
			idLen = 7
		}
		id := rec.take(idLen)
		if rec.err != nil {
			return rec.err
		}
		if kind == 8 && rec.u8()&flagShared != 0 {
			return unsupportedf("attribute shared through the file's message table")
		}
		b, err := h.object(id)
		if err != nil {
			return err
		}
		return each(b)
	})
}

// parseLink decodes a link message.
func parseLink(c *cursor) (link, error) {
	l := link{order: -1}
	c.version("link", 1)
	flags := c.u8()
	if flags&0x08 != 0 {
		l.kind = linkKind(c.u8())
	}
	if flags&0x04 != 0 {
		l.order = int64(c.u64() & (1<<63 - 1))
	}
	if flags&0x10 != 0 {
		c.skip(1) // character set of the name
	}
	n := c.uint(1 << (flags & 3))
	if n > uint64(c.left()) {
		c.fail(formatErrorf("link name of %d bytes", n))
	}
	l.name = string(c.take(int(min(n, 1<<30))))
	if l.kind == linkHard {
		l.addr = c.addr()
	}
	return l, c.err
}

// Names returns the names in the group: in the order they were made where the
// file records it, else sorted. Links that can't be followed are included.
func (g *Group) Names() []string {
	out := make([]string, len(g.links))
	for i, l := range g.links {
		out[i] = l.name
	}
	return out
}

// Has reports whether the group itself has an entry of that name.
func (g *Group) Has(name string) bool {
	_, ok := g.byName[name]
	return ok
}

// Lookup returns the object at a path from this group, "d1/d1/kernel". A
// leading slash and doubled ones mean nothing: paths are always relative. What
// isn't there is an error with [ErrNotFound]; a soft or external link is an
// [safeio.UnsupportedError].
func (g *Group) Lookup(path string) (Object, error) {
	var o Object = g
	at := g
	depth := 0
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			continue
		}
		if depth++; depth > g.f.limits.MaxGroupDepth {
			return nil, g.at(&safeio.LimitError{Msg: fmt.Sprintf("path of more than %d levels", g.f.limits.MaxGroupDepth)})
		}
		if at == nil {
			return nil, fmt.Errorf("%w: %s is a dataset", g.notFound(path), clipQuote(o.Path()))
		}
		next, err := at.child(name)
		if err != nil {
			return nil, err
		}
		o = next
		at, _ = next.(*Group)
	}
	return o, nil
}

// notFound is the error for a path that isn't there.
func (g *Group) notFound(path string) error {
	return safeio.At(fmt.Errorf("%s: %w", clipQuote(path), ErrNotFound), safeio.Where{File: g.f.name, Object: g.path})
}

// clipQuote quotes a name from a file, shortened.
func clipQuote(s string) string {
	if len(s) > 200 {
		return fmt.Sprintf("%q...", s[:200])
	}
	return fmt.Sprintf("%q", s)
}

// child opens one entry.
func (g *Group) child(name string) (Object, error) {
	i, ok := g.byName[name]
	if !ok {
		return nil, g.notFound(name)
	}
	l := g.links[i]
	path := strings.TrimSuffix(g.path, "/") + "/" + name
	if l.kind != linkHard {
		what := fmt.Sprintf("link of kind %d", l.kind)
		switch l.kind {
		case linkSoft:
			what = "soft link"
		case linkExternal:
			what = "external link: it points into another file, which is never opened"
		}
		return nil, safeio.At(unsupportedf("%s", what), safeio.Where{File: g.f.name, Object: path})
	}
	return g.f.open1(path, l.addr)
}

// Group returns the group at a path; see [Group.Lookup].
func (g *Group) Group(path string) (*Group, error) {
	o, err := g.Lookup(path)
	if err != nil {
		return nil, err
	}
	if sub, ok := o.(*Group); ok {
		return sub, nil
	}
	return nil, safeio.At(&safeio.FormatError{Msg: "is a dataset, not a group"}, safeio.Where{File: g.f.name, Object: o.Path()})
}

// Dataset returns the dataset at a path; see [Group.Lookup].
func (g *Group) Dataset(path string) (*Dataset, error) {
	o, err := g.Lookup(path)
	if err != nil {
		return nil, err
	}
	if d, ok := o.(*Dataset); ok {
		return d, nil
	}
	return nil, safeio.At(&safeio.FormatError{Msg: "is a group, not a dataset"}, safeio.Where{File: g.f.name, Object: o.Path()})
}

// Walk calls visit for every object below g, parents first, in the order of
// [Group.Names]. A group with several names is descended into once. It stops
// at the first error, visit's or its own; a group that contains itself is one.
func (g *Group) Walk(visit func(Object) error) error {
	w := &groupWalk{visit: visit, state: map[uint64]walkState{g.addr: inside}}
	return w.group(g, 0)
}

type walkState byte

const (
	inside walkState = 1 // the group is being walked
	done   walkState = 2
)

type groupWalk struct {
	visit   func(Object) error
	state   map[uint64]walkState
	objects int
}

func (w *groupWalk) group(g *Group, depth int) error {
	if depth > g.f.limits.MaxGroupDepth {
		return g.at(&safeio.LimitError{Msg: fmt.Sprintf("groups are nested more than %d deep", g.f.limits.MaxGroupDepth)})
	}
	for _, l := range g.links {
		if w.objects++; w.objects > g.f.limits.MaxObjects {
			return g.at(tooManyObjects(g.f))
		}
		o, err := g.child(l.name)
		if err != nil {
			return err
		}
		if err := w.visit(o); err != nil {
			return err
		}
		sub, ok := o.(*Group)
		if !ok || w.state[sub.addr] == done {
			continue
		}
		if w.state[sub.addr] == inside {
			return sub.at(formatErrorf("the group contains itself"))
		}
		w.state[sub.addr] = inside
		if err := w.group(sub, depth+1); err != nil {
			return err
		}
		w.state[sub.addr] = done
	}
	return nil
}
