package healthcheck

import "time"

// Status says whether a target is healthy.
type Status uint8

const (
	Unknown  Status = iota // no result yet: counts as up
	Pending                // added by a reload, no result yet: out unless nothing else is healthy
	Up                     // healthy
	Down                   // failed
	Unprobed               // no route to it here: follows the server's other family
)

// String is the status in lower case.
func (s Status) String() string {
	switch s {
	case Unknown:
		return "unknown"
	case Pending:
		return "pending"
	case Up:
		return "up"
	case Down:
		return "down"
	case Unprobed:
		return "unprobed"
	}
	return "invalid"
}

// Hold says what keeps a target down whose results would bring it up.
type Hold uint8

const (
	NoHold   Hold = iota
	Cooldown      // it went down less than Check.Cooldown ago
	Delay         // it has been well for less than Check.FailbackAfter
	ByHand        // failback is one-way: Monitor.Readmit brings it back
)

// String names the hold for people.
func (h Hold) String() string {
	switch h {
	case NoHold:
		return ""
	case Cooldown:
		return "cooldown"
	case Delay:
		return "failback delayed"
	case ByHand:
		return "failback by hand"
	}
	return "invalid"
}

// State is the state of one target.
type State struct {
	Status    Status        `json:",omitzero"`
	Streak    int           `json:",omitzero"` // results against the status, in a row
	Needed    int           `json:",omitzero"` // further such results until it flips; 0: settled, or held
	Held      Hold          `json:",omitzero"` // why it is still down after enough good results
	Fell      bool          `json:",omitzero"` // it is down because it failed after it was up, so cooldown and failback apply
	Since     time.Time     `json:",omitzero"` // of the status
	WellSince time.Time     `json:",omitzero"` // of a target that is down: the first good result of the streak
	LastProbe time.Time     `json:",omitzero"` // end of the last probe that had a result; zero: none had
	LastError string        `json:",omitzero"` // why the last probe failed; empty if it did not
	Latency   time.Duration `json:",omitzero"` // of that last probe
	Interval  time.Duration `json:",omitzero"` // between the results still needed
	Load      float64       `json:",omitzero"` // what a push check's server last said of itself, as it likes
	HasLoad   bool          `json:",omitzero"` // it said so
}

// Step returns the state after one more result: nil is good, an error is bad. It
// sets Status, Streak, Needed, Held, Fell, Since, WellSince and Interval and nothing
// else. The check is complete, with Rise and Fall at least 1.
//
//	status    result  streak + 1     held           next
//	Up        good    -              -              Up, settled
//	Up        bad     < fall         -              Up, streak counted
//	Up        bad     >= fall        -              Down, settled, fell
//	Down      bad     -              -              Down, settled
//	Down      good    < rise         -              Down, streak counted
//	Down      good    >= rise        no             Up, settled
//	Down      good    >= rise        yes            Down, held
//	any other good    -              -              Up, settled
//	any other bad     -              -              Down, settled
func (s State) Step(err error, c Check, now time.Time) State {
	next := s
	next.Streak, next.Needed, next.Held, next.WellSince = 0, 0, NoHold, time.Time{}
	next.Interval = c.Interval
	switch {
	case s.Status != Up && s.Status != Down:
		next.flip(err == nil, false, now)
	case err == nil && s.Status == Down:
		next.rising(s, c, now)
	case err != nil && s.Status == Up:
		next.failing(s, c, now)
	}
	return next
}

// flip changes the status.
func (s *State) flip(up, fell bool, now time.Time) {
	s.Status, s.Fell, s.Since = Down, fell, now
	if up {
		s.Status = Up
	}
	s.Streak, s.Needed, s.Held, s.WellSince = 0, 0, NoHold, time.Time{}
}

// failing counts a bad result against a target that is up.
func (s *State) failing(before State, c Check, now time.Time) {
	s.Streak = before.Streak + 1
	s.Needed = max(0, c.Fall-s.Streak)
	s.Interval = c.pause(true)
	if s.Needed == 0 {
		s.flip(false, true, now)
		s.Interval = c.Interval
	}
}

// rising counts a good result for a target that is down.
func (s *State) rising(before State, c Check, now time.Time) {
	s.Streak = before.Streak + 1
	s.Needed = max(0, c.Rise-s.Streak)
	s.WellSince = before.WellSince
	if s.WellSince.IsZero() {
		s.WellSince = now
	}
	hold, until := s.hold(c)
	switch {
	case hold != NoHold && (until.IsZero() || now.Before(until)):
		if s.Needed == 0 {
			s.Held = hold
		}
		// Nothing can change before the hold ends, so TTLs need not sink.
		if until.IsZero() || until.Sub(now) > time.Duration(s.Needed)*c.Interval {
			s.Needed = 0
		}
	case s.Needed == 0:
		s.flip(true, false, now)
	}
}

// hold says what keeps a target down that is well again, and until when; zero: for
// good. What a target that was never up waits for is its first success.
func (s *State) hold(c Check) (Hold, time.Time) {
	if !s.Fell {
		return NoHold, time.Time{}
	}
	if c.Failback == OneWay {
		return ByHand, time.Time{}
	}
	hold, until := NoHold, time.Time{}
	if c.Cooldown > 0 {
		hold, until = Cooldown, s.Since.Add(c.Cooldown)
	}
	if at := s.WellSince.Add(c.FailbackAfter); c.Failback == Delayed && (hold == NoHold || at.After(until)) {
		hold, until = Delay, at
	}
	return hold, until
}

// agrees tells whether two states lead to the same answers.
func (s State) agrees(o State) bool {
	return s.Status == o.Status && s.Streak == o.Streak && s.Needed == o.Needed && s.Interval == o.Interval
}

// retuned is the state under other parameters; a streak keeps its length, and
// where it is already long enough one more result flips the status.
func (s State) retuned(c Check) State {
	s.Interval = c.pause(s.Status == Up && s.Streak > 0)
	if s.Streak > 0 && s.Held == NoHold {
		limit := c.Rise
		if s.Status == Up {
			limit = c.Fall
		}
		s.Needed = max(1, limit-s.Streak)
	}
	return s
}
