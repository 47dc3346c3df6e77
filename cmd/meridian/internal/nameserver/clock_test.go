package nameserver

import (
	"testing"
	"time"
)

func TestClockJumps(t *testing.T) {
	c := newClock()
	begin := c.last
	later := begin.Add(3 * time.Second)
	if by := c.compare(later); by != 0 {
		t.Errorf("time that passed counts as a jump of %v", by)
	}
	// Only the wall clock was an hour behind when it was looked at last.
	c.last = time.Now()
	c.wall = c.last.Round(0).Add(-time.Hour)
	if by := c.jumped(); by < time.Hour-time.Second || by > time.Hour+time.Second {
		t.Errorf("the clock was set by an hour, noticed %v", by)
	}
	if by := c.jumped(); by != 0 {
		t.Errorf("one jump noticed twice: %v", by)
	}
}
