package healthcheck

import (
	"context"
	"slices"
	"time"
	"unique"
)

// undoWithin is how long a removed target's state stays good for a Set that
// brings it back: a reload that failed later on is being undone.
const undoWithin = time.Minute

// target is the Monitor's record of one target, guarded by Monitor.mu.
type target struct {
	*Target // never written to: a Set puts another in its place
	slot    Slot
	probe   probe

	kept unique.Handle[Target] // under which a connection is kept; zero: none is

	program bool               // its probes run programs
	timer   *time.Timer        // nil before Start
	due     time.Time          // of the next probe
	cancel  context.CancelFunc // of the probe in flight; nil: none is
	spread  bool               // a probe has ended: the spreading of the second round is done
	awaited bool               // by the first round
	cutOff  time.Time          // since when there is no route to it; zero: there is
	removed time.Time          // when a Set took it out; zero: it is probed
}

func (t *target) retired() bool { return !t.removed.IsZero() }

// table is the list of targets between two Sets. Immutable.
type table struct {
	targets []Target // by Slot
	slots   *index   // of the live ones
	live    []bool   // by Slot
}

// Set replaces the targets and returns the new table of states; equal ones are
// merged. A target that stays keeps its state and its slot, also when only
// interval, timeout, rise, fall or jitter changed (a probe in flight then ends
// under the old timeout); the others are no longer probed, and probes of theirs in
// flight are cancelled. Targets added after Start are Pending, those before
// Unknown. Publish is not called for what Set itself changes. Validate targets
// first: one that is not valid is always Down.
//
// Publish may hand over snapshots of the new table before what depends on it is
// built; see Slot for why that does no harm.
func (m *Monitor) Set(targets []Target) *Snapshot {
	compile := m.compile()
	distinct := newIndex(make([]Target, 0, len(targets)))
	wanted := make([]*target, 0, len(targets))
	for _, t := range targets {
		t = t.complete()
		if _, again := distinct.find(t); again {
			continue
		}
		distinct.targets = append(distinct.targets, t)
		distinct.add(Slot(len(wanted)))
		own := &distinct.targets[len(wanted)]
		w := &target{Target: own, probe: compile(own), program: t.Check.Type == "exec"}
		if t.Check.KeepAlive {
			w.kept = unique.Make(t.identity())
		}
		wanted = append(wanted, w)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.replace(wanted)
	m.table = m.newTable()
	m.net.idle.sweep(m.probed())
	m.changes++
	return m.snapshot(nil)
}

// replace makes the targets what is wanted.
func (m *Monitor) replace(wanted []*target) {
	now := time.Now()
	old := m.ancestry()
	added := make([]*target, 0, len(wanted))
	for pass, key := range []func(Target) Target{whole, Target.identity} {
		added = added[:0:0]
		for _, w := range wanted {
			if t := old.claim(pass, key(*w.Target)); t != nil {
				m.keep(t, w, now)
			} else {
				added = append(added, w)
			}
		}
		wanted = added
	}
	for _, t := range old.unclaimed() {
		m.remove(t, now)
	}
	vacant := m.vacant(len(added))
	for i, w := range added {
		w.slot = vacant[i]
		m.add(w, old.kin(*w.Target), now)
	}
}

// ancestors are the targets before a Set: by what they are, and by what is probed.
type ancestors struct {
	by      [2]map[Target][]*target
	claimed map[*target]bool
	all     []*target
}

func whole(t Target) Target { return t }

func (m *Monitor) ancestry() *ancestors {
	a := &ancestors{claimed: map[*target]bool{}}
	a.by[0], a.by[1] = map[Target][]*target{}, map[Target][]*target{}
	for _, t := range m.targets {
		if t != nil {
			a.all = append(a.all, t)
			a.by[0][*t.Target] = append(a.by[0][*t.Target], t)
			a.by[1][t.identity()] = append(a.by[1][t.identity()], t)
		}
	}
	return a
}

// claim finds an ancestor that nobody has claimed yet, one still probed first.
func (a *ancestors) claim(pass int, key Target) *target {
	var found *target
	for _, t := range a.by[pass][key] {
		if !a.claimed[t] && (found == nil || found.retired()) {
			found = t
		}
	}
	if found != nil {
		a.claimed[found] = true
	}
	return found
}

// kin finds an ancestor probed in the same way, claimed or not.
func (a *ancestors) kin(t Target) *target {
	for _, k := range a.by[1][t.identity()] {
		if !k.retired() {
			return k
		}
	}
	return nil
}

func (a *ancestors) unclaimed() []*target {
	return slices.DeleteFunc(a.all, func(t *target) bool { return a.claimed[t] })
}

// keep carries a target over under the parameters wanted.
func (m *Monitor) keep(t, w *target, now time.Time) {
	slower := t.Check.Interval <= w.Check.Interval
	silent := t.due.Add(-t.Check.Silence) // since when a push check is: the last report, or the start
	t.Target, t.probe = w.Target, w.probe
	m.states[t.slot] = m.states[t.slot].retuned(t.Check)
	switch {
	case t.retired():
		m.restore(t, now)
	case t.Check.Type == "push":
		if m.running {
			m.schedule(t, max(0, silent.Add(t.Check.Silence).Sub(now)))
		}
	case !slower && t.timer != nil && t.cancel == nil:
		if soon := m.part(t); t.due.Sub(now) > soon {
			m.schedule(t, soon)
		}
	}
}

// restore brings back a target that a former Set took out. If a cancelled probe of
// it has not ended yet, its end starts the next.
func (m *Monitor) restore(t *target, now time.Time) {
	if now.Sub(t.removed) > undoWithin {
		m.states[t.slot] = m.fresh(t.Check, now)
		t.spread, t.cutOff = false, time.Time{}
	}
	t.removed = time.Time{}
	if m.running {
		m.schedule(t, t.first())
	}
}

// fresh is the state of a target never probed.
func (m *Monitor) fresh(c Check, now time.Time) State {
	s := State{Status: Unknown, Since: now, Interval: c.Interval}
	if m.ctx != nil {
		s.Status = Pending
	}
	return s
}

// vacant makes a list of n slots to give away.
func (m *Monitor) vacant(n int) []Slot {
	slots := make([]Slot, 0, n)
	for i := 0; len(slots) < n; i++ {
		if i == len(m.targets) {
			m.targets = append(m.targets, nil)
			m.states = append(m.states, State{})
		}
		if m.targets[i] == nil {
			slots = append(slots, Slot(i))
		}
	}
	return slots
}

// add puts a new target in its slot, with the state of its kin if it has any.
func (m *Monitor) add(t, kin *target, now time.Time) {
	state := m.fresh(t.Check, now)
	if kin != nil {
		state = m.states[kin.slot].retuned(t.Check)
		t.cutOff = kin.cutOff
	}
	m.targets[t.slot], m.states[t.slot] = t, state
	if m.running {
		m.schedule(t, t.first())
	}
}

// remove ends the probing of a target; its slot becomes vacant at the next Set.
func (m *Monitor) remove(t *target, now time.Time) {
	if t.retired() {
		m.targets[t.slot], m.states[t.slot] = nil, State{}
		return
	}
	t.removed = now
	if t.timer != nil {
		t.timer.Stop()
	}
	if t.cancel != nil {
		t.cancel()
	}
	m.heard(t)
}

// probed are the identities that are probed over connections that are kept. It lists the targets that report themselves, too.
func (m *Monitor) probed() map[unique.Handle[Target]]bool {
	kept := make(map[unique.Handle[Target]]bool)
	m.pushers = make(map[string][]*target)
	for _, t := range m.targets {
		if t == nil || t.retired() {
			continue
		}
		if t.Check.KeepAlive {
			kept[t.kept] = true
		}
		if t.Check.Type == "push" {
			m.pushers[t.Server] = append(m.pushers[t.Server], t)
		}
	}
	return kept
}

func (m *Monitor) newTable() table {
	for n := len(m.targets); n > 0 && m.targets[n-1] == nil; n-- {
		m.targets, m.states = m.targets[:n-1], m.states[:n-1]
	}
	targets := make([]Target, len(m.targets))
	tab := table{targets, newIndex(targets), make([]bool, len(m.targets))}
	for i, t := range m.targets {
		if t == nil {
			continue
		}
		tab.targets[i] = *t.Target
		if !t.retired() {
			tab.slots.add(t.slot)
			tab.live[i] = true
		}
	}
	return tab
}

// snapshot fills room, which may be too small. mu is held.
func (m *Monitor) snapshot(room []State) *Snapshot {
	return &Snapshot{
		Generation: m.changes,
		Targets:    m.table.targets,
		States:     append(room, m.states...),
		slots:      m.table.slots,
		live:       m.table.live,
	}
}
