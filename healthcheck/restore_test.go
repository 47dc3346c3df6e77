package healthcheck

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"time"
)

// TestResumed gives, for a state and a time without results, the status after the first result.
func TestResumed(t *testing.T) {
	c := Check{Type: "tcp", Port: 25, Interval: 10 * time.Second, Rise: 2, Fall: 3}.WithDefaults()
	for _, k := range []struct {
		state   State
		missing time.Duration
		good    bool
		status  Status
		streak  int
	}{
		{State{Status: Up}, time.Second, false, Up, 1},
		{State{Status: Up, Streak: 1}, time.Second, false, Up, 2},
		{State{Status: Up, Streak: 2}, time.Second, false, Down, 0},
		{State{Status: Up}, 10 * time.Second, false, Up, 2},
		{State{Status: Up}, 20 * time.Second, false, Down, 0},
		{State{Status: Up}, 1000 * time.Hour, false, Down, 0},
		{State{Status: Up}, 1000 * time.Hour, true, Up, 0},
		{State{Status: Up}, -1000 * time.Hour, false, Up, 1}, // the clock went back
		{State{Status: Down}, time.Second, true, Down, 1},
		{State{Status: Down}, time.Hour, true, Up, 0},
		{State{Status: Down}, time.Hour, false, Down, 0},
		{State{Status: Unprobed, Streak: 1}, time.Hour, true, Up, 0},
		{State{Status: Pending}, 0, false, Down, 0},
	} {
		s := k.state.resumed(c, k.missing)
		if s.Status != k.state.Status {
			t.Errorf("%+v: is %v before any result", k.state, s.Status)
		}
		var err error
		if !k.good {
			err = errors.New("refused")
		}
		if got := s.Step(err, c, time.Now()); got.Status != k.status || got.Streak != k.streak {
			t.Errorf("%+v after %v, good %v: %v with a streak of %d, want %v with %d", k.state, k.missing, k.good, got.Status, got.Streak, k.status, k.streak)
		}
	}
}

// TestRestore holds that targets are found again after they went through JSON, and under another interval.
func TestRestore(t *testing.T) {
	target := Target{Check: Check{Type: "tcp", Port: 25}, Addr: netip.MustParseAddr("192.0.2.1")}
	text, err := json.Marshal(Saved{target, State{Status: Down, LastError: "refused", Since: time.Unix(1000, 0)}})
	if err != nil {
		t.Fatal(err)
	}
	var saved Saved
	if err := json.Unmarshal(text, &saved); err != nil {
		t.Fatal(err)
	}
	slower, other := target, target
	slower.Check.Interval, other.Check.Port = time.Minute, 26
	for _, c := range []struct {
		target Target
		want   Status
	}{{target, Down}, {slower, Down}, {other, Unknown}} {
		m := New(Options{})
		m.Set([]Target{c.target})
		m.Restore([]Saved{saved}, time.Now())
		if got := m.Snapshot().State(0); got.Status != c.want {
			t.Errorf("%v: %v, want %v", c.target, got.Status, c.want)
		}
	}
}
