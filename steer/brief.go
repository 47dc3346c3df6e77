package steer

import (
	"runtime"
	"slices"

	"github.com/meridian-dns/meridian/geo"
)

// Brief is an Explanation in a few words.
type Brief struct {
	Pool    string // "" for none
	Server  string // the one that the reference is pinned to; "": the pool decides
	Place   geo.Place
	Rule    string // as written; "": none matches, or the reference is pinned
	Tier    int    // that serves, from 1 on; 0: none of the ranking, as Why says
	AllDown bool
	Why     string // in words, as Explanation.Pick
}

// Narrator gives explanations in brief, and many of them cheaply: it remembers what rankings come to. It must be told to
// Forget when it is not needed for a while, because it keeps the State that it was asked about last. It belongs to one
// goroutine.
type Narrator struct {
	state *State
	known map[rankedIn]verdict
	names []Seat // by Server.Number
	x     Explanation
}

// Seat is a server in a pool.
type Seat struct{ Pool, Server string }

// rankedIn is a ranking of a pool in a family.
type rankedIn struct {
	pool   int32
	family int
	rank   uint16
}

// verdict is what a ranking comes to while nothing changes.
type verdict struct {
	tier    int
	allDown bool
	why     string
}

// Forget lets go of the state.
func (n *Narrator) Forget() { n.state, n.known, n.names, n.x = nil, nil, nil, Explanation{} }

func (n *Narrator) turnTo(s *State) {
	if n.state == s {
		return
	}
	if n.state == nil || n.state.set != s.set {
		n.names = s.set.seats()
	}
	n.state, n.known = s, map[rankedIn]verdict{}
}

// Named tells which server of the state has a number; the zero Seat if none has.
func (n *Narrator) Named(s *State, number uint32) Seat {
	n.turnTo(s)
	if int(number) >= len(n.names) {
		return Seat{}
	}
	return n.names[number]
}

// seats are the servers of all pools by their numbers.
func (s *Set) seats() []Seat {
	var list []Seat
	for _, p := range s.pools {
		for _, servers := range [][]Server{p.Servers, p.Fallback} {
			for i := range servers {
				if more := int(servers[i].Number) + 1 - len(list); more > 0 {
					list = append(list, make([]Seat, more)...)
				}
				list[servers[i].Number] = Seat{p.Name, servers[i].Name}
			}
		}
	}
	return list
}

// Brief says how Answer decides for a client of the state, as Explain does.
func (n *Narrator) Brief(s *State, r Ref, c Client, qtype uint16) Brief {
	defer runtime.KeepAlive(s) // and with it the regions of its tables
	if !s.set.holds(r) {
		return Brief{}
	}
	n.turnTo(s)
	p := s.pools[r.Pool].pool
	b := Brief{Pool: p.Name}
	if r.Server >= 0 {
		b.Server, b.Why = p.Servers[r.Server].Name, pinnedText
		return b
	}
	family, ok := p.types.family(qtype)
	if !ok {
		b.Why = "the pool does not serve this type"
		return b
	}
	n.x = Explanation{Client: c}
	x := explainer{Explanation: &n.x, set: s.set, pool: p, health: s.health, family: family, duties: s.duties.of(int(r.Pool))}
	x.at = p.table.seat(&c, p.Pick == Sticky, nil)
	x.findPlace(x.lookedUp())
	if h := p.table.match.match(&x.Place); h != noRule {
		b.Rule = p.Rules[h.rule].Source
	}
	at := rankedIn{r.Pool, family, x.at.rank}
	v, known := n.known[at]
	if !known {
		v = x.verdict()
		n.known[at] = v
	}
	b.Place, b.Tier, b.AllDown, b.Why = x.Place, v.tier, v.allDown, v.why
	return b
}

func (x *explainer) verdict() verdict {
	x.decide()
	return verdict{1 + slices.IndexFunc(x.Tiers, func(t Tier) bool { return t.Serving }), x.AllDown, x.Pick}
}
