package main

import "math"

// address is an IPv6 address in two halves; IPv4 lies at ::/96.
type address struct{ hi, lo uint64 }

// cut clears all but the first n bits.
func (a address) cut(n int) address {
	if n <= 64 {
		return address{a.hi &^ (math.MaxUint64 >> n), 0}
	}
	return address{a.hi, a.lo &^ (math.MaxUint64 >> (n - 64))}
}

// set sets bit n, counted from the first.
func (a address) set(n int) address {
	if n < 64 {
		return address{a.hi | 1<<(63-n), a.lo}
	}
	return address{a.hi, a.lo | 1<<(127-n)}
}

// network is a prefix of bits of start, in one cell.
type network struct {
	start address
	bits  int
	cell  uint32
}

// size is the number of addresses.
func (n network) size() float64 { return math.Ldexp(1, 128-n.bits) }
