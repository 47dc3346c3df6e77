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
func rankPlaces(part *geo.Partition, w *walk, m *matcher, o *ordering, limit int) ([]uint16, *rankings, error) {
	for ; o.keep >= 0; o.keep-- {
		list := newRankings(limit)
		ranks := make([]uint16, len(part.Places), len(part.Places)+part.Mixes.Len())
		if setPlaces(ranks, part, w, m, o, list) {
			list.ids, list.key = nil, nil
			return appendMixes(ranks, part), list, nil
		}
	}
	return nil, nil, fmt.Errorf("the rules make more than %d different rankings", limit)
}

// setPlaces ranks all places, most of them by no more than how far they are from the one before. It says no if there
// are too many rankings.
func setPlaces(ranks []uint16, part *geo.Partition, w *walk, m *matcher, o *ordering, list *rankings) bool {
	r := newRanker(o)
	last := make([]settled, len(o.plans)) // by rule+1
	for i := range last {
		last[i].reach = -1
	}
	for i, place := range w.place {
		p := &part.Places[place]
		if m.asks(p) {
			ranks[place] = ask
			continue
		}
		rule := m.match(p).rule
		s := &last[rule+1]
		if !s.holds(w.at[i]) {
			id, ok := list.id(r.rank(rule, w.at[i]))
			if !ok {
				return false
			}
			*s = settled{w.at[i], r.reach(), id}
		}
		ranks[place] = s.id
	}
	return true
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
