package steer

import (
	"math/bits"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/internal/flat"
)

// Blocks are the finest a table tells apart: the top bits of an address.
const (
	width4 = 24
	width6 = 56
)

// table maps blocks to rankings. Pools whose rankings depend on the same things share one.
type table struct {
	part  *geo.Partition
	match *matcher
	order *ordering
	rank  []uint16 // by geo.PlaceID; ask: the resolver's address decides
	list  *rankings
	side  [2]side
	one   bool // the whole world has one ranking

	region *flat.Region // where the above lies; nil: on the heap
}

// side is the part of a table for one family of client addresses.
type side struct {
	atoms  *geo.Atoms
	starts bitset // of atoms: here begins a run of equal rankings
	width  int    // of a block's number, in bits
}

func newTable(part *geo.Partition, w *walk, m *matcher, o *ordering, limit int) (*table, error) {
	t := &table{part: part, match: m, order: o}
	var err error
	if t.rank, t.list, err = rankPlaces(part, w, m, o, limit); err != nil {
		return nil, err
	}
	t.fill(&t.side[0], &part.V4, width4)
	t.fill(&t.side[1], &part.V6, width6)
	t.one = t.uniform(&part.V4) && t.uniform(&part.V6)
	return t, nil
}

// fill finds the runs of one family. Every special block is a run of its own, because its length is the scope.
func (t *table) fill(s *side, atoms *geo.Atoms, width int) {
	s.atoms, s.width, s.starts = atoms, width, newBitset(atoms.Len())
	ids, borders, before := atoms.Places(), atoms.Borders(), uint16(0)
	for w := range s.starts.level[0] {
		chunk := ids[w*64 : min(w*64+64, len(ids))]
		word := t.changes(chunk, before)
		for edges := borders[w]; edges != 0; edges &= edges - 1 {
			if i := bits.TrailingZeros64(edges); t.rank[chunk[i]] == ask {
				word |= 1 << i
			}
		}
		s.starts.level[0][w] = word
		before = t.rank[chunk[len(chunk)-1]]
	}
	s.starts.add(0)
	s.starts.sum()
}

// changes marks which of up to 64 atoms have another ranking than the one before. Half of them do, in no order that a
// processor could foresee, so that a branch would cost more than all the rest.
func (t *table) changes(chunk []geo.PlaceID, before uint16) (word uint64) {
	for i, id := range chunk {
		rank, differs := t.rank[id], uint64(0)
		if rank != before {
			differs = 1
		}
		word |= differs << (i & 63)
		before = rank
	}
	return word
}

// uniform says whether all atoms have the ranking of the unknown place.
func (t *table) uniform(atoms *geo.Atoms) bool {
	for _, id := range atoms.Places() {
		if rank := t.rank[id]; rank != unknown && rank != ask {
			return false
		}
	}
	return true
}

// place returns what the partition knows of the block of a spot.
func (t *table) place(at spot) geo.PlaceID {
	if at.blind {
		return geo.Unknown
	}
	s := &t.side[at.family]
	return s.atoms.Place(s.atoms.Find(at.block))
}

// find returns the ranking of a spot, or ask.
func (t *table) find(at spot) uint16 { return t.rank[t.place(at)] }

// around is the run of an atom.
func (s *side) around(atom int) run { return run{atom, s.starts.prev(atom), s.starts.next(atom)} }

// entry returns the ranking of a block and the length of the shortest prefix around it all of whose blocks
// have that ranking. The run around the block may have been found ahead.
func (t *table) entry(family int, block uint64, ahead *Ahead) (rank uint16, length uint8) {
	s := &t.side[family]
	r := ahead.find(s, block)
	from, to := s.atoms.Start(r.from), s.atoms.Start(r.to)
	return t.rank[s.atoms.Place(r.atom)], prefixLength(block, from, to, s.width)
}

// prefixLength returns the length of the largest aligned block around c inside [from, to). The neighbours of
// the run are outside a block of 2^k exactly if c differs from them in bit k or above.
func prefixLength(c, from, to uint64, width int) uint8 {
	k := width
	if from > 0 {
		k = min(k, bits.Len64(c^(from-1))-1)
	}
	if to < 1<<width {
		k = min(k, bits.Len64(c^to)-1)
	}
	return uint8(width - k)
}
