package nameserver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
)

// standing is what all checks and orders come to, server by server and pool by pool.
type standing struct {
	plan   *Plan
	health *healthcheck.Snapshot
	duties steer.Duties
}

// servers lists every server of the configuration, in its order.
func (s *standing) servers() []admin.Server {
	list := make([]admin.Server, len(s.plan.Config.Servers))
	index := map[string]int{}
	for i := range list {
		c := &s.plan.Config.Servers[i]
		index[c.Name] = i
		list[i] = admin.Server{Name: c.Name, Site: c.Site, State: "unused", Pools: []string{}}
	}
	tallies := make([]tally, len(list))
	s.each(func(p *steer.Pool, m *steer.Server, d steer.Duty, _ bool) {
		i := index[m.Name]
		list[i].Pools = append(list[i].Pools, p.Name)
		t := &tallies[i]
		t.pools++
		t.duty(d)
		eachSlot(m, func(slot healthcheck.Slot) { t.add(slot, s.plan, s.health) })
	})
	for i := range list {
		tallies[i].tell(&list[i])
	}
	return list
}

// each calls f for every server of every pool, those of the fallback with spare set.
func (s *standing) each(f func(p *steer.Pool, m *steer.Server, d steer.Duty, spare bool)) {
	for i := range s.plan.Pools {
		p := &s.plan.Pools[i]
		for j := range p.Servers {
			f(p, &p.Servers[j], s.duty(i, j), false)
		}
		for j := range p.Fallback {
			f(p, &p.Fallback[j], s.duty(i, len(p.Servers)+j), true)
		}
	}
}

func (s *standing) duty(pool, place int) steer.Duty {
	if pool < len(s.duties) && place < len(s.duties[pool]) {
		return s.duties[pool][place]
	}
	return steer.Duty{}
}

// eachSlot calls f for the checks of a server.
func eachSlot(m *steer.Server, f func(healthcheck.Slot)) {
	if m.CNAME != "" {
		f(m.Slot)
	}
	for _, a := range m.Addrs {
		f(a.Slot)
	}
}

// tally counts the checks of a server, each once.
type tally struct {
	seen                              []healthcheck.Slot
	up, down, open, unprobed, without int
	pools, drained, forcedUp, forced  int
	since                             time.Time
	reason, error                     string
}

func (t *tally) add(slot healthcheck.Slot, p *Plan, h *healthcheck.Snapshot) {
	if slices.Contains(t.seen, slot) {
		return
	}
	t.seen = append(t.seen, slot)
	st := h.State(slot)
	switch {
	case slot == healthcheck.NoCheck:
		t.without++
		return
	case st.Status == healthcheck.Up:
		t.up++
	case st.Status == healthcheck.Down:
		t.down++
		t.error = cmp.Or(t.error, why(slot, &st, p))
	case st.Status == healthcheck.Unprobed:
		t.unprobed++
		return
	default:
		t.open++
	}
	if st.Streak > 0 {
		t.error = cmp.Or(t.error, streak(&st))
	}
	if st.Since.After(t.since) {
		t.since = st.Since
	}
}

// streak says how near a check is to a change.
func streak(st *healthcheck.State) string {
	if st.Status == healthcheck.Up {
		return fmt.Sprintf("failing, down after %d more: %s", st.Needed, st.LastError)
	}
	return fmt.Sprintf("well again, up after %d more", st.Needed)
}

// why says why a check, or several together, is down.
func why(slot healthcheck.Slot, st *healthcheck.State, p *Plan) string {
	text := st.LastError
	if int(slot) < len(p.Targets) && text != "" { // groups name their targets themselves
		text += " (" + p.Targets[slot].String() + ")"
	}
	if st.Held != healthcheck.NoHold {
		text = strings.TrimPrefix(text+", "+st.Held.String(), ", ")
	}
	return text
}

func (t *tally) duty(d steer.Duty) {
	if d.Drained {
		t.drained++
	}
	switch d.Force {
	case steer.ForceUp:
		t.forcedUp++
	case steer.ForceDown:
		t.forced++
	}
	t.reason = cmp.Or(t.reason, d.Why)
}

// tell sums up.
//
//	pools  up   down  other        state
//	none   -    -     -            unused
//	some   0    0     none         unchecked
//	some   0    0     some         unknown
//	some   any  0     any          up
//	some   0    any   any          down
//	some   any  any   any          part
func (t *tally) tell(s *admin.Server) {
	switch {
	case t.pools == 0:
		return
	case t.up > 0 && t.down > 0:
		s.State = "part"
	case t.up > 0:
		s.State = "up"
	case t.down > 0:
		s.State = "down"
	case t.open+t.unprobed > 0:
		s.State = "unknown"
	default:
		s.State = "unchecked"
	}
	s.Since = t.since
	s.Order = t.order()
	s.Reason = cmp.Or(t.reason, t.error)
}

// order is what orders make of the server in every pool, or in some.
func (t *tally) order() string {
	word, n := "drained", t.drained
	switch {
	case n > 0:
	case t.forcedUp > 0:
		word, n = "forced up", t.forcedUp
	case t.forced > 0:
		word, n = "forced down", t.forced
	default:
		return ""
	}
	if n < t.pools {
		return "partly " + word
	}
	return word
}

// pools lists every pool. A server of it is up if it would be healthy in some family.
func (s *standing) pools() []admin.Pool {
	list := make([]admin.Pool, len(s.plan.Pools))
	index := map[string]int{}
	for i := range s.plan.Pools {
		list[i].Name = s.plan.Pools[i].Name
		list[i].Answers = []admin.Answers{}
		index[list[i].Name] = i
	}
	s.each(func(p *steer.Pool, m *steer.Server, d steer.Duty, spare bool) {
		if spare {
			return
		}
		o := &list[index[p.Name]]
		o.Servers++
		switch {
		case d.Drained:
			o.Drained++
		case s.fit(m, d):
			o.Up++
		}
	})
	for i := range list {
		switch o := &list[i]; {
		case o.Up == o.Servers:
			o.State = "up"
		case o.Up > 0:
			o.State = "reduced"
		default:
			o.State = "down"
		}
	}
	return list
}

// fit says whether a server counts as up.
func (s *standing) fit(m *steer.Server, d steer.Duty) bool {
	switch d.Force {
	case steer.ForceUp:
		return true
	case steer.ForceDown:
		return false
	}
	fit, bad := false, false
	eachSlot(m, func(slot healthcheck.Slot) {
		switch s.health.State(slot).Status {
		case healthcheck.Up, healthcheck.Unknown:
			fit = true
		case healthcheck.Down, healthcheck.Pending:
			bad = true
		}
	})
	return fit || !bad
}
