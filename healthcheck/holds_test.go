package healthcheck

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// step feeds results, '+' and '-', one every interval.
func step(s State, c Check, now *time.Time, history string) State {
	for _, r := range history {
		*now = now.Add(c.Interval)
		s = s.Step(result(r), c, *now)
	}
	return s
}

func TestHolds(t *testing.T) {
	base := Check{Type: "http", Interval: time.Second, Rise: 2, Fall: 2}.WithDefaults()
	for _, c := range []struct {
		name    string
		tune    func(*Check)
		history string // from Up
		status  Status
		held    Hold
		needed  int
	}{
		{"auto", func(*Check) {}, "--++", Up, NoHold, 0},
		{"cooldown: well too soon", func(c *Check) { c.Cooldown = 5 * time.Second }, "--++", Down, Cooldown, 0},
		{"cooldown: not well yet", func(c *Check) { c.Cooldown = 5 * time.Second }, "--+", Down, NoHold, 0},
		{"cooldown: over", func(c *Check) { c.Cooldown = 5 * time.Second }, "--+++++", Up, NoHold, 0},
		{"cooldown: over before it is well", func(c *Check) { c.Cooldown = 3 * time.Second }, "-----+", Down, NoHold, 1},
		{"delayed", func(c *Check) { c.Failback, c.FailbackAfter = Delayed, 4*time.Second }, "--++++", Down, Delay, 0},
		{"delayed: over", func(c *Check) { c.Failback, c.FailbackAfter = Delayed, 4*time.Second }, "--+++++", Up, NoHold, 0},
		{"delayed: begins anew", func(c *Check) { c.Failback, c.FailbackAfter = Delayed, 4*time.Second }, "--++++-++++", Down, Delay, 0},
		{"both: the later counts", func(c *Check) {
			c.Cooldown, c.Failback, c.FailbackAfter = 2*time.Second, Delayed, 4*time.Second
		}, "--+++", Down, Delay, 0},
		{"one-way", func(c *Check) { c.Failback = OneWay }, "--++++++++", Down, ByHand, 0},
		{"one-way: failing again", func(c *Check) { c.Failback = OneWay }, "--++++-", Down, NoHold, 0},
	} {
		check, now := base, time.Unix(1e9, 0)
		c.tune(&check)
		s := step(State{Status: Up}, check, &now, c.history)
		if s.Status != c.status || s.Held != c.held || s.Needed != c.needed {
			t.Errorf("%s: %+v, want %v held %q needed %d", c.name, s, c.status, c.held, c.needed)
		}
	}
}

// TestHoldsAreForWhatFell: a target whose first result is bad was never up, so its
// first success counts.
func TestHoldsAreForWhatFell(t *testing.T) {
	c, now := Check{Type: "http", Interval: time.Second, Rise: 2, Failback: OneWay}.WithDefaults(), time.Unix(1e9, 0)
	if s := step(State{Status: Pending}, c, &now, "-++"); s.Status != Up {
		t.Errorf("%+v", s)
	}
}

func TestReadmit(t *testing.T) {
	c := classic()
	c.Failback = OneWay
	target := numbered(c, 1)[0]
	run(t, Options{}, []Target{target}, nil, func(f *fakes, m *Monitor) {
		if err := m.Readmit(target); err != ErrNotHeld {
			t.Errorf("up: %v", err)
		}
		f.set(target, refuse)
		time.Sleep(3 * time.Second)
		if err := m.Readmit(target); err != ErrNotHeld || status(m, target) != Down {
			t.Errorf("failing: %v, %v", err, status(m, target))
		}
		f.set(target, nil)
		time.Sleep(time.Minute)
		if s := m.Snapshot().State(0); s.Status != Down || s.Held != ByHand {
			t.Errorf("well again: %+v", s)
		}
		before := len(f.publications())
		if err := m.Readmit(target); err != nil || status(m, target) != Up {
			t.Errorf("readmitted: %v, %v", err, status(m, target))
		}
		time.Sleep(time.Second)
		if len(f.publications()) != before+1 {
			t.Errorf("%d publications", len(f.publications())-before)
		}
		if err := m.Readmit(Target{Addr: four}); err != ErrNoTarget {
			t.Errorf("unknown: %v", err)
		}
	})
}

