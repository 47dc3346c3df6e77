package zones

import (
	"errors"
	"math"
	"sync/atomic"
)

// shelf is where the octets of a zone's signed versions stand. An edit leaves
// nearly all of them as they are, so the next version shares them and puts what
// is new behind, where no earlier version reads: that costs neither the time nor
// the memory of another copy.
type shelf struct {
	taken atomic.Bool // some version stands behind the one that holds this shelf
	live  uint64      // octets that this version reads
}

const (
	shelfRoom  = 16        // room behind a version for the next ones, as a part of it
	shelfWaste = 8         // how much of a version may be of no use any more, likewise
	shelfLeast = 128 << 10 // octets of a version below which none shares it
	shelfSpare = 2 << 10   // octets of room that are left
)

// errShelf tells that what is new does not fit behind the version before.
var errShelf = errors.New("no room behind the version before")

// continues tells whether the next version may share the octets of prev, and
// takes the room behind them.
func (s *signing) continues() bool {
	if s.prev == nil || s.signer == nil {
		return false
	}
	size, own := uint64(len(s.prev.data)), &s.prev.secured.shelf
	return size >= shelfLeast && (size-own.live)*shelfWaste < size && own.taken.CompareAndSwap(false, true)
}

// roomy makes the shelf of a zone of about so many octets.
func roomy(size int) []byte {
	if size >= shelfLeast {
		size += size / shelfRoom
	}
	return advise(make([]byte, 0, min(size, math.MaxUint32)))
}

// shelved gives the octets of a version that shares with none before it a shelf
// that is not much too large.
func shelved(data []byte) []byte {
	if cap(data)-len(data) <= len(data)/shelfRoom*2 {
		return data
	}
	return append(roomy(len(data)), data...)
}

// share puts an RRset, and its signatures, where the version before has it.
// What was written of it last, from an offset, is taken back.
func (c *chunk) share(set *rrset, was *rrset, from uint32, sigs int) {
	c.data = c.data[:from]
	c.live += uint64(set.wire - from) // the owner's name, if it stands in front
	set.wire, set.sigs, set.shared = was.wire, was.sigs, true
	c.live += uint64(was.size) + uint64(sigs)
}
