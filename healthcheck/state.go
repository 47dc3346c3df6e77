package healthcheck

import "time"

// Status is what is known of a target.
type Status uint8

const (
	Unknown  Status = iota // no result since the start: counts as up
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

// State is the state of one target.
type State struct {
	Status    Status
	Streak    int           // results against the status, in a row
	Needed    int           // further such results until it flips; 0: settled
	Since     time.Time     // of the status
	LastProbe time.Time     // end of the last probe that had a result; zero: none had
	LastError string        // why the last probe failed; empty if it did not
	Latency   time.Duration // of that last probe
	Interval  time.Duration // of the check
}

// Step returns the state after one more result: nil is good, an error is bad. It
// sets Status, Streak and Needed and nothing else; changed tells whether it did.
// rise and fall are at least 1.
//
//	status    result  streak + 1     next
//	Up        good    -              Up, settled
//	Up        bad     < fall         Up, streak counted
//	Up        bad     >= fall        Down, settled
//	Down      bad     -              Down, settled
//	Down      good    < rise         Down, streak counted
//	Down      good    >= rise        Up, settled
//	any other good    -              Up, settled
//	any other bad     -              Down, settled
func (s State) Step(err error, rise, fall int) (next State, changed bool) {
	result := Up
	if err != nil {
		result = Down
	}
	next = s
	next.Streak, next.Needed = 0, 0
	switch {
	case s.Status != Up && s.Status != Down:
		next.Status = result
	case s.Status != result:
		next.Streak = s.Streak + 1
		next.Needed = s.limit(rise, fall) - next.Streak
		if next.Needed <= 0 {
			next.Status, next.Streak, next.Needed = result, 0, 0
		}
	}
	return next, !s.agrees(next)
}

// limit is how many results in a row flip the status.
func (s State) limit(rise, fall int) int {
	if s.Status == Up {
		return fall
	}
	return rise
}

// agrees tells whether two states lead to the same answers.
func (s State) agrees(o State) bool {
	return s.Status == o.Status && s.Streak == o.Streak && s.Needed == o.Needed && s.Interval == o.Interval
}

// retuned is the state under other parameters; a streak keeps its length, and
// where it is already long enough one more result flips the status.
func (s State) retuned(c Check) State {
	s.Interval = c.Interval
	if s.Streak > 0 {
		s.Needed = max(1, s.limit(c.Rise, c.Fall)-s.Streak)
	}
	return s
}
