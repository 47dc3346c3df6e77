package nameserver

import "time"

// clock notices that the clock was set. Timers do not: they follow the time that passes, and what is due at a date by
// the new clock would wait for as long as by the old.
type clock struct {
	last time.Time // with a monotonic reading
	wall time.Time // the same moment, without
}

func newClock() *clock {
	now := time.Now()
	return &clock{now, now.Round(0)}
}

// noticed is from how much on the clock counts as set. Less is what keeping it right takes.
const noticed = 2 * time.Second

// jumped tells by how much the clock was set since the last call, 0 if it was not.
func (c *clock) jumped() time.Duration { return c.compare(time.Now()) }

func (c *clock) compare(now time.Time) time.Duration {
	passed := now.Sub(c.last) // by the monotonic clock
	by := now.Round(0).Sub(c.wall) - passed
	c.last, c.wall = now, now.Round(0)
	if by.Abs() < noticed {
		return 0
	}
	return by
}
