package geo

import "math/bits"

// builder turns runs of addresses into atoms of one family. Runs come in order
// and without gaps; each is a number of whole blocks or lies in one block.
type builder struct {
	family family
	places *places
	edge   bool // a special-purpose block begins or ends before the next run

	starts  chunks[uint64]
	ids     chunks[PlaceID]
	borders []uint64 // bit by atom
	last    PlaceID  // of the last atom

	block uint64 // the one being put together
	parts []Part
	index map[PlaceID]int // into parts, once these are many
}

// many is the number of parts from which an index pays.
const many = 32

func newBuilder(f family, t *places) *builder {
	return &builder{family: f, places: t}
}

// begin starts a segment, at the edge of a special-purpose block or not.
func (b *builder) begin(edge bool) {
	b.flush()
	b.edge = b.edge || edge
}

func (b *builder) add(s span, id PlaceID) {
	shift := b.family.blockShift()
	within := uint64(1)<<shift - 1
	block := s.first.hi >> shift
	if len(b.parts) > 0 && block != b.block {
		b.flush()
	}
	if s.last.hi>>shift != block || s.first.hi&within == 0 && s.first.lo == 0 && s.last == s.first.last(b.family.blockBits()) {
		b.push(block, id)
		return
	}
	hi, lo := s.size(b.family)
	b.block = block
	b.part(Part{id, hi, lo})
}

// part adds to the block being put together.
func (b *builder) part(p Part) {
	if i, ok := b.find(p.Place); ok {
		q := &b.parts[i]
		var carry uint64
		q.Lo, carry = bits.Add64(q.Lo, p.Lo, 0)
		q.Hi += p.Hi + carry
		return
	}
	b.parts = append(b.parts, p)
	if len(b.parts) == many {
		b.index = make(map[PlaceID]int, 2*many)
		for i, q := range b.parts {
			b.index[q.Place] = i
		}
	} else if len(b.parts) > many {
		b.index[p.Place] = len(b.parts) - 1
	}
}

func (b *builder) find(id PlaceID) (int, bool) {
	if len(b.parts) >= many {
		i, ok := b.index[id]
		return i, ok
	}
	for i := range b.parts {
		if b.parts[i].Place == id {
			return i, true
		}
	}
	return 0, false
}

// flush ends the block being put together, if there is one.
func (b *builder) flush() {
	switch len(b.parts) {
	case 0:
		return
	case 1:
		b.push(b.block, b.parts[0].Place)
	default:
		b.push(b.block, b.places.mix(b.parts))
	}
	b.parts, b.index = b.parts[:0], nil
}

// push begins an atom, unless the last one goes on.
func (b *builder) push(block uint64, id PlaceID) {
	n := b.ids.len()
	if n > 0 && id == b.last && !b.edge {
		return
	}
	b.starts.append(block)
	b.ids.append(id)
	if n%64 == 0 {
		b.borders = append(b.borders, 0)
	}
	if b.edge {
		b.borders[n/64] |= 1 << (n % 64)
	}
	b.last, b.edge = id, false
}

// chunks is a list that grows without moving, so that building a long one
// takes no more memory than it holds.
type chunks[T any] struct{ full [][]T }

const chunkLen = 1 << 16

func (c *chunks[T]) append(v T) {
	if n := len(c.full); n == 0 || len(c.full[n-1]) == chunkLen {
		c.full = append(c.full, make([]T, 0, chunkLen))
	}
	tail := &c.full[len(c.full)-1]
	*tail = append(*tail, v)
}

func (c *chunks[T]) len() int {
	n := len(c.full)
	if n == 0 {
		return 0
	}
	return (n-1)*chunkLen + len(c.full[n-1])
}
