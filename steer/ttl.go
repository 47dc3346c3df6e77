package steer

import "time"

// leastTTL is the floor of the ttl_min that is half the record's TTL, in seconds.
const leastTTL = 5

// TTL returns the TTL of the answer, in seconds, at a record whose own is record.
//
//	AllDown  Cap   TTL
//	yes      any   ttl_min
//	no       0     record
//	no       > 0   the lesser of record and Cap, but not below ttl_min
//
// ttl_min is the pool's, or half the record's TTL and at least 5 s; it is never above the record's TTL.
func (c *Choice) TTL(record uint32) uint32 {
	least := c.TTLMin
	if least == 0 {
		least = max(leastTTL, record/2+record%2)
	}
	least = min(least, record)
	switch {
	case c.AllDown:
		return least
	case c.Cap == 0:
		return record
	}
	return max(least, min(record, c.Cap))
}

// untilFlip returns the seconds, rounded up, after which a check in a streak may change its state at the
// earliest; 0 if it is settled. What the last probe's end already used up is not deducted: the answer is
// fixed when the view is published, and no clock is asked.
func untilFlip(needed int, interval time.Duration) uint32 {
	if needed <= 0 {
		return 0
	}
	whole := (time.Duration(needed)*interval + time.Second - 1) / time.Second
	return uint32(min(max(whole, 1), 1<<31-1))
}

// sooner returns the lesser of two times of which 0 means never.
func sooner(a, b uint32) uint32 {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}
