package geo

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// separator is the length of the zero bytes between search tree and data
// (MaxMind DB format 2.0, "Data Section Separator").
const separator = 16

// tree reads the search tree of a MaxMind DB in place: a node is two records
// of 24, 28 or 32 bits, each a node number, "no data" (the node count), or an
// offset into the data section.
type tree struct {
	data       []byte // exactly the nodes
	nodes      uint32
	recordBits uint8
	v6         bool // the root is that of IPv6; IPv4 stands at ::/96
}

// newTree needs metadata that the library has accepted: the nodes lie in file.
func newTree(file []byte, nodes, recordBits, version uint) (tree, error) {
	size := nodes * recordBits / 4
	if recordBits != 24 && recordBits != 28 && recordBits != 32 {
		return tree{}, fmt.Errorf("record size of %d bits", recordBits)
	}
	if version != 4 && version != 6 {
		return tree{}, fmt.Errorf("IP version %d", version)
	}
	if nodes == 0 || nodes > 1<<31 || size+separator > uint(len(file)) {
		return tree{}, fmt.Errorf("search tree of %d nodes in a file of %d bytes", nodes, len(file))
	}
	return tree{file[:size], uint32(nodes), uint8(recordBits), version == 6}, nil
}

// child is the record of node n for bit b.
func (t *tree) child(n uint32, b uint) uint32 {
	switch t.recordBits {
	case 28:
		// Three bytes left, a byte that holds both upper halves, three right.
		node := t.data[uint(n)*7:][:7]
		w := binary.BigEndian.Uint32(node[b*3:])
		if b == 0 {
			return w>>8 | w&0xf0<<20
		}
		return w & 0x0fffffff
	case 24:
		node := t.data[uint(n)*6+b*3:][:3]
		return uint32(node[0])<<16 | uint32(node[1])<<8 | uint32(node[2])
	}
	return binary.BigEndian.Uint32(t.data[uint(n)*8+b*4:])
}

// root is the record from which a family descends; ok is false if the tree has
// no place for it. A leaf above ::/96 is IPv6 data and says nothing of IPv4.
func (t *tree) root(f family) (n uint32, ok bool) {
	if f == ipv6 || !t.v6 {
		return 0, t.v6 == (f == ipv6)
	}
	for range 96 {
		if n >= t.nodes {
			return n, false
		}
		n = t.child(n, 0)
	}
	return n, true
}

// offset turns a record above the node count into an offset in the data.
func (t *tree) offset(record uint32) (uint, bool) {
	o := uint(record) - uint(t.nodes)
	return o - separator, o >= separator
}

// errShared reports a tree that repeats its subtrees so often that walking it
// would take far longer than reading it.
var errShared = errors.New("search tree repeats its subtrees too often")

// cursor finds the leaves of a tree. Leaves asked for in order of address cost
// one step per node, for the cursor descends from where the paths part.
type cursor struct {
	t      *tree
	limit  int // length of an address
	pos    position
	depth  int
	budget int
	path   [129]uint32 // the records passed on the way to pos
}

// cursor starts at the root of a family, nil if the tree has no such family.
// The budget of steps is beyond any tree whose nodes are reached once.
func (t *tree) cursor(f family) *cursor {
	root, ok := t.root(f)
	if !ok || root == t.nodes {
		return nil
	}
	c := &cursor{t: t, limit: f.bits(), budget: 4*int(t.nodes) + 1<<20}
	c.path[0] = root
	return c
}

// at returns the leaf record around p and the last position it covers.
func (c *cursor) at(p position) (record uint32, last position, err error) {
	d := min(c.pos.common(p), c.depth)
	n := c.path[d]
	start := d
	for n < c.t.nodes && d < c.limit {
		n = c.t.child(n, p.bit(d))
		d++
		c.path[d] = n
	}
	if c.budget -= d - start; c.budget < 0 {
		return 0, last, errShared
	}
	if n < c.t.nodes {
		return 0, last, errors.New("search tree is deeper than an address is long")
	}
	c.pos, c.depth = p, d
	return n, p.last(d), nil
}

// offsets numbers the data offsets that a tree refers to, in order.
type offsets struct {
	words []uint64
	rank  []uint32 // set bits before each word
	count int
	leafs int // records that hold data
}

// collect reads all nodes and marks where their data stands in a section of
// size bytes.
func (t *tree) collect(size int) (*offsets, error) {
	o := &offsets{words: make([]uint64, size/64+1)}
	for n := range t.nodes {
		for b := range uint(2) {
			r := t.child(n, b)
			if r <= t.nodes {
				continue
			}
			at, ok := t.offset(r)
			if !ok || at >= uint(size) {
				return nil, fmt.Errorf("node %d of the search tree points outside the data", n)
			}
			o.words[at/64] |= 1 << (at % 64)
			o.leafs++
		}
	}
	o.rank = make([]uint32, len(o.words))
	for i, w := range o.words {
		o.rank[i] = uint32(o.count)
		o.count += bits.OnesCount64(w)
	}
	return o, nil
}

// number is the rank of an offset among those collected.
func (o *offsets) number(at uint) uint32 {
	below := o.words[at/64] & (1<<(at%64) - 1)
	return o.rank[at/64] + uint32(bits.OnesCount64(below))
}

// each calls f with every offset, in order, until f fails.
func (o *offsets) each(f func(at uint) error) error {
	for i, w := range o.words {
		for ; w != 0; w &= w - 1 {
			if err := f(uint(i*64 + bits.TrailingZeros64(w))); err != nil {
				return err
			}
		}
	}
	return nil
}
