package healthcheck

import (
	"testing"
	"time"
)

// TestLateness holds that what a probe waits for its place counts as late, in the class of its length, and that first
// probes do not count.
func TestLateness(t *testing.T) {
	const n = 4
	c := Check{Type: "http", Interval: time.Second, Jitter: NoJitter}
	targets := numbered(c, n)
	slow := func(f *fakes) {
		for _, target := range targets {
			f.set(target, after(300*time.Millisecond, nil))
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
		if late == 0 || l.Most <= 200*time.Millisecond || l.Most > n*300*time.Millisecond || l.Sum < l.Most {
			t.Errorf("one place for %d targets of 300 ms each: %+v", n, l)
		}
	})
	run(t, Options{}, targets, slow, func(_ *fakes, m *Monitor) {
		time.Sleep(30 * time.Second)
		if l := m.Stats().Lateness; l.Most != 0 || l.Counts[0] < 20*n {
			t.Errorf("places for all: %+v", l)
		}
	})
}
