package steer

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/meridian-dns/meridian/geo"
)

const (
	maxRankings = 65000 // of one table; ids are 16 bits
	unknown     = 0     // the id of the ranking of a place nobody knows: that place comes first
	ask         = 1<<16 - 1
)

// rankings numbers the distinct rankings of a table.
type rankings struct {
	seqs  []uint16 // all rankings, one after the other
	ends  []uint32 // where each ends in seqs
	ids   map[string]uint16
	key   []byte
	limit int
}

func newRankings(limit int) *rankings {
	return &rankings{ids: map[string]uint16{}, limit: limit}
}

// id returns the number of a ranking, and false if there is no room for another one.
func (r *rankings) id(seq []uint16) (uint16, bool) {
	r.key = r.key[:0]
	for _, s := range seq {
		r.key = binary.LittleEndian.AppendUint16(r.key, s)
	}
	if id, ok := r.ids[string(r.key)]; ok {
		return id, true
	}
	if len(r.ends) == r.limit {
		return 0, false
	}
	id := uint16(len(r.ends))
	r.ids[string(r.key)] = id
	r.seqs = append(r.seqs, seq...)
	r.ends = append(r.ends, uint32(len(r.seqs)))
	return id, true
}

// at returns a ranking by number.
func (r *rankings) at(id uint16) []uint16 {
	from := uint32(0)
	if id > 0 {
		from = r.ends[id-1]
	}
	return r.seqs[from:r.ends[id]]
}

func (r *rankings) len() int { return len(r.ends) }

// rankPlaces returns the rankings of all places and mixes, by geo.PlaceID. A pool with more than limit
// rankings keeps fewer tiers of each; with none kept there is one ranking per rule, and if those are too many
// an error.
func rankPlaces(part *geo.Partition, points []point, m *matcher, o *ordering, limit int) ([]uint16, *rankings, error) {
	for ; o.keep >= 0; o.keep-- {
		list := newRankings(limit)
		ranks := make([]uint16, 0, len(part.Places)+part.Mixes.Len())
		if ranks, ok := appendPlaces(ranks, part, points, m, o, list); ok {
			list.ids, list.key = nil, nil
			return appendMixes(ranks, part), list, nil
		}
	}
	return nil, nil, fmt.Errorf("the rules make more than %d different rankings", limit)
}

func appendPlaces(ranks []uint16, part *geo.Partition, points []point, m *matcher, o *ordering, list *rankings) ([]uint16, bool) {
	r := newRanker(o)
	for i := range part.Places {
		p := &part.Places[i]
		if m.asks(p) {
			ranks = append(ranks, ask)
			continue
		}
		id, ok := list.id(r.rank(m.match(p).rule, points[i]))
		if !ok {
			return ranks, false
		}
		ranks = append(ranks, id)
	}
	return ranks, true
}

// appendMixes gives a block of several places the ranking that covers most of its addresses.
func appendMixes(ranks []uint16, part *geo.Partition) []uint16 {
	var shares []share
	for i := range part.Mixes.Len() {
		shares = shares[:0]
		for _, p := range part.Mixes.At(i) {
			shares = addShare(shares, ranks[p.Place], p.Hi, p.Lo)
		}
		ranks = append(ranks, greatest(shares))
	}
	return ranks
}

// share is how many addresses of a block, a 128 bit number, have a ranking.
type share struct {
	hi, lo uint64
	rank   uint16
}

func addShare(shares []share, rank uint16, hi, lo uint64) []share {
	for i := range shares {
		if s := &shares[i]; s.rank == rank {
			var carry uint64
			s.lo, carry = bits.Add64(s.lo, lo, 0)
			s.hi, _ = bits.Add64(s.hi, hi, carry)
			return shares
		}
	}
	return append(shares, share{hi, lo, rank})
}

// greatest returns the ranking with the greatest share; of equal shares the one that begins first in the block.
func greatest(shares []share) uint16 {
	var most share
	for _, s := range shares {
		if s.hi > most.hi || s.hi == most.hi && s.lo > most.lo {
			most = s
		}
	}
	return most.rank
}