// TestRecheck: once it fails, a target is probed at the interval of rechecks until it
// is down, and at its own again from then on.
func TestRecheck(t *testing.T) {
	c := Check{Type: "http", Interval: 10 * time.Second, Timeout: time.Second, Rise: 2, Fall: 3, Recheck: 100 * time.Millisecond, Jitter: NoJitter}
	target := numbered(c, 1)[0]
	run(t, Options{}, []Target{target}, nil, func(f *fakes, m *Monitor) {
		time.Sleep(time.Minute)
		f.set(target, refuse)
		failed := time.Now()
		for status(m, target) == Up {
			time.Sleep(time.Millisecond) // of the bubble's time
		}
		// What happens within a millisecond is seen at its end.
		if d := time.Since(failed); d > c.Interval+2*c.Recheck+time.Millisecond {
			t.Errorf("out after %v", d)
		}
		time.Sleep(25 * time.Second)
		var rests []time.Duration
		calls := f.callsOf(target)
		for i := len(calls) - 4; i < len(calls); i++ {
			rests = append(rests, calls[i].start.Sub(calls[i-1].end))
		}
		if !slices.Equal(rests, []time.Duration{c.Recheck, c.Recheck, c.Interval, c.Interval}) {
			t.Errorf("rests %v", rests)
		}
		for _, p := range f.publications() {
			if s := p.State(0); s.Status == Up && s.Needed > 0 && s.Interval != c.Recheck {
				t.Errorf("a streak was published with the interval %v", s.Interval)
			}
		}
	})
}

