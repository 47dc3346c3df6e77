package healthcheck

import (
	"errors"
	"time"
)

// Errors of Monitor.Readmit.
var (
	ErrNoTarget = errors.New("not probed")
	ErrNotHeld  = errors.New("not held back: it is up, or its check still fails")
)

// Readmit brings a target up at once that is held down by a cooldown, a delay or
// because its failback is one-way. The error is ErrNoTarget or ErrNotHeld.
func (m *Monitor) Readmit(t Target) error {
	m.mu.Lock()
	slot, ok := m.table.slots.find(t.complete())
	if !ok {
		m.mu.Unlock()
		return ErrNoTarget
	}
	s := &m.states[slot]
	if s.Held == NoHold {
		m.mu.Unlock()
		return ErrNotHeld
	}
	before, next := *s, *s
	next.flip(true, false, time.Now())
	m.update(s, next)
	a := &attempt{t: m.targets[slot], target: m.targets[slot].Target}
	m.mu.Unlock()
	m.report(a, before, next, nil)
	return nil
}
