package healthcheck

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestIntervalRunsFromEndToStart(t *testing.T) {
	c := classic()
	target := numbered(c, 1)[0]
	slow := func(f *fakes) { f.set(target, after(300*time.Millisecond, nil)) }
	run(t, Options{}, []Target{target}, slow, func(f *fakes, m *Monitor) {
		time.Sleep(time.Minute)
		calls := f.callsOf(target)
		if len(calls) < 55 {
			t.Fatalf("%d probes in a minute", len(calls))
		}
		shortest := c.Interval
		for i := 2; i < len(calls); i++ {
			rest := calls[i].start.Sub(calls[i-1].end)
			if rest > c.Interval || rest < 9*c.Interval/10-time.Microsecond {
				t.Errorf("rest of %v", rest)
			}
			shortest = min(shortest, rest)
		}
		if shortest > 95*c.Interval/100 {
			t.Errorf("jitter never shortened an interval under %v", shortest)
		}
	})
}

func TestNoJitter(t *testing.T) {
	c := Check{Type: "http", Interval: 100 * time.Millisecond, Jitter: NoJitter}
	target := numbered(c, 1)[0]
	run(t, Options{}, []Target{target}, nil, func(f *fakes, m *Monitor) {
		time.Sleep(10 * time.Second)
		calls := f.callsOf(target)
		for i := 2; i < len(calls); i++ {
			if rest := calls[i].start.Sub(calls[i-1].end); rest != c.Interval {
				t.Errorf("rest of %v", rest)
			}
		}
		if len(calls) < 99 {
			t.Errorf("%d probes", len(calls))
		}
	})
}

func TestFirstRoundAtOnceSecondSpread(t *testing.T) {
	const n = 200
	c := Check{Type: "http", Interval: 10 * time.Second}
	targets := numbered(c, n)
	synctest.Test(t, func(t *testing.T) {
		f := newFakes()
		m := f.monitor(Options{})
		m.Set(targets)
		start := time.Now()
		m.Start(context.Background())
		m.FirstRound(context.Background())
		if d := time.Since(start); d != 0 {
			t.Errorf("the first round took %v", d)
		}
		time.Sleep(c.Interval + time.Millisecond) // the last place is the interval's very end
		m.Stop()
		var tenths [10]int
		for _, target := range targets {
			calls := f.callsOf(target)
			if len(calls) < 2 || !calls[0].start.Equal(start) {
				t.Fatalf("%v: %d probes, the first %v after the start", target, len(calls), calls[0].start.Sub(start))
			}
			tenths[min(9, calls[1].start.Sub(start)*10/c.Interval)]++
		}
		for i, got := range tenths {
			if got < n/10-5 || got > n/10+5 {
				t.Errorf("%d second probes in tenth %d of the interval", got, i)
			}
		}
	})
}

func TestFirstRoundWaits(t *testing.T) {
	quick, slow := Check{Type: "http"}, Check{Type: "tcp", Port: 1, Timeout: 30 * time.Second}
	well, hung, patient := numbered(quick, 2)[0], numbered(quick, 2)[1], numbered(slow, 1)[0]
	for _, c := range []struct {
		name     string
		targets  []Target
		behave   func(context.Context) error
		from, to time.Duration
		want     Status // of the last target
	}{
		{"none", nil, nil, 0, 0, 99},
		{"well", []Target{well}, nil, 0, 0, 99},
		{"slow", []Target{well, hung}, after(time.Second, nil), time.Second, time.Second, Up},
		{"hung", []Target{well, hung}, hang, 4 * time.Second, 4 * time.Second, Down},
		{"long timeout", []Target{well, patient}, hang, 5 * time.Second, 5 * time.Second, Unknown},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := newFakes()
			for _, target := range c.targets[min(1, len(c.targets)):] {
				f.set(target, c.behave)
			}
			m := f.monitor(Options{})
			m.Set(c.targets)
			start := time.Now()
			m.Start(context.Background())
			m.FirstRound(context.Background())
			if d := time.Since(start); d < c.from || d > c.to {
				t.Errorf("%s: first round returned after %v, want %v to %v", c.name, d, c.from, c.to)
			}
			checkFirstPublication(t, f, c.targets, c.want)
			m.Stop()
		})
	}
}

// checkFirstPublication wants all of the first round in one publication.
func checkFirstPublication(t *testing.T, f *fakes, targets []Target, last Status) {
	t.Helper()
	published := f.publications()
	if len(targets) == 0 {
		if len(published) != 0 {
			t.Errorf("%d publications without a target", len(published))
		}
		return
	}
	if len(published) != 1 || published[0].State(0).Status != Up {
		t.Fatalf("published %d times before the first round was over", len(published))
	}
	if len(targets) > 1 && published[0].State(1).Status != last {
		t.Errorf("last target is %v, want %v", published[0].State(1).Status, last)
	}
}

