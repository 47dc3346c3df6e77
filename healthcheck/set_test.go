package healthcheck

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestSetMergesAndNumbers(t *testing.T) {
	c := classic()
	a, b := numbered(c, 2)[0], numbered(c, 2)[1]
	filled := a
	filled.Check = c.WithDefaults()
	s := New(Options{}).Set([]Target{a, b, filled, a})
	if len(s.Targets) != 2 {
		t.Fatalf("%d targets", len(s.Targets))
	}
	for want, target := range []Target{a, b} {
		if slot, ok := s.Find(target); !ok || int(slot) != want || s.State(slot).Status != Unknown {
			t.Errorf("%v: slot %d, %+v", target, slot, s.State(slot))
		}
	}
}

func TestSetCarriesState(t *testing.T) {
	c := classic()
	stays, goes, comes := numbered(c, 3)[0], numbered(c, 3)[1], numbered(c, 3)[2]
	down := func(f *fakes) { f.set(stays, refuse) }
	run(t, Options{}, []Target{goes, stays}, down, func(f *fakes, m *Monitor) {
		before := m.Snapshot()
		retimed := stays
		retimed.Check.Interval, retimed.Check.Timeout = 5*time.Second, 2*time.Second
		retimed.Check.Rise, retimed.Check.Fall, retimed.Check.Jitter = 7, 7, 0.5
		f.set(comes, after(300*time.Millisecond, nil))
		s := m.Set([]Target{comes, retimed})
		if s.Generation <= before.Generation {
			t.Error("a Set is no new generation")
		}
		slot, ok := s.Find(retimed)
		if got := s.State(slot); !ok || slot != 1 || got.Status != Down || !got.Since.Equal(before.State(1).Since) {
			t.Errorf("carried: slot %d, %+v", slot, got)
		}
		if got := s.State(slot).Interval; got != 5*time.Second {
			t.Errorf("interval %v", got)
		}
		if _, ok := s.Find(goes); ok || s.State(0).Status != Up {
			t.Error("the removed target is found, or its slot has lost its state")
		}
		if got := status(m, comes); got != Pending {
			t.Errorf("added: %v", got)
		}
		time.Sleep(time.Second)
		if got := status(m, comes); got != Up {
			t.Errorf("added, a second later: %v", got)
		}
		checkAll(t, m.Snapshot(), comes, retimed)
	})
}

// checkAll wants exactly these targets in All, in any order.
func checkAll(t *testing.T, s *Snapshot, want ...Target) {
	t.Helper()
	n := 0
	for slot, target := range s.All() {
		if found, ok := s.Find(target); !ok || found != slot {
			t.Errorf("All yields %v at slot %d, Find has it at %d", target, slot, found)
		}
		n++
	}
	for _, target := range want {
		if _, ok := s.Find(target); !ok {
			t.Errorf("%v is missing", target)
		}
	}
	if n != len(want) {
		t.Errorf("All yields %d targets, want %d", n, len(want))
	}
}

func TestSetWhatIsProbedMatters(t *testing.T) {
	target := numbered(classic(), 1)[0]
	run(t, Options{}, []Target{target}, nil, func(f *fakes, m *Monitor) {
		other := target
		other.Check.Path = "/other"
		s := m.Set([]Target{other})
		if slot, _ := s.Find(other); slot == 0 || s.State(slot).Status != Pending {
			t.Errorf("another path: slot %d, %+v", slot, s.State(slot))
		}
	})
}

func TestSetCancelsRemoved(t *testing.T) {
	c := classic()
	c.Timeout = time.Minute
	hung, well := numbered(c, 2)[0], numbered(c, 2)[1]
	run(t, Options{}, []Target{well}, nil, func(f *fakes, m *Monitor) {
		f.set(hung, hang)
		m.Set([]Target{well, hung})
		time.Sleep(time.Second)
		removed := time.Now()
		m.Set([]Target{well})
		synctest.Wait()
		calls := f.callsOf(hung)
		if len(calls) != 1 || !calls[0].end.Equal(removed) {
			t.Errorf("the probe in flight was not cancelled: %v", calls)
		}
		time.Sleep(10 * time.Minute)
		if n := len(f.callsOf(hung)); n != 1 {
			t.Errorf("%d probes of a removed target", n)
		}
		if got := m.Stats(); got.Failures != 0 {
			t.Errorf("a cancelled probe was counted: %+v", got)
		}
	})
}

func TestSetDuringFirstRound(t *testing.T) {
	hung, well := numbered(classic(), 2)[0], numbered(classic(), 2)[1]
	synctest.Test(t, func(t *testing.T) {
		f := newFakes()
		f.set(hung, hang)
		m := f.monitor(Options{})
		m.Set([]Target{hung, well})
		start := time.Now()
		m.Start(context.Background())
		time.Sleep(100 * time.Millisecond)
		m.Set([]Target{well})
		m.FirstRound(context.Background())
		if d := time.Since(start); d != 100*time.Millisecond {
			t.Errorf("the first round waited %v for a target that is gone", d)
		}
		m.Stop()
	})
}

