package steer

import (
	"runtime"
	"slices"

	"github.com/meridian-dns/meridian/healthcheck"
)

// Force is a state that overrides those of a server's checks.
type Force uint8

const (
	Auto Force = iota // as the checks say
	ForceUp
	ForceDown
)

// Duty is what an operator makes of a server in a pool. Names pinned to the server do not mind it.
type Duty struct {
	// Drained: the server leaves the candidates of every ranking. Tiers, min_up, weights and all_down see only those
	// that are left. Where none is left in a family, the fallback answers if it has a server that is up or new, else
	// drains count for nothing there: a drain never takes a name away.
	Drained bool
	Force   Force  // counts for every address of the server
	Why     string // who, why and until when, for explanations
}

// Duties are those of every server, by Ref.Pool and then by place in Pool.Servers, those of Pool.Fallback behind
// them. A list that is short or missing says nothing of the rest.
type Duties [][]Duty

// of returns the duties of a pool, all of them idle if nothing is said of it.
func (d Duties) of(pool int) []Duty {
	if pool < len(d) {
		return d[pool]
	}
	return nil
}

// WithDuties is With under orders of an operator. Pools whose duties are those of prev keep the answers they have, too.
func (s *Set) WithDuties(prev *State, h *healthcheck.Snapshot, d Duties) *State {
	defer runtime.KeepAlive(s) // and with it the regions of its tables
	next := &State{set: s, health: h, duties: d, pools: make([]*answers, len(s.pools))}
	if prev != nil && prev.set == s {
		copy(next.pools, prev.pools)
		for i, slot := range s.slots {
			if vitalOf(prev.health, slot) != vitalOf(h, slot) {
				for _, user := range s.users[i] {
					next.pools[user] = nil
				}
			}
		}
		for i := range next.pools {
			if !slices.Equal(prev.duties.of(i), d.of(i)) {
				next.pools[i] = nil
			}
		}
	}
	for i, have := range next.pools {
		if have == nil {
			next.pools[i] = answer(s.pools[i], h, d.of(i))
		}
	}
	return next
}

// crew is servers with their levels in one family.
type crew struct {
	members []member
	duties  []Duty // as long as members
	levels  []level
	urgency []uint32 // seconds until a check flips, 0 never
	own     []level  // levels as if no server were drained
}

func newCrew(members []member, h *healthcheck.Snapshot, duties []Duty) crew {
	c := crew{
		members, make([]Duty, len(members)), make([]level, len(members)), make([]uint32, len(members)), make([]level, len(members)),
	}
	copy(c.duties, duties)
	for i := range members {
		if c.duties[i].Force == Auto {
			c.urgency[i] = members[i].urgency(h)
		}
	}
	return c
}

// newCrews makes the crews of a pool: its servers and its fallback.
func (p *pool) newCrews(h *healthcheck.Snapshot, duties []Duty) (own, spare crew) {
	n := min(len(duties), len(p.members))
	return newCrew(p.members, h, duties[:n]), newCrew(p.fallback, h, duties[n:])
}

// look finds the levels in a family.
func (c *crew) look(h *healthcheck.Snapshot, family int) {
	for i := range c.members {
		c.own[i] = c.level(h, family, i)
		c.levels[i] = c.own[i]
		if c.duties[i].Drained && c.own[i] != absent {
			c.levels[i] = drained
		}
	}
}

// level returns the level of a server in a family, drained or not.
func (c *crew) level(h *healthcheck.Snapshot, family, server int) level {
	m := &c.members[server]
	if m.alias == nil && len(m.addrs[family]) == 0 {
		return absent
	}
	if l := c.duties[server].Force.level(); l != absent {
		return l
	}
	return m.level(h, family)
}

// address returns the level of an address.
func (c *crew) address(h *healthcheck.Snapshot, family, server, i int) level {
	if l := c.duties[server].Force.level(); l != absent {
		return l
	}
	return c.members[server].address(h, family, i)
}

// level is the level that is forced; absent if none is.
func (f Force) level() level { return [...]level{absent, up, down}[f] }

// deserted says whether all servers of a ranking that have the family are drained.
func (c *crew) deserted(seq []uint16) bool {
	gone := false
	for _, s := range seq {
		switch l := c.levels[s&^tierEnd]; {
		case l > drained:
			return false
		case l == drained:
			gone = true
		}
	}
	return gone
}

// undrained is the crew as if no server were drained.
func (c *crew) undrained() *crew {
	u := *c
	u.levels = c.own
	return &u
}

// ready says whether some server is up or new.
func (c *crew) ready() bool {
	return slices.ContainsFunc(c.levels, func(l level) bool { return l >= pending })
}

// candidates returns the crew that a ranking is decided with.
//
//	all drained   all_down = fallback, and it has a server up or new   the crew
//	no            any                                                  as it is
//	yes           yes                                                  as it is: the fallback answers
//	yes           no                                                   as if none were drained
func (p *pool) candidates(seq []uint16, c, spare *crew) *crew {
	if c.deserted(seq) && !(p.AllDown == UseFallback && spare.ready()) {
		return c.undrained()
	}
	return c
}
