package healthcheck

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"
)

// Errors of Monitor.Report.
var (
	ErrNoPush = errors.New("no check of type push awaits reports of this server")
	ErrToken  = errors.New("the token is not that of the check")
)

// Report is what a server says of itself.
type Report struct {
	Server  string  // its name
	Token   string  // of its check
	Down    string  // why it is not well; "": it is
	Load    float64 // as it likes
	HasLoad bool
}

// pushProbe is the result that a silence comes to; it is due when one has lasted.
func pushProbe(t Target) probe {
	err := fmt.Errorf("no report for %v", t.Check.Silence)
	return func(context.Context) error { return err }
}

// Report takes a server's report of itself as a result of its checks of type push whose
// token it carries, and awaits the next. The error is ErrNoPush or ErrToken.
func (m *Monitor) Report(r Report) error {
	m.mu.Lock()
	var heard []*attempt
	var before []State
	awaited := m.pushers[r.Server]
	for _, t := range awaited {
		if t.retired() || subtle.ConstantTimeCompare([]byte(t.Check.Token), []byte(r.Token)) != 1 {
			continue
		}
		before = append(before, m.states[t.slot])
		heard = append(heard, m.reported(t, r))
	}
	after := make([]State, len(heard))
	for i, a := range heard {
		after[i] = m.states[a.t.slot]
	}
	m.mu.Unlock()
	for i, a := range heard {
		m.report(a, before[i], after[i], nil)
	}
	switch {
	case len(awaited) == 0:
		return ErrNoPush
	case len(heard) == 0:
		return ErrToken
	}
	return nil
}

// reported records a report. mu is held.
func (m *Monitor) reported(t *target, r Report) *attempt {
	now := time.Now()
	a := &attempt{t: t, target: t.Target, start: now}
	if r.Down != "" {
		a.err = errors.New("reports itself down: " + r.Down)
		m.failures++
	}
	m.probes++
	s := &m.states[t.slot]
	next := s.Step(a.err, t.Check, now)
	next.LastError, next.LastProbe, next.Latency = text(a.err), now, 0
	next.Load, next.HasLoad = r.Load, r.HasLoad
	m.update(s, next)
	if m.running {
		m.schedule(t, t.Check.Silence)
	}
	return a
}

// first is how long a target that is new waits for its first probe.
func (t *target) first() time.Duration {
	if t.Check.Type == "push" {
		return t.Check.Silence
	}
	return 0
}
