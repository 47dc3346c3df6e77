package healthcheck

import (
	"math"
	"time"
)

var latenessBounds = [...]time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 5 * time.Second,
}

// Lateness tells by how much probes began after they were due. A probe is due an interval, or what jitter leaves of it,
// after the end of the one before, and begins right before its connection is opened or its name looked up: time spent
// waiting for a place among those in flight counts. First probes, which go out in a burst, are left out.
type Lateness struct {
	Counts [len(latenessBounds) + 1]uint64 // by class, see Bound
	Sum    time.Duration
	Most   time.Duration // since the start
}

// Bound is the upper end of a class; the last has none.
func (l *Lateness) Bound(class int) time.Duration {
	if class < len(latenessBounds) {
		return latenessBounds[class]
	}
	return math.MaxInt64
}

func (l *Lateness) add(late time.Duration) {
	class := 0
	for late > l.Bound(class) {
		class++
	}
	l.Counts[class]++
	l.Sum += late
	l.Most = max(l.Most, late)
}
