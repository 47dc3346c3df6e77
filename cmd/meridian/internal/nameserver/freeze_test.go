package nameserver

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/healthcheck"
)

// TestFreeze lets targets at four sites fail, with and without a canary that answers.
func TestFreeze(t *testing.T) {
	h := &healthcheck.Snapshot{}
	for i := range 4 {
		h.Targets = append(h.Targets, healthcheck.Target{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})})
		h.States = append(h.States, healthcheck.State{Status: healthcheck.Up})
	}
	site := func(i int) string { return string(rune('a' + i)) }
	now := time.Unix(1_800_000_000, 0)
	f := newFreezer(config.Freeze{Canaries: []string{"one:1", "two:2"}, Sites: 3, Window: 30 * time.Second})
	var answers atomic.Bool // of two:2; a try may outlast the test of it
	f.dial = func(_ context.Context, addr string) error {
		if addr == "two:2" && answers.Load() {
			return nil
		}
		return errors.New("no answer")
	}
	down := func(i int, at time.Time) { h.States[i] = healthcheck.State{Status: healthcheck.Down, Since: at} }
	if f.suspects(h, site, now) {
		t.Error("suspects when all is well")
	}
	down(3, now.Add(-time.Hour)) // long dead, and stays so
	down(0, now)
	if f.suspects(h, site, now) {
		t.Error("suspects when one site fails")
	}
	h.States[1].Streak = 1
	down(2, now)
	if !f.suspects(h, site, now) {
		t.Fatal("does not suspect when three sites fail")
	}
	if answers.Store(true); !f.reachable(t.Context()) {
		t.Error("a canary answers, and is not heard")
	}
	if answers.Store(false); f.reachable(t.Context()) {
		t.Error("nobody answers, and is heard")
	}
	f.begin(now)
	shown := &healthcheck.Snapshot{Targets: h.Targets, States: append([]healthcheck.State(nil), h.States...)}
	f.apply(shown)
	for i, want := range []healthcheck.Status{healthcheck.Up, healthcheck.Up, healthcheck.Up, healthcheck.Down} {
		if got := shown.States[i].Status; got != want {
			t.Errorf("frozen, target %d is %v, want %v", i, got, want)
		}
	}
	for _, c := range []struct {
		after     time.Duration
		reachable bool
		over      bool
	}{{5 * time.Second, false, false}, {10 * time.Second, true, false}, {15 * time.Second, false, false}, {20 * time.Second, true, false}, {29 * time.Second, true, false}, {30 * time.Second, true, true}} {
		if got := f.over(h, c.reachable, 10*time.Second, now.Add(c.after)); got != c.over {
			t.Errorf("after %v: over %v, want %v", c.after, got, c.over)
		}
	}
	if f.frozen() {
		t.Error("still frozen")
	}
	f.begin(now)
	for i := range 3 {
		h.States[i] = healthcheck.State{Status: healthcheck.Up}
	}
	if !f.over(h, true, time.Hour, now.Add(time.Second)) {
		t.Error("frozen though all are back")
	}
	h.Targets, h.States = append(h.Targets[:0:0], h.Targets[1:3]...), h.States[:2]
	if f.suspects(h, site, now); len(f.kept) != 2 {
		t.Errorf("%d states are kept of 2 targets", len(f.kept))
	}
	if off := newFreezer(config.Freeze{}); off.suspects(h, site, now) {
		t.Error("freezes without canaries")
	}
}
