package healthcheck

import (
	"time"

	"go.uber.org/zap"
)

const (
	publishEvery = time.Second
	alarmEvery   = time.Minute
)

// change is how much a result matters to answers.
type change uint8

const (
	none       change = iota
	streak            // lowers or restores TTLs
	transition        // of a status: changes answers
)

// pace says when to publish. Streaks and transitions are counted apart: the first
// failure of a server that refuses is published as a streak less than a second
// before the result that takes it down, which must not wait for that.
type pace struct {
	any        time.Time // last publication
	transition time.Time // last publication of a transition
}

// due is when a change may be published; a time past means now.
func (p pace) due(c change) time.Time {
	if c == transition {
		return p.transition.Add(publishEvery)
	}
	return p.any.Add(publishEvery)
}

func (p *pace) published(c change, now time.Time) {
	p.any = now
	if c == transition {
		p.transition = now
	}
}

// mark tells the publisher of a change; called under Monitor.mu.
func (m *Monitor) mark(c change) {
	m.dirty = max(m.dirty, c)
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

// publishAll is the publisher: the one goroutine that calls Publish, and that ends
// probing when the context ends.
func (m *Monitor) publishAll(patience time.Duration) {
	defer m.wg.Done()
	var p pace
	open := m.opened
	m.await(m.round, patience)
	for m.ctx.Err() == nil {
		m.publish(&p)
		if open != nil {
			close(open)
			open = nil
		}
		m.pause(p)
	}
	m.halt()
	if open != nil {
		close(open)
	}
}

// publish hands over what has changed, if that is due.
func (m *Monitor) publish(p *pace) {
	now := time.Now()
	if c := m.pending(); c == none || now.Before(p.due(c)) {
		return // and no room was made: in a storm that would be most of all garbage
	}
	room := m.makeRoom()
	m.mu.Lock()
	c := m.dirty
	if now.Before(p.due(c)) { // graver meanwhile, and not due
		m.mu.Unlock()
		return
	}
	m.dirty = none
	s := m.snapshot(room)
	m.mu.Unlock()
	p.published(c, now)
	m.o.Publish(s)
}

// pause waits until there may be something to publish.
func (m *Monitor) pause(p pace) {
	switch c := m.pending(); c {
	case none:
		select {
		case <-m.wake:
		case <-m.ctx.Done():
		}
	case streak:
		m.await(m.wake, time.Until(p.due(c))) // a transition may come, and be due earlier
	case transition:
		m.await(nil, time.Until(p.due(c)))
	}
}

// pending is the gravest change not yet published.
func (m *Monitor) pending() change {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dirty
}

// await waits for a signal, if there is one, some time, or the end.
func (m *Monitor) await(signal <-chan struct{}, most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-signal:
	case <-timer.C:
	case <-m.ctx.Done():
	}
}

// report tells people what became of a probe; called without the lock.
func (m *Monitor) report(a *attempt, before, after State, fault *hostFault) {
	if before.Status != after.Status {
		m.logTransition(*a.target, before.Status, after)
		if after.Status == Unprobed {
			m.noteFamily(*a.target)
		}
	}
	if fault != nil && !(fault.fault == NoRoute && after.Status == Unprobed) {
		m.alarm(fault.fault, a.t, fault)
	}
}

func (m *Monitor) logTransition(t Target, from Status, s State) {
	fields := []zap.Field{
		zap.Stringer("target", t), zap.Stringer("from", from), zap.Stringer("to", s.Status),
		zap.String("error", s.LastError), zap.Duration("latency", s.Latency),
	}
	switch {
	case s.Status == Down:
		m.o.Log.Warn("target is down", fields...)
	case s.Status == Unprobed && (from == Up || from == Down):
		m.o.Log.Warn("target is not probed any more: no route to it here", fields...)
	case from == Down:
		m.o.Log.Info("target is up", fields...)
	default:
		m.o.Log.Debug("target changed", fields...)
	}
}

// noteFamily says once that a family is not in use here: hosts with one family
// only are common, and their targets of the other may be many.
func (m *Monitor) noteFamily(t Target) {
	family := 4
	if t.Addr.Is6() {
		family = 6
	}
	m.mu.Lock()
	noted := m.noted[family]
	m.noted[family] = true
	m.mu.Unlock()
	if !noted {
		m.o.Log.Info("targets without a route are not probed", zap.Int("ip", family), zap.Stringer("first", t))
	}
}

// alarm counts a fault of this host and raises the alarm if it was quiet.
func (m *Monitor) alarm(f Fault, t *target, err error) {
	now := time.Now()
	m.mu.Lock()
	m.faults[f].Count++
	m.faults[f].Last = now
	quiet := m.alarmed[f].IsZero() || now.Sub(m.alarmed[f]) >= alarmEvery
	if quiet {
		m.alarmed[f] = now
	}
	a := Alarm{Fault: f, Target: *t.Target, Err: err, Count: m.faults[f].Count}
	m.mu.Unlock()
	if !quiet {
		return
	}
	m.o.Log.Error("health checks are impaired by this host: "+f.String(),
		zap.Stringer("target", a.Target), zap.Uint64("count", a.Count), zap.Error(err))
	m.o.Alarm(a)
}
