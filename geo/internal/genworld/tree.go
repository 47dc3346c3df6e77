package main

// ref points from a tree node: at nothing, at a cell or at another node.
type ref uint32

const (
	nothing ref = 0
	isNode  ref = 1 << 31
)

func leaf(cell uint32) ref { return ref(cell) + 1 }

// tree is a search tree in which equal parts are held once: the walk of a
// reader does not notice, and two thirds of the file are saved. The root is
// last, children stand before their parents.
type tree struct{ nodes [][2]ref }

// treeBuilder consumes networks, sorted and disjoint.
type treeBuilder struct {
	chart chart
	rest  []network
	nodes [][2]ref
	known map[[2]ref]ref
}

// part is a prefix while the tree is built: empty, or a tally of cells that may
// still become one leaf together with its neighbour, or finished.
type part struct {
	tally tally
	ref   ref
}

// buildTree joins neighbours as long as one place is near to all in them.
func buildTree(c chart, networks []network) *tree {
	b := &treeBuilder{chart: c, rest: networks, known: make(map[[2]ref]ref)}
	left := b.part(address{}, 1)
	right := b.part(address{}.set(0), 1)
	b.node(b.finish(left), b.finish(right))
	return &tree{nodes: b.nodes}
}

func (b *treeBuilder) part(start address, bits int) part {
	if len(b.rest) == 0 || b.rest[0].start.cut(bits) != start {
		return part{}
	}
	if n := b.rest[0]; n.bits <= bits {
		b.rest = b.rest[1:]
		return part{tally: tally{{n.cell, n.size()}}}
	}
	left := b.part(start, bits+1)
	right := b.part(start.set(bits), bits+1)
	return b.join(left, right)
}

func (b *treeBuilder) join(left, right part) part {
	if left.tally != nil && right.tally != nil {
		both := append(tally(nil), left.tally...).add(right.tally...)
		if _, ok := both.centre(b.chart); ok {
			return part{tally: both}
		}
	}
	return part{ref: b.node(b.finish(left), b.finish(right))}
}

func (b *treeBuilder) finish(p part) ref {
	if p.tally == nil {
		return p.ref
	}
	cell, _ := p.tally.centre(b.chart)
	return leaf(cell)
}

func (b *treeBuilder) node(left, right ref) ref {
	key := [2]ref{left, right}
	r, known := b.known[key]
	if !known {
		r = isNode | ref(len(b.nodes))
		b.nodes = append(b.nodes, key)
		b.known[key] = r
	}
	return r
}

// networks counts what a walk finds.
func (t *tree) networks() int {
	counts := make([]int, len(t.nodes))
	for i, n := range t.nodes {
		for _, r := range n {
			switch {
			case r&isNode != 0:
				counts[i] += counts[r&^isNode]
			case r != nothing:
				counts[i]++
			}
		}
	}
	return counts[len(counts)-1]
}

// cells returns those that some network is in, in order of first node.
func (t *tree) cells() []uint32 {
	var list []uint32
	seen := make(map[ref]bool)
	for _, n := range t.nodes {
		for _, r := range n {
			if r != nothing && r&isNode == 0 && !seen[r] {
				seen[r] = true
				list = append(list, uint32(r)-1)
			}
		}
	}
	return list
}
