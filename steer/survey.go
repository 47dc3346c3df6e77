package steer

import (
	"math"
	"slices"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
)

// Survey says what clients in any place are sent to, for maps: by the same steps that make rankings and answers, but
// for places that no address need be in. Not safe for concurrent use.
type Survey struct {
	pool       *pool
	ranker     *ranker
	health     *healthcheck.Snapshot
	own, spare crew
	family     int
	rule       int32    // that of the last place
	seq        []uint16 // its ranking; nil: there was none
	last       settled
	picked     []uint16
	sight      Sight
}

// Sight is what the clients of a place get. Slices are good until the next one.
type Sight struct {
	Kind    Kind // Addresses, also where the answer is a CNAME, or what all_down says
	AllDown bool
	Spare   bool      // the servers are those of Pool.Fallback, else of Pool.Servers
	Servers []int     // in the answer, or that it is drawn from, in its order
	Shares  []float64 // how often each is the one for a client; together 1
	KM      []float64 // to each; NaN where it has no location, or the place none
}

// Standpoint is a server as a survey finds it.
type Standpoint struct {
	*Server
	Level string // "up", "pending", "down", "drained", "absent" (nothing in the family)
	Spare bool   // of Pool.Fallback
}

// Survey looks at a pool, in the family that it is mostly asked for: IPv4, or IPv6 where there is no other. Servers
// whose names are in down count as down whatever their checks say. It is nil for a reference of another set, and for
// pinned ones.
func (s *State) Survey(r Ref, down []string) *Survey {
	if !s.set.holds(r) || r.Server >= 0 {
		return nil
	}
	p := s.pools[r.Pool].pool
	duties := make([]Duty, len(p.Servers)+len(p.Fallback))
	copy(duties, s.duties.of(int(r.Pool)))
	for i := range duties {
		if sv := p.nth(i); slices.Contains(down, sv.Name) {
			duties[i].Force = ForceDown
		}
	}
	v := &Survey{pool: p, ranker: newRanker(newOrdering(p.Pool)), health: s.health}
	v.own, v.spare = p.newCrews(s.health, duties)
	v.family, _ = p.types.family(s.set.Info(r).first())
	v.own.look(s.health, v.family)
	v.spare.look(s.health, v.family)
	return v
}

// nth is a server of the pool, those of the fallback behind its own.
func (p *Pool) nth(i int) *Server {
	if i < len(p.Servers) {
		return &p.Servers[i]
	}
	return &p.Fallback[i-len(p.Servers)]
}

// Pool is what is surveyed. Read only.
func (v *Survey) Pool() *Pool { return v.pool.Pool }

// Standpoints lists the servers of the pool and behind them those of its fallback.
func (v *Survey) Standpoints() []Standpoint {
	var list []Standpoint
	for i := range v.pool.Servers {
		list = append(list, Standpoint{&v.pool.Servers[i], v.own.levels[i].String(), false})
	}
	for i := range v.spare.members {
		list = append(list, Standpoint{&v.pool.Fallback[i], v.spare.levels[i].String(), true})
	}
	return list
}

// At looks from a place.
func (v *Survey) At(p *geo.Place) *Sight {
	from := placePoint(p)
	if rule := v.pool.table.match.match(p).rule; v.seq == nil || rule != v.rule || !v.last.holds(from) {
		v.seq, v.rule = v.ranker.rank(rule, from), rule
		v.last = settled{at: from, reach: v.ranker.reach()}
	}
	c := v.pool.candidates(v.seq, &v.own, &v.spare)
	d := v.pool.decide(v.seq, c, &v.spare)
	v.sight = Sight{d.kind, d.allDown, d.fallback, v.sight.Servers[:0], v.sight.Shares[:0], v.sight.KM[:0]}
	if d.kind != Addresses {
		return &v.sight
	}
	servers := v.pool.Servers
	if d.fallback {
		c, servers = &v.spare, v.pool.Fallback
	}
	v.picked = v.pool.choose(v.picked[:0], d.serving, c)
	v.see(servers, c, from)
	return &v.sight
}

// see tells of the servers picked.
func (v *Survey) see(servers []Server, c *crew, from point) {
	s, total := &v.sight, 0.0
	for _, i := range v.fitting(c) {
		sv, share, km := &servers[i], 1.0, math.NaN()
		if v.pool.Pick == Weighted || v.pool.Pick == Sticky {
			share = float64(max(sv.Weight, 1))
		}
		if at := sv.point(); at.known && from.known {
			km = kilometres(from.chord(at))
		}
		total += share
		s.Servers, s.Shares, s.KM = append(s.Servers, int(i)), append(s.Shares, share), append(s.KM, km)
	}
	for i := range s.Shares {
		s.Shares[i] /= total
	}
}

// fitting is those of the servers picked that have an address in the answer: All gives so many addresses and no more.
func (v *Survey) fitting(c *crew) []uint16 {
	room := maxAll
	if v.pool.Pick == All {
		room = v.pool.limit()
	}
	for n, s := range v.picked {
		if room <= 0 {
			return v.picked[:n]
		}
		for i := range c.members[s].addrs[v.family] {
			if c.address(v.health, v.family, int(s), i) >= c.levels[s] {
				room--
			}
		}
	}
	return v.picked
}
