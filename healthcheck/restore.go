package healthcheck

import "time"

// Saved is a target with its state, to be kept over a restart. Both are plain values that encoding/json takes.
type Saved struct {
	Target Target
	State  State
}

// Restore gives targets the states that they had when the program ended, at the time alive. Call it between Set and
// Start. A target that is probed in another way than before is not found; one that differs only in how often and how
// patiently it is probed is.
//
// Since alive, results were missed. They count as what the first result says: a target that would have had time to
// change its status does so at the first contrary result, and of one with a streak less is needed. Where the clock went
// back, none were missed. What holds a target down (Check.Cooldown, Check.Failback) goes on by the time of day.
func (m *Monitor) Restore(saved []Saved, alive time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	by := [2]map[Target]State{{}, {}}
	for _, s := range saved {
		t := s.Target.complete()
		by[0][t], by[1][t.identity()] = s.State, s.State
	}
	missing := time.Since(alive)
	for _, t := range m.targets {
		if t == nil || t.retired() {
			continue
		}
		s, ok := by[0][*t.Target]
		if !ok {
			s, ok = by[1][t.identity()]
		}
		if ok && m.states[t.slot].Status == Unknown {
			m.states[t.slot] = s.resumed(t.Check, missing)
		}
	}
	m.changes++
}

// resumed is the state after a time without results.
func (s State) resumed(c Check, missing time.Duration) State {
	if s.Status != Up && s.Status != Down { // the first result decides anyway
		s.Streak, s.Needed = 0, 0
		return s.retuned(c)
	}
	limit := c.Rise
	if s.Status == Up {
		limit = c.Fall
	}
	missed := int(min(max(missing, 0)/c.Interval, time.Duration(limit)))
	if s.Held == NoHold {
		s.Streak, s.Needed = max(s.Streak, min(s.Streak+missed, limit-1)), 0
	}
	return s.retuned(c)
}
