package healthcheck

import (
	"fmt"
	"slices"
	"time"
)

// Group is several checks of one thing, of which some must pass.
type Group struct {
	Slots []Slot // at least one
	Need  int    // how many must be up: 1 to len(Slots)
}

// State is the state that the group comes to. Checks that are not probed here have no
// say; Unknown counts as up.
//
//	up >= need   up + pending >= need   some probed   state
//	yes          -                      yes           Up; Unknown if it takes an Unknown one
//	no           yes                    yes           Pending
//	no           no                     yes           Down
//	-            -                      no            Unprobed
//
// It may flip as soon as enough of its checks may: Needed and Interval are those of
// the last one that it takes. LastError tells of every check that fails.
func (g Group) State(s *Snapshot) State {
	members := make([]State, 0, len(g.Slots))
	for _, slot := range g.Slots {
		members = append(members, s.State(slot))
	}
	out := State{Status: g.status(members)}
	for i, m := range members {
		out.Since, out.LastProbe = later(out.Since, m.Since), later(out.LastProbe, m.LastProbe)
		out.Latency = max(out.Latency, m.Latency)
		if m.HasLoad {
			out.Load, out.HasLoad = m.Load, true
		}
		if m.Held != NoHold && out.Status == Down {
			out.Held = m.Held
		}
		if m.LastError != "" && int(g.Slots[i]) < len(s.Targets) && g.Slots[i] >= 0 {
			out.LastError = join(out.LastError, fmt.Sprintf("%v: %s", s.Targets[g.Slots[i]], m.LastError))
		}
	}
	g.urgency(&out, members)
	return out
}

func join(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// count tells how many members have one of some statuses.
func count(members []State, of ...Status) int {
	n := 0
	for _, m := range members {
		if slices.Contains(of, m.Status) {
			n++
		}
	}
	return n
}

// need is how many must be up of those that are probed.
func (g Group) need(members []State) int {
	return min(g.Need, len(members)-count(members, Unprobed))
}

func (g Group) status(members []State) Status {
	need := g.need(members)
	switch {
	case need == 0:
		return Unprobed
	case count(members, Up) >= need:
		return Up
	case count(members, Up, Unknown) >= need:
		return Unknown
	case count(members, Up, Unknown, Pending) >= need:
		return Pending
	}
	return Down
}

// urgency sets how soon the group may flip: when as many members as stand between it
// and the other side have flipped.
func (g Group) urgency(out *State, members []State) {
	need, up := g.need(members), count(members, Up, Unknown, Pending)
	short := up - need + 1
	if out.Status == Down {
		short = need - up
	}
	var close []State
	for _, m := range members {
		if m.Needed > 0 && (m.Status == Down) == (out.Status == Down) {
			close = append(close, m)
		}
	}
	if len(close) < short || short < 1 {
		return
	}
	slices.SortFunc(close, func(a, b State) int { return int(a.wait() - b.wait()) })
	last := close[short-1]
	out.Streak, out.Needed, out.Interval = last.Streak, last.Needed, last.Interval
}

// wait is the time until a state may flip.
func (s State) wait() time.Duration { return time.Duration(s.Needed) * s.Interval }
