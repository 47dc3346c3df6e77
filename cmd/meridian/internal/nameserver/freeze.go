package nameserver

import (
	"context"
	"fmt"
	"maps"
	"net"
	"sync"
	"time"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/healthcheck"
)

const (
	canaryTimeout = time.Second
	canaryEvery   = 5 * time.Second
	longestThaw   = 5 * time.Minute
)

// freezer keeps states as they were when everything seems to fail at once. Safe for concurrent use.
//
//	not frozen  targets at enough sites fail, one of them newly down, and no canary answers   freezes
//	frozen      no canary answers                                                             stays
//	frozen      a canary answers, and what was up is up again, or had time to be              thaws
type freezer struct {
	dial func(ctx context.Context, addr string) error

	mu     sync.Mutex // guards what follows
	o      config.Freeze
	kept   map[healthcheck.Target]healthcheck.State
	since  time.Time // of the freeze; zero: not frozen
	tried  time.Time // the canaries, last
	answer time.Time // a canary's first since the freeze; zero: none yet
}

// newFreezer makes a freezer; without canaries it never freezes.
func newFreezer(o config.Freeze) *freezer {
	return &freezer{o: o, kept: map[healthcheck.Target]healthcheck.State{}, dial: func(ctx context.Context, addr string) error {
		c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return c.Close()
	}}
}

func (f *freezer) options() config.Freeze {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.o
}

// set puts other options in force, and tells whether a freeze ends because there are no canaries any more.
func (f *freezer) set(o config.Freeze) (thawed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.o = o
	if len(o.Canaries) > 0 || f.since.IsZero() {
		return false
	}
	f.since = time.Time{}
	return true
}

// reachable tries every canary at once and returns with the first that answers.
func (f *freezer) reachable(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, canaryTimeout)
	defer cancel()
	canaries := f.options().Canaries
	results := make(chan error, len(canaries))
	for _, c := range canaries {
		go func() { results <- f.dial(ctx, c) }()
	}
	for range canaries {
		if <-results == nil {
			return true
		}
	}
	return false
}

// suspects says whether targets at enough sites fail now, and at least one went down just now. It remembers the
// states of those that are well.
func (f *freezer) suspects(h *healthcheck.Snapshot, site func(i int) string, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.o.Canaries) == 0 || !f.since.IsZero() {
		return false
	}
	failing, down := map[string]bool{}, false
	for i, t := range h.Targets {
		s := &h.States[i]
		switch {
		case s.Status == healthcheck.Up && s.Streak == 0:
			f.kept[t] = *s
		case s.Status == healthcheck.Up:
			failing[site(i)] = true
		case s.Status == healthcheck.Down && f.recent(t, s, now):
			failing[site(i)], down = true, true
		}
	}
	f.forget(h)
	return down && len(failing) >= f.o.Sites
}

// forget drops targets that reloads took away, once more are kept than there are. mu is held.
func (f *freezer) forget(h *healthcheck.Snapshot) {
	if len(f.kept) <= len(h.Targets) {
		return
	}
	gone := maps.Clone(f.kept)
	for _, t := range h.Targets {
		delete(gone, t)
	}
	for t := range gone {
		delete(f.kept, t)
	}
}

// recent says whether a target was well until this instant. mu is held.
func (f *freezer) recent(t healthcheck.Target, s *healthcheck.State, at time.Time) bool {
	_, known := f.kept[t]
	return known && at.Sub(s.Since) <= f.o.Window
}

// apply puts the states that were kept in the place of those that went down since.
func (f *freezer) apply(h *healthcheck.Snapshot) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.since.IsZero() {
		return
	}
	for i, t := range h.Targets {
		if s := &h.States[i]; s.Status == healthcheck.Down && f.recent(t, s, f.since) {
			*s = f.kept[t]
		}
	}
}

func (f *freezer) frozen() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.since.IsZero()
}

func (f *freezer) begin(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since, f.tried, f.answer = now, now, time.Time{}
}

// due says whether the canaries are to be tried again.
func (f *freezer) due(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.since.IsZero() || now.Sub(f.tried) < canaryEvery && f.answer.IsZero() {
		return false
	}
	f.tried = now
	return true
}

// over ends the freeze if it is time, given whether a canary answers and for how long targets may need to come back.
func (f *freezer) over(h *healthcheck.Snapshot, reachable bool, need time.Duration, now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !reachable {
		f.answer = time.Time{}
		return false
	}
	if f.answer.IsZero() {
		f.answer = now
	}
	back := true
	for i, t := range h.Targets {
		if s := &h.States[i]; s.Status == healthcheck.Down && f.recent(t, s, f.since) {
			back = false
		}
	}
	if !back && now.Sub(f.answer) < min(need, longestThaw) {
		return false
	}
	f.since = time.Time{}
	return true
}

// judge freezes the states if the fault is here. It may take as long as canaries take to answer, during which the
// states that are published stay.
func (n *Nameserver) judge() {
	f := n.ops.freeze
	o := f.options()
	if len(o.Canaries) == 0 {
		return
	}
	n.mu.Lock()
	h, plan := n.probed(), n.plan
	n.mu.Unlock()
	if !f.suspects(h, func(i int) string { return plan.owner(i).Site }, time.Now()) || f.reachable(context.Background()) {
		return
	}
	f.begin(time.Now())
	text := fmt.Sprintf("states are frozen: targets at %d sites or more fail at once and no canary answers, so the fault is here", o.Sites)
	n.ops.alarms.set("freeze", text)
	n.log.Error(text)
}

// refreeze puts the options of a reloaded configuration in force.
func (n *Nameserver) refreeze(o config.Freeze) {
	if n.ops.freeze.set(o) {
		n.thawed()
	}
	n.judge() // it remembers who is well, by which it tells later who went down just then
}

// thaw ends a freeze when the world is back.
func (n *Nameserver) thaw(ctx context.Context) {
	f := n.ops.freeze
	if !f.due(time.Now()) {
		return
	}
	reachable := f.reachable(ctx)
	n.mu.Lock()
	raw := n.probed()
	n.mu.Unlock()
	var need time.Duration
	for _, t := range raw.Targets {
		c := t.Check.WithDefaults()
		need = max(need, time.Duration(c.Rise)*(c.Interval+c.Timeout))
	}
	if f.over(raw, reachable, need, time.Now()) {
		n.thawed()
	}
}

// thawed tells that a freeze is over, and publishes the states as they are.
func (n *Nameserver) thawed() {
	n.ops.alarms.set("freeze", "")
	n.log.Info("states are not frozen any more")
	n.ordersChanged()
}