func TestPush(t *testing.T) {
	c := Check{Type: "push", Token: "0123456789abcdef", Silence: 30 * time.Second}
	target := Target{Check: c, Server: "fr"}
	run(t, Options{}, []Target{target}, func(f *fakes) { f.set(target, refuse) }, func(f *fakes, m *Monitor) {
		if got := status(m, target); got != Unknown {
			t.Fatalf("at the start: %v", got)
		}
		say := func(r Report) error { r.Server, r.Token = "fr", c.Token; return m.Report(r) }
		for range 5 {
			if err := say(Report{Load: 0.5, HasLoad: true}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(29 * time.Second)
			if s := m.Snapshot().State(0); s.Status != Up || s.Load != 0.5 || !s.HasLoad {
				t.Fatalf("%+v", s)
			}
		}
		time.Sleep(1001 * time.Millisecond)
		if s := m.Snapshot().State(0); s.Status != Down {
			t.Errorf("after a silence: %+v", s)
		}
		_ = say(Report{})
		if got := status(m, target); got != Down {
			t.Errorf("after one report: %v", got)
		}
		_ = say(Report{})
		if got := status(m, target); got != Up {
			t.Errorf("after two: %v", got)
		}
		_ = say(Report{Down: "disk full"})
		if s := m.Snapshot().State(0); s.Status != Down || s.LastError != "reports itself down: disk full" {
			t.Errorf("it said it is down: %+v", s)
		}
		if err := m.Report(Report{Server: "fr", Token: "wrong"}); err != ErrToken {
			t.Errorf("wrong token: %v", err)
		}
		if err := m.Report(Report{Server: "de", Token: c.Token}); err != ErrNoPush {
			t.Errorf("unknown server: %v", err)
		}
	})
}

// TestPushSilentFromTheStart: a server that never reports is out after one silence, also if targets are set meanwhile.
func TestPushSilentFromTheStart(t *testing.T) {
	c := Check{Type: "push", Token: "0123456789abcdef", Silence: 30 * time.Second}
	target := Target{Check: c, Server: "fr"}
	run(t, Options{}, []Target{target}, func(f *fakes) { f.set(target, refuse) }, func(f *fakes, m *Monitor) {
		time.Sleep(10 * time.Second)
		m.Set([]Target{target})
		time.Sleep(19 * time.Second)
		if got := status(m, target); got != Unknown {
			t.Errorf("%v", got)
		}
		time.Sleep(2 * time.Second)
		if got := status(m, target); got != Down {
			t.Errorf("%v", got)
		}
		time.Sleep(time.Hour)
		if n := m.Stats().Probes; n > 130 {
			t.Errorf("a silence was noted %d times in an hour", n)
		}
	})
}

func TestProgramsAtATime(t *testing.T) {
	targets := numbered(Check{Type: "exec", Command: "/bin/true", Interval: time.Second}, 20)
	synctest.Test(t, func(t *testing.T) {
		f := newFakes()
		for _, target := range targets {
			f.set(target, after(100*time.Millisecond, nil))
		}
		m := f.monitor(Options{MaxPrograms: 4})
		m.Set(targets)
		m.Start(context.Background())
		m.FirstRound(context.Background())
		time.Sleep(10 * time.Second)
		m.Stop()
		if f.most != 4 {
			t.Errorf("%d at a time", f.most)
		}
	})
}

func TestGroup(t *testing.T) {
	up, down, unknown, pending, unprobed := State{Status: Up}, State{Status: Down}, State{}, State{Status: Pending}, State{Status: Unprobed}
	failing := State{Status: Up, Streak: 1, Needed: 2, Interval: time.Second}
	soon := State{Status: Up, Streak: 1, Needed: 1, Interval: time.Second}
	rising := State{Status: Down, Streak: 1, Needed: 1, Interval: time.Second}
	for _, c := range []struct {
		members []State
		need    int
		want    Status
		needed  int
	}{
		{[]State{up, up}, 2, Up, 0},
		{[]State{up, down}, 2, Down, 0},
		{[]State{up, down}, 1, Up, 0},
		{[]State{down, down}, 1, Down, 0},
		{[]State{up, unknown}, 2, Unknown, 0},
		{[]State{up, pending}, 2, Pending, 0},
		{[]State{up, pending}, 1, Up, 0},
		{[]State{up, unprobed}, 2, Up, 0},
		{[]State{down, unprobed}, 1, Down, 0},
		{[]State{unprobed, unprobed}, 2, Unprobed, 0},
		{[]State{failing, up}, 2, Up, 2},
		{[]State{failing, up}, 1, Up, 0},
		{[]State{failing, soon}, 1, Up, 2},
		{[]State{failing, soon}, 2, Up, 1},
		{[]State{rising, up}, 2, Down, 1},
		{[]State{rising, down}, 2, Down, 0},
		{[]State{rising, down}, 1, Down, 1},
	} {
		s, g := &Snapshot{}, Group{Need: c.need}
		for i, m := range c.members {
			s.States, g.Slots = append(s.States, m), append(g.Slots, Slot(i))
			s.Targets = append(s.Targets, Target{Check: Check{Type: "tcp", Port: 1}, Addr: four})
		}
		if got := g.State(s); got.Status != c.want || got.Needed != c.needed {
			t.Errorf("%d of %+v: %+v, want %v needed %d", c.need, c.members, got, c.want, c.needed)
		}
	}
}

func TestGroupTellsWhatFails(t *testing.T) {
	target := Target{Check: Check{Type: "tcp", Port: 25}, Addr: four}
	s := &Snapshot{Targets: []Target{target, target}, States: []State{{Status: Up}, {Status: Down, LastError: "refused"}}}
	if got := (Group{Slots: []Slot{0, 1}, Need: 2}).State(s); got.LastError != "tcp 192.0.2.1:25: refused" {
		t.Errorf("%+v", got)
	}
}

func TestSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &span{deadline: time.Now().Add(time.Second)}
		<-s.Done()
		if !errors.Is(s.Err(), context.DeadlineExceeded) {
			t.Error(s.Err())
		}
		s, called := &span{deadline: time.Now().Add(time.Second)}, 0
		stop := s.onCancel(func() { called += 100 })
		stop()
		s.onCancel(func() { called++ })
		ctx, cancel := context.WithCancel(s)
		defer cancel()
		s.cancel()
		<-ctx.Done()
		if s.Err() != context.Canceled || called != 1 {
			t.Error(s.Err(), called)
		}
	})
}
