package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

const (
	routeGrace    = time.Minute      // a known state outlives the loss of the route so long
	faultInterval = 30 * time.Second // longest wait after a fault of this host
)

func randomFraction() float64 { return rand.Float64() }

// attempt is one probe of one target.
type attempt struct {
	span   // its context
	t      *target
	target *Target // as it was at the start
	probe  probe
	start  time.Time
	late   time.Duration // by so much it began after it was due
	err    error
}

// fire runs one probe; the timers of targets call it. What it allocates it allocates before it takes the lock: the
// garbage collector has those who allocate help it, and ten thousand probes a second would wait meanwhile.
func (m *Monitor) fire(t *target) {
	a := &attempt{t: t}
	if !m.quick(t) {
		if !m.admit() {
			return
		}
		defer m.wg.Done()
		if !m.enter(t) {
			return
		}
	}
	if !m.begin(a) {
		m.leave(t)
		return
	}
	a.err = a.run()
	m.finish(a)
	m.leave(t)
	m.wg.Done()
}

// quick takes a place in flight if one is free, without the lock.
func (m *Monitor) quick(t *target) bool {
	if t.program {
		return false
	}
	select {
	case m.room <- struct{}{}:
		return true
	default:
		return false
	}
}

// admit keeps Stop waiting for one that waits for a place, and it from waiting after Stop.
func (m *Monitor) admit() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	open := m.running && m.ctx.Err() == nil
	if open {
		m.wg.Add(1)
	}
	return open
}

// enter waits for a place among the probes in flight. First probes go out in a
// burst, in which it is no fault to wait.
func (m *Monitor) enter(t *target) bool {
	if !t.program {
		return m.place(m.room, t)
	}
	if !m.place(m.programs, t) {
		return false
	}
	if !m.place(m.room, t) {
		<-m.programs
		return false
	}
	return true
}

func (m *Monitor) leave(t *target) {
	<-m.room
	if t.program {
		<-m.programs
	}
}

// place waits for a place in a room.
func (m *Monitor) place(room chan struct{}, t *target) bool {
	select {
	case room <- struct{}{}:
		return true
	default:
	}
	m.mu.Lock()
	late := t.spread && m.unheard == 0
	m.mu.Unlock()
	if late {
		m.alarm(Saturated, t, nil)
	}
	select {
	case room <- struct{}{}:
		return true
	case <-m.ctx.Done():
		return false
	}
}

// begin takes a target in hand, unless that is needless by now, and keeps Stop waiting for the probe.
func (m *Monitor) begin(a *attempt) bool {
	t := a.t
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	if !m.running || m.ctx.Err() != nil || t.retired() || t.cancel != nil || now.Before(t.due) {
		return false
	}
	m.wg.Add(1)
	a.target, a.probe, a.start, a.late = t.Target, t.probe, now, now.Sub(t.due)
	a.deadline = now.Add(t.Check.Timeout)
	t.cancel = a.cancel
	if t.spread {
		m.lateness.add(a.late)
	}
	m.inFlight++
	return true
}

// run probes. A panic there must not take the nameserver down.
func (a *attempt) run() (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &hostFault{Crashed, fmt.Errorf("%v\n%s", r, debug.Stack())}
		}
	}()
	err = a.probe(&a.span)
	if err != nil && a.target.Check.Type != "push" && a.Err() == context.DeadlineExceeded {
		return fmt.Errorf("timed out after %v: %w", a.target.Check.Timeout, err)
	}
	return err
}

// finish records what became of a probe and schedules the next.
func (m *Monitor) finish(a *attempt) {
	m.mu.Lock()
	t := a.t
	cancelled := a.cancelled() || m.overtaken(a)
	t.cancel = nil
	m.inFlight--
	if !m.running || t.retired() || cancelled {
		if m.running && !t.retired() { // removed and brought back meanwhile
			m.schedule(t, t.first())
		}
		m.mu.Unlock()
		return
	}
	before := m.states[t.slot]
	fault := m.record(a, time.Now())
	after := m.states[t.slot]
	t.spread = true
	m.heard(t)
	m.mu.Unlock()
	m.report(a, before, after, fault)
}

// overtaken tells whether a server's report came while its silence was being noted.
func (m *Monitor) overtaken(a *attempt) bool {
	return a.target.Check.Type == "push" && m.states[a.t.slot].LastProbe.After(a.start)
}