func TestFirstRoundEndsWithContextAndStop(t *testing.T) {
	target := numbered(classic(), 1)[0]
	synctest.Test(t, func(t *testing.T) {
		f := newFakes()
		f.set(target, hang)
		m := f.monitor(Options{})
		m.Set([]Target{target})
		ctx, cancel := context.WithCancel(context.Background())
		m.Start(ctx)
		m.Start(ctx) // does nothing
		synctest.Wait()
		gone, leave := context.WithCancel(ctx)
		leave()
		m.FirstRound(gone)
		cancel()
		m.FirstRound(context.Background())
		m.Stop()
		m.Stop()
		if got := status(m, target); got != Unknown {
			t.Errorf("a cancelled probe made the target %v", got)
		}
		time.Sleep(time.Hour)
		if n := len(f.callsOf(target)); n != 1 {
			t.Errorf("%d probes", n)
		}
	})
	New(Options{}).Stop()
}

func TestMaxInFlight(t *testing.T) {
	targets := numbered(classic(), 20)
	synctest.Test(t, func(t *testing.T) {
		f := newFakes()
		for _, target := range targets {
			f.set(target, after(100*time.Millisecond, nil))
		}
		m := f.monitor(Options{MaxInFlight: 5})
		m.Set(targets)
		start := time.Now()
		m.Start(context.Background())
		m.FirstRound(context.Background())
		if d := time.Since(start); d != 400*time.Millisecond {
			t.Errorf("20 probes of 100 ms, 5 at a time, took %v", d)
		}
		if alarms := f.raised(); len(alarms) != 0 {
			t.Errorf("alarms over the first round: %+v", alarms)
		}
		for _, target := range targets {
			f.set(target, hang)
		}
		time.Sleep(10 * time.Second)
		m.Stop()
		if f.most != 5 {
			t.Errorf("%d in flight", f.most)
		}
		if alarms := f.raised(); len(alarms) != 1 || alarms[0].Fault != Saturated || m.Stats().Faults[Saturated].Count < 15 {
			t.Errorf("alarms %+v, stats %+v", alarms, m.Stats())
		}
	})
}

// TestDelaysDoNotLast has probes wait for one that hangs, so that they begin together. In the next round each is due
// again when it was before.
func TestDelaysDoNotLast(t *testing.T) {
	const interval = 10 * time.Second
	targets := numbered(Check{Type: "http", Interval: interval, Timeout: 4 * time.Second, Jitter: -1}, 10)
	run(t, Options{MaxInFlight: 1}, targets, nil, func(f *fakes, m *Monitor) {
		time.Sleep(3*interval + time.Millisecond) // no probe is due at such a time, so one of the first target's will hang
		f.set(targets[0], hang)
		time.Sleep(interval)
		f.set(targets[0], nil)
		time.Sleep(3 * interval)
		delayed := 0
		for _, target := range targets[1:] {
			calls := f.callsOf(target)
			first, last := calls[1].start, calls[len(calls)-1].start
			for _, c := range calls[1:] {
				if off := c.start.Sub(first) % interval; off != 0 {
					delayed++
				}
			}
			if off := last.Sub(first) % interval; off != 0 {
				t.Errorf("%v is probed %v later than before", target, off)
			}
		}
		if delayed == 0 {
			t.Error("no probe had to wait")
		}
	})
}

func TestStopWhileSaturated(t *testing.T) {
	targets := numbered(classic(), 20)
	hung := func(f *fakes) {
		for _, target := range targets {
			f.set(target, hang)
		}
	}
	run(t, Options{MaxInFlight: 1}, targets, hung, func(f *fakes, m *Monitor) {})
}

func TestCrashingProbe(t *testing.T) {
	target := numbered(classic(), 1)[0]
	crash := func(f *fakes) { f.set(target, func(context.Context) error { panic("bug") }) }
	run(t, Options{}, []Target{target}, crash, func(f *fakes, m *Monitor) {
		if got := status(m, target); got != Unknown {
			t.Errorf("%v", got)
		}
		if alarms := f.raised(); len(alarms) != 1 || alarms[0].Fault != Crashed {
			t.Errorf("alarms %+v", alarms)
		}
	})
}

func TestStateFields(t *testing.T) {
	target := numbered(classic(), 1)[0]
	slow := func(f *fakes) { f.set(target, after(200*time.Millisecond, nil)) }
	run(t, Options{}, []Target{target}, slow, func(f *fakes, m *Monitor) {
		s := m.Snapshot().State(0)
		first := f.callsOf(target)[0]
		if !s.Since.Equal(first.end) || !s.LastProbe.Equal(first.end) || s.Latency != 200*time.Millisecond || s.LastError != "" {
			t.Errorf("%+v", s)
		}
		f.set(target, hang)
		time.Sleep(2 * time.Second)
		s = m.Snapshot().State(0)
		if s.LastError != "timed out after 1s: context deadline exceeded" || s.Status != Up || s.Streak != 1 || s.Needed != 1 {
			t.Errorf("%+v", s)
		}
		if !s.Since.Equal(first.end) || s.Interval != 750*time.Millisecond {
			t.Errorf("%+v", s)
		}
		if n := m.Stats(); n.Probes != 2 || n.Failures != 1 || n.InFlight != 0 && n.InFlight != 1 {
			t.Errorf("%+v", n)
		}
	})
}
