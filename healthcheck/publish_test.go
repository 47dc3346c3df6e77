package healthcheck

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// failAt runs the classic target until just after a probe ended, lets it fail in
// some way, and returns how long it took until a publication had it down.
func failAt(t *testing.T, failure func(context.Context) error) time.Duration {
	t.Helper()
	c := classic()
	c.Jitter = NoJitter // the worst case
	target := numbered(c, 1)[0]
	var took time.Duration
	run(t, Options{}, []Target{target}, nil, func(f *fakes, m *Monitor) {
		time.Sleep(20 * time.Second)
		calls := f.callsOf(target)
		time.Sleep(time.Until(calls[len(calls)-1].end.Add(c.Interval)))
		synctest.Wait()
		failed := time.Now()
		f.set(target, failure)
		time.Sleep(10 * time.Second)
		for _, p := range f.publications() {
			if p.State(0).Status == Down {
				took = p.at.Sub(failed)
				break
			}
		}
	})
	return took
}

func TestWorstCases(t *testing.T) {
	if d := failAt(t, hang); d != 3500*time.Millisecond {
		t.Errorf("a hung server was out after %v", d)
	}
	if d := failAt(t, refuse); d != 1500*time.Millisecond {
		t.Errorf("a refusing server was out after %v", d)
	}
}

func TestPublishPace(t *testing.T) {
	c := Check{Type: "http", Interval: 100 * time.Millisecond, Rise: 1, Fall: 1, Jitter: NoJitter}
	targets := numbered(c, 20)
	run(t, Options{}, targets, nil, func(f *fakes, m *Monitor) {
		time.Sleep(10 * time.Second)
		if n := len(f.publications()); n != 1 {
			t.Fatalf("%d publications of the first round", n)
		}
		failed := time.Now()
		for _, target := range targets {
			f.set(target, refuse)
		}
		time.Sleep(10 * time.Second)
		got := f.publications()[1:]
		if len(got) != 2 {
			t.Fatalf("%d publications of one outage", len(got))
		}
		if d := got[0].at.Sub(failed); d > c.Interval/5 {
			t.Errorf("the first transition was published after %v", d)
		}
		if d := got[1].at.Sub(got[0].at); d != time.Second {
			t.Errorf("the others were published %v after the first", d)
		}
		for i, s := range got[1].States {
			if s.Status != Down {
				t.Errorf("slot %d: %v", i, s.Status)
			}
		}
	})
}

func TestPaceOfStreaksAndTransitions(t *testing.T) {
	start := time.Now()
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	var p pace
	for _, step := range []struct {
		publish change
		at      int
		streak  int // when a streak is due after that, in ms
		status  int // when a transition is due after that, in ms
	}{
		{streak, 0, 1000, -1},
		{transition, 400, 1400, 1400},
		{streak, 1400, 2400, 1400},
		{transition, 1500, 2500, 2500},
	} {
		p.published(step.publish, at(step.at))
		if due := p.due(streak); !due.Equal(at(step.streak)) {
			t.Errorf("at %d: a streak is due at %v", step.at, due.Sub(start))
		}
		if due := p.due(transition); step.status < 0 && !due.Before(start) || step.status >= 0 && !due.Equal(at(step.status)) {
			t.Errorf("at %d: a transition is due at %v", step.at, due.Sub(start))
		}
	}
}

func TestStreakDoesNotHideTransition(t *testing.T) {
	m := New(Options{})
	m.mark(transition)
	m.mark(streak)
	if m.dirty != transition {
		t.Errorf("a transition was made a %v", m.dirty)
	}
}

func TestStreaksArePublished(t *testing.T) {
	c := Check{Type: "http", Interval: 5 * time.Second, Fall: 3, Jitter: NoJitter}
	target := numbered(c, 1)[0]
	run(t, Options{}, []Target{target}, nil, func(f *fakes, m *Monitor) {
		time.Sleep(20 * time.Second)
		f.set(target, refuse)
		time.Sleep(30 * time.Second)
		var needed []int
		for _, p := range f.publications()[1:] {
			needed = append(needed, p.State(0).Needed)
		}
		if len(needed) != 3 || needed[0] != 2 || needed[1] != 1 || needed[2] != 0 {
			t.Errorf("published needed %v", needed)
		}
	})
}

// TestPublishNeverOverlapsNorLoses has a slow consumer and targets that change all
// the time: calls never overlap, and after the last change comes its publication.
func TestPublishNeverOverlapsNorLoses(t *testing.T) {
	c := Check{Type: "http", Interval: 100 * time.Millisecond, Rise: 1, Fall: 1}
	targets := numbered(c, 10)
	synctest.Test(t, func(t *testing.T) {
		var busy, calls atomic.Int32
		var last atomic.Pointer[Snapshot]
		f := newFakes()
		m := f.monitor(Options{Publish: func(s *Snapshot) {
			if busy.Add(1) != 1 {
				t.Error("calls of Publish overlap")
			}
			time.Sleep(1700 * time.Millisecond)
			last.Store(s)
			calls.Add(1)
			busy.Add(-1)
		}})
		m.Set(targets)
		m.Start(context.Background())
		for i := range 200 {
			f.set(targets[i%10], map[bool]func(context.Context) error{true: refuse}[i/10%2 == 0])
			time.Sleep(130 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		now := m.Snapshot()
		if last.Load().Generation != now.Generation || len(now.Changed(last.Load())) != 0 {
			t.Errorf("published generation %d, now %d", last.Load().Generation, now.Generation)
		}
		if n := calls.Load(); n < 15 {
			t.Errorf("%d calls", n)
		}
		m.Stop()
	})
}

func TestPublishMayCallSet(t *testing.T) {
	targets := numbered(classic(), 3)
	synctest.Test(t, func(t *testing.T) {
		f := newFakes()
		var m *Monitor
		m = f.monitor(Options{Publish: func(s *Snapshot) { m.Set(targets); m.Snapshot() }})
		m.Set(targets)
		m.Start(context.Background())
		m.FirstRound(context.Background())
		m.Stop()
		if got := status(m, targets[0]); got != Up {
			t.Error(got)
		}
	})
}
