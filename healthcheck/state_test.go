package healthcheck

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var errBad = errors.New("bad")

// expected is the status after a history of results ('+' good, '-' bad), said in
// another way than Step does: the last run of equal results that was long enough
// decides; before any was, the first result.
func expected(history string, rise, fall int) Status {
	if history == "" {
		return Unknown
	}
	need := map[byte]int{'+': rise, '-': fall}
	verdict := map[byte]Status{'+': Up, '-': Down}
	for end := len(history); end > 0; {
		start := end
		for start > 0 && history[start-1] == history[end-1] {
			start--
		}
		if start == 0 || end-start >= need[history[end-1]] {
			return verdict[history[end-1]]
		}
		end = start
	}
	return Unknown
}

// expectedNeeded counts how many contrary results would flip the status; 0 if the
// last result agreed with it.
func expectedNeeded(history string, rise, fall int) int {
	status := expected(history, rise, fall)
	contrary := map[Status]string{Up: "-", Down: "+"}[status]
	if contrary == "" || !strings.HasSuffix(history, contrary) {
		return 0
	}
	for n := 1; ; n++ {
		if expected(history+strings.Repeat(contrary, n), rise, fall) != status {
			return n
		}
	}
}

func result(c rune) error {
	if c == '+' {
		return nil
	}
	return errBad
}

func TestStepEveryShortHistory(t *testing.T) {
	for rise := 1; rise <= 4; rise++ {
		for fall := 1; fall <= 4; fall++ {
			walkHistories(t, "", State{}, rise, fall)
		}
	}
}

// walkHistories checks every history of up to ten results that begins with this one.
func walkHistories(t *testing.T, history string, before State, rise, fall int) {
	if len(history) == 10 {
		return
	}
	for _, c := range "+-" {
		longer := history + string(c)
		s := before.Step(result(c), Check{Rise: rise, Fall: fall}, time.Time{})
		status, needed := expected(longer, rise, fall), expectedNeeded(longer, rise, fall)
		if s.Status != status || s.Needed != needed || (s.Streak == 0) != (needed == 0) {
			t.Fatalf("%s rise %d fall %d: %+v, want %v needed %d", longer, rise, fall, s, status, needed)
		}
		walkHistories(t, longer, s, rise, fall)
	}
}

func TestStepFirstResultDecides(t *testing.T) {
	for _, from := range []Status{Unknown, Pending, Unprobed} {
		nine := Check{Rise: 9, Fall: 9}
		if s := (State{Status: from}).Step(nil, nine, time.Time{}); s.Status != Up || s.Needed != 0 {
			t.Errorf("%v, good: %+v", from, s)
		}
		if s := (State{Status: from}).Step(errBad, nine, time.Time{}); s.Status != Down || s.Needed != 0 {
			t.Errorf("%v, bad: %+v", from, s)
		}
	}
}

func TestRetuned(t *testing.T) {
	for _, c := range []struct {
		s          State
		rise, fall int
		needed     int
	}{
		{State{Status: Up}, 5, 5, 0},
		{State{Status: Up, Streak: 2, Needed: 1}, 2, 5, 3},
		{State{Status: Up, Streak: 2, Needed: 3}, 2, 2, 1},
		{State{Status: Up, Streak: 4, Needed: 1}, 2, 1, 1},
		{State{Status: Down, Streak: 1, Needed: 1}, 4, 1, 3},
	} {
		s := c.s.retuned(Check{Rise: c.rise, Fall: c.fall})
		if s.Needed != c.needed || s.Streak != c.s.Streak || s.Status != c.s.Status {
			t.Errorf("%+v under rise %d fall %d: %+v", c.s, c.rise, c.fall, s)
		}
		for n := s.Needed; n > 0; n-- {
			if s.Status != c.s.Status {
				t.Errorf("%+v under rise %d fall %d flipped %d results early", c.s, c.rise, c.fall, n)
			}
			s = s.Step(map[Status]error{Up: errBad}[c.s.Status], Check{Rise: c.rise, Fall: c.fall}, time.Time{})
		}
		if c.needed > 0 && s.Status == c.s.Status {
			t.Errorf("%+v under rise %d fall %d did not flip", c.s, c.rise, c.fall)
		}
	}
}
