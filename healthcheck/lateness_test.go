package healthcheck

import (
	"context"
	"sync/atomic"
	"testing"
	"time"
)

// TestLateness holds that what a probe waits for its place counts as late, in the class of its length, and that first
// probes do not count.
func TestLateness(t *testing.T) {
	const n, takes = 4, 500 * time.Millisecond // together twice the interval, so that they must wait
	c := Check{Type: "http", Interval: time.Second, Jitter: NoJitter}
	targets := numbered(c, n)
	slow := func(f *fakes) {
		for _, target := range targets {
			f.set(target, after(takes, nil))
		}
	}
	run(t, Options{MaxInFlight: 1}, targets, slow, func(f *fakes, m *Monitor) {
		time.Sleep(30 * time.Second)
		l := m.Stats().Lateness
		var begun, late, sum uint64
		for class, count := range l.Counts {
			sum += count
			if l.Bound(class) > 200*time.Millisecond {
				late += count
			}
		}
		for _, target := range targets {
			begun += uint64(len(f.callsOf(target)) - 1)
		}
		if sum < begun || sum > begun+1 { // one may be in flight
			t.Errorf("%d probes counted, %d begun after the first ones", sum, begun)
		}
		if late == 0 || l.Most <= 200*time.Millisecond || l.Most > n*takes || l.Sum < l.Most {
			t.Errorf("one place for %d targets of %v each: %+v", n, takes, l)
		}
	})
	run(t, Options{}, targets, slow, func(_ *fakes, m *Monitor) {
		time.Sleep(30 * time.Second)
		if l := m.Stats().Lateness; l.Most != 0 || l.Counts[0] < 15*n {
			t.Errorf("places for all: %+v", l)
		}
	})
}

// TestCrowdsDisperse has the network hold all answers back for a while: they come together, and the next probes must
// not go out together.
func TestCrowdsDisperse(t *testing.T) {
	for _, jitter := range []float64{NoJitter, DefaultJitter} {
		c := Check{Type: "http", Interval: time.Second, Jitter: jitter}
		targets := numbered(c, 200)
		var held atomic.Int64 // until when
		network := func(ctx context.Context) error {
			return after(max(time.Millisecond, time.Until(time.Unix(0, held.Load()))), nil)(ctx)
		}
		prepare := func(f *fakes) {
			for _, target := range targets {
				f.set(target, network)
			}
		}
		run(t, Options{}, targets, prepare, func(f *fakes, m *Monitor) {
			time.Sleep(5 * time.Second)
			end := time.Now().Add(300 * time.Millisecond)
			held.Store(end.UnixNano())
			next := end.Add(c.Interval + 50*time.Millisecond)
			time.Sleep(time.Until(next))
			if n := crowd(f, targets, end.Add(c.Interval/2), next); n > 20 {
				t.Errorf("jitter %v: %d of 200 probes a second went out within 10 ms", jitter, n)
			}
		})
	}
}

// crowd is the largest number of probes that began within 10 ms, between two times.
func crowd(f *fakes, targets []Target, from, to time.Time) int {
	count := map[int64]int{}
	most := 0
	for _, target := range targets {
		for _, c := range f.callsOf(target) {
			if c.start.After(from) && c.start.Before(to) {
				at := c.start.Sub(from).Milliseconds() / 10
				count[at]++
				most = max(most, count[at])
			}
		}
	}
	return most
}