// TestSetUndone takes a target out and brings it back at once, as a reload does
// that fails late: nothing is forgotten and probes never overlap.
func TestSetUndone(t *testing.T) {
	c := classic()
	a, b, stubborn := numbered(c, 3)[0], numbered(c, 3)[1], numbered(c, 3)[2]
	run(t, Options{}, []Target{a, b, stubborn}, nil, func(f *fakes, m *Monitor) {
		f.set(stubborn, func(context.Context) error { time.Sleep(5 * time.Second); return nil })
		time.Sleep(2 * time.Second)
		before := m.Snapshot()
		m.Set([]Target{a})
		s := m.Set([]Target{stubborn, b, a})
		for _, target := range []Target{a, b, stubborn} {
			was, _ := before.Find(target)
			is, ok := s.Find(target)
			if !ok || was != is || s.State(is) != before.State(was) {
				t.Errorf("%v: slot %d %+v, was slot %d %+v", target, is, s.State(is), was, before.State(was))
			}
		}
		n := len(f.callsOf(stubborn))
		time.Sleep(20 * time.Second)
		if got := len(f.callsOf(stubborn)); got < n+2 {
			t.Errorf("a target brought back was probed %d times", got-n)
		}
	})
}

// TestSetUndoneWhileSaturated has a target wait twice for its place: once from
// before it was taken out. It is probed once all the same.
func TestSetUndoneWhileSaturated(t *testing.T) {
	c := classic()
	a, b := numbered(c, 2)[0], numbered(c, 2)[1]
	synctest.Test(t, func(t *testing.T) {
		f := newFakes()
		m := f.monitor(Options{MaxInFlight: 1})
		m.Set([]Target{a})
		f.set(a, hang)
		m.Start(context.Background())
		synctest.Wait()
		for range 3 {
			m.Set([]Target{a, b})
			synctest.Wait()
			m.Set([]Target{a})
		}
		m.Set([]Target{a, b})
		time.Sleep(c.Timeout)
		synctest.Wait()
		if n := len(f.callsOf(b)); n != 1 {
			t.Errorf("probed %d times at once", n)
		}
		m.Stop()
	})
}

func TestSetForgetsAfterAWhile(t *testing.T) {
	a, b := numbered(classic(), 2)[0], numbered(classic(), 2)[1]
	run(t, Options{}, []Target{a, b}, nil, func(f *fakes, m *Monitor) {
		m.Set([]Target{a})
		time.Sleep(2 * undoWithin)
		f.set(b, hang)
		m.Set([]Target{a, b})
		if got := status(m, b); got != Pending {
			t.Errorf("brought back after %v: %v", 2*undoWithin, got)
		}
	})
}

func TestSetReusesSlotsLate(t *testing.T) {
	all := numbered(classic(), 6)
	run(t, Options{}, all[:3], nil, func(f *fakes, m *Monitor) {
		slotOf := func(s *Snapshot, target Target) Slot { slot, _ := s.Find(target); return slot }
		s := m.Set([]Target{all[0], all[2], all[3]})
		if got := slotOf(s, all[3]); got != 3 {
			t.Errorf("slot %d was given away at once", got)
		}
		s = m.Set([]Target{all[0], all[2], all[3], all[4]})
		if got := slotOf(s, all[4]); got != 1 {
			t.Errorf("the vacant slot 1 was not reused, but %d", got)
		}
		m.Set(all[:1])
		s = m.Set(all[:1])
		if len(s.States) != 1 || len(s.Targets) != 1 {
			t.Errorf("%d slots for one target", len(s.States))
		}
		checkAll(t, s, all[0])
	})
}

// TestSetSplitsAndJoins has two checks of one address that differ in timing only.
func TestSetSplitsAndJoins(t *testing.T) {
	one := numbered(classic(), 1)[0]
	two := one
	two.Check.Interval = 3 * time.Second
	down := func(f *fakes) { f.set(one, refuse) }
	synctest.Test(t, func(t *testing.T) {
		f := newFakes()
		down(f)
		m := f.monitor(Options{})
		m.Set([]Target{one})
		m.Start(context.Background())
		m.FirstRound(context.Background())
		m.Set([]Target{one, two})
		for _, target := range []Target{one, two} {
			if got := status(m, target); got != Down {
				t.Errorf("split: %v is %v", target.Check.Interval, got)
			}
		}
		s := m.Set([]Target{two})
		if slot, ok := s.Find(two); !ok || slot != 1 || s.State(slot).Status != Down {
			t.Errorf("joined: slot %d, %+v", slot, s.State(slot))
		}
		m.Stop()
	})
}

// TestSetPrefersTheLiving has a target that two earlier ones resemble, of which one
// is still probed.
func TestSetPrefersTheLiving(t *testing.T) {
	v := numbered(classic(), 1)
	old, living, next := v[0], v[0], v[0]
	living.Check.Rise, next.Check.Rise = 5, 6
	m := New(Options{})
	m.Set([]Target{old, living})
	m.Set([]Target{living})
	s := m.Set([]Target{next})
	if slot, ok := s.Find(next); !ok || slot != 1 {
		t.Errorf("slot %d", slot)
	}
}

func TestSetShorterIntervalCountsAtOnce(t *testing.T) {
	slow := numbered(Check{Type: "http", Interval: time.Hour}, 1)[0]
	fast := slow
	fast.Check.Interval = time.Second
	run(t, Options{}, []Target{slow}, nil, func(f *fakes, m *Monitor) {
		m.Set([]Target{fast})
		time.Sleep(10 * time.Second)
		if n := len(f.callsOf(fast)); n < 10 {
			t.Errorf("%d probes in 10 s", n)
		}
	})
}

func TestInvalidTargetIsDown(t *testing.T) {
	bad := Target{Check: Check{Type: "https"}, Addr: four}
	m := New(Options{})
	m.Set([]Target{bad})
	m.Start(context.Background())
	m.FirstRound(context.Background())
	defer m.Stop()
	s := m.Snapshot().State(0)
	if s.Status != Down || s.LastError != "host: https to 192.0.2.1 needs a host name (host or sni) to verify its certificate against" {
		t.Errorf("%+v", s)
	}
}