// record applies the outcome of a probe to the target's state, and returns the
// fault of this host if there was one.
func (m *Monitor) record(a *attempt, now time.Time) *hostFault {
	t, s := a.t, &m.states[a.t.slot]
	var fault *hostFault
	s.LastError = text(a.err)
	if errors.As(a.err, &fault) {
		m.recordFault(t, fault, now)
		m.schedule(t, min(m.interval(t), faultInterval))
		return fault
	}
	t.cutOff = time.Time{}
	m.probes++
	if a.err != nil {
		m.failures++
	}
	next := s.Step(a.err, t.Check, now)
	longer := max(0, now.Sub(a.start)-s.Latency)
	next.LastProbe, next.Latency = now, now.Sub(a.start)
	m.update(s, next)
	if s.Status == Up && s.Streak > 0 && t.Check.Recheck > 0 {
		m.schedule(t, t.Check.Recheck)
	} else {
		m.schedule(t, m.rest(a, longer))
	}
	return nil
}

// rest is the time from a result to the next probe: the interval, shortened by how late the probe began, but at most by
// half. After a good answer by how much longer than the one before that took, too; and without jitter, which spreads
// crowds, by up to a tenth more if that takes the target back to its place in the round. Otherwise all that was delayed
// together, by this host or by the network, would be due together from then on, and those behind the first late in
// every round.
func (m *Monitor) rest(a *attempt, longer time.Duration) time.Duration {
	t, most := a.t, a.t.Check.Interval
	switch {
	case !t.spread || t.Check.Type == "push":
		return m.interval(t)
	case a.err != nil:
		return m.interval(t) - min(a.late, most/2)
	case t.Check.Jitter < 0:
		return max(m.part(t), most-min(a.late+longer+most/10, most/2))
	}
	rest := m.interval(t) - min(a.late+longer, most/2)
	return max(0, rest-(time.Since(m.began)+rest)%tick(t))
}

// tick is what the times of probes are a multiple of. Those due together share what it costs to wake for them and for
// their answers: a sixth of a probe over a connection that is kept.
func tick(t *target) time.Duration { return max(1, min(5*time.Millisecond, t.Check.Interval/200)) }

// recordFault leaves the state alone, unless the target's family is not in use here.
//
//	fault      state              next
//	other      any                unchanged
//	no route   Unknown, Pending   Unprobed
//	no route   Up, Down           unchanged for routeGrace, then Unprobed
func (m *Monitor) recordFault(t *target, fault *hostFault, now time.Time) {
	if fault.fault != NoRoute || t.Name != "" {
		return
	}
	if t.cutOff.IsZero() {
		t.cutOff = now
	}
	s := &m.states[t.slot]
	known := s.Status == Up || s.Status == Down
	if known && now.Sub(t.cutOff) < routeGrace || s.Status == Unprobed {
		return
	}
	next := *s
	next.Status, next.Streak, next.Needed, next.Held, next.Fell, next.Since = Unprobed, 0, 0, NoHold, false, now
	m.update(s, next)
}

// update replaces a state and notes what the publisher has to do.
func (m *Monitor) update(s *State, next State) {
	kind := none
	switch {
	case next.Status != s.Status:
		kind = transition
	case !next.agrees(*s):
		kind = streak
	}
	*s = next
	if kind != none {
		m.changes++
		m.mark(kind)
	}
}

// heard counts a target's part in the first round as done.
func (m *Monitor) heard(t *target) {
	if !t.awaited {
		return
	}
	t.awaited = false
	if m.unheard--; m.unheard == 0 {
		close(m.round)
	}
}

// schedule sets when the target is probed next.
func (m *Monitor) schedule(t *target, after time.Duration) {
	t.due = time.Now().Add(after)
	if t.timer == nil {
		t.timer = time.AfterFunc(after, func() { m.fire(t) })
		return
	}
	t.timer.Reset(after)
}

// interval is how long the target rests before its next probe.
func (m *Monitor) interval(t *target) time.Duration {
	switch {
	case t.Check.Type == "push":
		return t.Check.Silence
	case !t.spread:
		return m.part(t)
	}
	jitter := max(0, t.Check.Jitter) * rand.Float64()
	return time.Duration(float64(t.Check.Interval) * (1 - jitter))
}

// part is the time to the target's place in the next round, more than none and at most the interval. The places of
// neighbouring slots differ most: multiples of the golden ratio fill a circle evenly.
func (m *Monitor) part(t *target) time.Duration {
	_, part := math.Modf(m.phase + float64(t.slot)*math.Phi)
	place := time.Duration(float64(t.Check.Interval) * part).Truncate(tick(t))
	left := (place - time.Since(m.began)) % t.Check.Interval
	if left <= 0 {
		left += t.Check.Interval
	}
	return left
}
