package geo

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"net/netip"
)

// family is one of the two address spaces. Both are handled as positions of
// 128 bits with the address at the top, so that one walk serves either.
type family uint8

const (
	ipv4 family = iota
	ipv6
)

// bits is the length of an address.
func (f family) bits() int {
	if f == ipv4 {
		return 32
	}
	return 128
}

// blockBits is the granularity of the tables: the longest prefix that a
// partition tells apart.
func (f family) blockBits() int {
	if f == ipv4 {
		return 24
	}
	return 56
}

// blockShift turns the upper half of a position into a block number.
func (f family) blockShift() int { return 64 - f.blockBits() }

func (f family) String() string {
	if f == ipv4 {
		return "IPv4"
	}
	return "IPv6"
}

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

// position is an address of either family, left-aligned in 128 bits.
type position struct{ hi, lo uint64 }

func positionOf(a netip.Addr) position {
	if a.Is4() {
		b := a.As4()
		return position{hi: uint64(binary.BigEndian.Uint32(b[:])) << 32}
	}
	b := a.As16()
	return position{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// addr is the inverse of positionOf.
func (p position) addr(f family) netip.Addr {
	if f == ipv4 {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], uint32(p.hi>>32))
		return netip.AddrFrom4(b)
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], p.hi)
	binary.BigEndian.PutUint64(b[8:], p.lo)
	return netip.AddrFrom16(b)
}

func (p position) less(q position) bool {
	return p.hi < q.hi || p.hi == q.hi && p.lo < q.lo
}

func (p position) compare(q position) int {
	return cmp.Or(cmp.Compare(p.hi, q.hi), cmp.Compare(p.lo, q.lo))
}

// previous is the position before p, which is not the first.
func (p position) previous() position {
	lo, borrow := bits.Sub64(p.lo, 1, 0)
	return position{p.hi - borrow, lo}
}

// next is the position after p; the one after the last wraps to the first.
func (p position) next() position {
	lo, carry := bits.Add64(p.lo, 1, 0)
	hi, _ := bits.Add64(p.hi, 0, carry)
	return position{hi, lo}
}

// last is the end of the prefix of n bits around p.
func (p position) last(n int) position {
	switch {
	case n >= 128:
		return p
	case n >= 64:
		return position{p.hi, p.lo | math.MaxUint64>>(n-64)}
	}
	return position{p.hi | math.MaxUint64>>n, math.MaxUint64}
}

// bit is bit n of p, counted from the top.
func (p position) bit(n int) uint {
	if n < 64 {
		return uint(p.hi>>(63-n)) & 1
	}
	return uint(p.lo>>(127-n)) & 1
}

// common is the number of leading bits that p and q share.
func (p position) common(q position) int {
	if x := p.hi ^ q.hi; x != 0 {
		return bits.LeadingZeros64(x)
	}
	return 64 + bits.LeadingZeros64(p.lo^q.lo)
}

// end of both address spaces, inclusive.
func lastPosition() position { return position{math.MaxUint64, math.MaxUint64} }

func minPosition(p, q position) position {
	if q.less(p) {
		return q
	}
	return p
}

// span is a stretch of address space, both ends included.
type span struct{ first, last position }

func spanOf(p netip.Prefix) span {
	first := positionOf(p.Masked().Addr())
	return span{first, first.last(p.Bits())}
}

func (s span) contains(p position) bool { return !p.less(s.first) && !s.last.less(p) }

// size is the number of addresses in s, as 128 bits; the whole of IPv6 is 0.
func (s span) size(f family) (hi, lo uint64) {
	lo, borrow := bits.Sub64(s.last.lo, s.first.lo, 0)
	hi, _ = bits.Sub64(s.last.hi, s.first.hi, borrow)
	n := position{hi, lo}.next()
	if f == ipv4 {
		return 0, n.hi >> 32 // the lower 96 bits of a position are padding
	}
	return n.hi, n.lo
}
