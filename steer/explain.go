package steer

import (
	"net/netip"
	"runtime"
	"slices"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
)

// Explanation is why a client gets an answer. Every field is found by the functions that made the tables and
// the answers, over the same data.
type Explanation struct {
	Ref         string // "web" or "web/ny"
	Pinned      bool   // the reference names one server: no client, rule, ranking or health
	Type        uint16
	Client      Client
	HealthKnown bool

	Notes    []string     // how the client came to be looked up under Address, one sentence each
	Address  netip.Addr   // what was looked up
	Place    geo.Place    // what decided
	Mixed    bool         // the block holds several places, and Place is one that has the ranking chosen
	Location geo.Location // what the database says of Address, for people; zero without a database

	Ruled bool   // a rule matched
	Rule  string // as written
	Token string // of it, that matched
	Group string // the group the token came from, if any
	Fence bool

	Tiers    []Tier
	AllDown  bool
	Fallback bool // the answer comes from the pool's fallback servers, which stand in Spare
	Spare    []Standing
	Pick     string       // in words
	Answer   []string     // addresses, or one CNAME target; with Weighted all that may be drawn, with their shares
	Choice   Choice       // as the query path gives it; Weighted draws anew
	Unrest   []string     // the servers of the ranking with an unsettled check
	Scope    netip.Prefix // valid if the reply carries a scope over 0
}

// Tier is a tier of the client's ranking.
type Tier struct {
	Serving bool
	Servers []Standing
}

// Standing is a server with all that counts for or against it.
type Standing struct {
	Name      string
	Measured  bool // both places are known
	KM        float64
	Level     string // in the family asked for: "up", "pending", "down", "drained", "absent"
	Duty      Duty
	Picked    bool // it is in Answer
	Addresses []Vitals
}

// Vitals is an address, or a CNAME target, and the state of its check.
type Vitals struct {
	Name    string
	Checked bool
	State   healthcheck.State
}

// Explain says how Answer decides for a client. Type 0 is A, or AAAA where there is no A.
func (s *State) Explain(r Ref, c Client, qtype uint16) Explanation {
	defer runtime.KeepAlive(s) // and with it the regions of its tables
	if !s.set.holds(r) {
		return Explanation{Ref: "?", Type: qtype, Client: c, Choice: Choice{Kind: ServFail}}
	}
	p := s.pools[r.Pool].pool
	if qtype == 0 {
		qtype = s.set.Info(r).first()
	}
	e := Explanation{Ref: p.Name, Type: qtype, Client: c, HealthKnown: s.health != nil}
	e.Choice = s.Answer(r, c, qtype, 0)
	if r.Server >= 0 {
		e.pinned(p, r.Server, s.health)
		return e
	}
	if family, ok := p.types.family(qtype); ok {
		x := explainer{Explanation: &e, set: s.set, pool: p, health: s.health, family: family, duties: s.duties.of(int(r.Pool))}
		x.explain()
	}
	return e
}

// first is the type a query for ANY, or for nothing, is answered with.
func (i Info) first() uint16 {
	if !i.A && i.AAAA {
		return typeAAAA
	}
	return typeA
}

const pinnedText = "this server whatever its health: the name is pinned to it"

func (e *Explanation) pinned(p *pool, server int32, h *healthcheck.Snapshot) {
	sv := &p.Servers[server]
	e.Ref, e.Pinned = p.Name+"/"+sv.Name, true
	e.Pick = pinnedText
	family := 0
	if e.Type == typeAAAA {
		family = 1
	}
	e.Spare = []Standing{{Name: sv.Name, Addresses: vitals(sv, h, family), Picked: true}}
	e.Answer = answerText(e.Choice)
}

// explainer walks the steps of an answer again.
type explainer struct {
	*Explanation
	set    *Set
	pool   *pool
	health *healthcheck.Snapshot
	duties []Duty
	family int
	at     seat
	from   point    // of the place
	drawn  []uint16 // the servers Weighted draws from
}

func (x *explainer) explain() {
	x.at = x.pool.table.seat(&x.Client, x.pool.Pick == Sticky, nil)
	at := x.lookedUp()
	x.findPlace(at)
	if x.set.db != nil && !at.blind && !x.Place.Special {
		x.Location = x.set.db.Locate(x.Address)
	}
	x.matchRule()
	x.decide()
	x.unrest()
	if x.Choice.Scope > 0 {
		x.Scope = netip.PrefixFrom(x.Client.Subnet, int(x.Choice.Scope)).Masked()
	}
}

// lookedUp returns where the client was found and notes how it came to that.
func (x *explainer) lookedUp() spot {
	t := x.pool.table
	if x.Client.subnet() {
		at := spotOf(x.Client.Subnet, x.Client.Source)
		x.note(x.Client.Subnet, at, "the client subnet")
		if t.find(at) != ask {
			return at
		}
		x.Notes = append(x.Notes, "special-purpose space that no rule names: answered for the resolver's address")
	}
	at := spotOf(x.Client.Resolver, 128)
	x.note(x.Client.Resolver, at, "the resolver's address")
	if t.find(at) == ask {
		x.Notes = append(x.Notes, "the resolver's address is special-purpose space that no rule names: an unknown place")
		at.blind = true
	}
	return at
}

func (x *explainer) note(a netip.Addr, at spot, whose string) {
	x.Address = embedded(a, at)
	switch {
	case at.blind:
		x.Notes = append(x.Notes, "of "+whose+" too little is given to find the IPv4 address inside")
	case at.base > 0:
		x.Notes = append(x.Notes, "the IPv4 address inside "+whose+" counts")
	}
}

// embedded returns the IPv4 address that spotOf found inside an IPv6 address.
func embedded(a netip.Addr, at spot) netip.Addr {
	b := a.As16()
	switch {
	case at.blind || at.base == 0:
		return a
	case at.base == 96:
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return netip.AddrFrom4([4]byte(b[2:6]))
}

// findPlace finds what decided: the place of the block, or of a mix the first that has the ranking chosen.
func (x *explainer) findPlace(at spot) {
	t, part := x.pool.table, x.set.part
	id := t.place(at)
	if n := geo.PlaceID(len(part.Places)); id >= n {
		x.Mixed = true
		for _, p := range part.Mixes.At(int(id - n)) {
			if id = p.Place; t.rank[id] == x.at.rank {
				break
			}
		}
	}
	x.Place = part.Places[id]
	x.from = placePoint(&x.Place)
}

func (x *explainer) matchRule() {
	h := x.pool.table.match.match(&x.Place)
	if h == noRule {
		return
	}
	r := &x.pool.Rules[h.rule]
	x.Ruled, x.Rule, x.Fence = true, r.Source, r.Fence
	x.Token, x.Group = r.Tokens[h.token].String(), r.Tokens[h.token].Group
}

// decide goes from the ranking to the answer.
func (x *explainer) decide() {
	all, spare := x.pool.newCrews(x.health, x.duties)
	all.look(x.health, x.family)
	spare.look(x.health, x.family)
	seq := x.pool.table.list.at(x.at.rank)
	c := x.pool.candidates(seq, &all, &spare)
	d := x.pool.decide(seq, c, &spare)
	x.AllDown, x.Fallback = d.allDown, d.fallback
	x.Answer = answerText(x.Choice)
	own, other := &crewList{x.pool.Servers, c}, &crewList{x.pool.Fallback, &spare}
	who := own
	if d.fallback {
		who = other
	}
	if x.pool.Pick == Weighted && d.kind == Addresses {
		x.drawn = x.pool.choose(nil, d.serving, who.crew)
		x.Answer = who.shares(x.drawn)
	}
	x.standTiers(seq, &d, own, who)
	serving := 1 + slices.IndexFunc(x.Tiers, func(t Tier) bool { return t.Serving })
	x.Pick = x.pool.pickText(&d, serving, len(appendFit(nil, d.tier, d.least, who.crew)))
	if d.fallback {
		x.Spare = x.standings(d.tier, other, who)
	}
}

// crewList is servers and their levels.
type crewList struct {
	servers []Server
	*crew
}

func (x *explainer) standTiers(seq []uint16, d *decision, own, who *crewList) {
	for from, to := 0, 0; from < len(seq); from = to {
		to = tierStop(seq, from)
		serving := !d.fallback && len(d.tier) > 0 && &d.tier[0] == &seq[from]
		x.Tiers = append(x.Tiers, Tier{serving, x.standings(seq[from:to], own, who)})
	}
}

// standings describes the servers of a tier; only those of who can be in the answer.
func (x *explainer) standings(tier []uint16, of, who *crewList) []Standing {
	var out []Standing
	for _, i := range tier {
		i &^= tierEnd
		sv := &of.servers[i]
		s := Standing{Name: sv.Name, Level: of.levels[i].String(), Duty: of.duties[i], Addresses: vitals(sv, x.health, x.family)}
		if at := sv.point(); at.known && x.from.known {
			s.Measured, s.KM = true, kilometres(x.from.chord(at))
		}
		s.Picked = of == who && x.picked(i, s.Addresses)
		out = append(out, s)
	}
	return out
}

// picked says whether a server is in the answer, or one of those that are drawn from.
func (x *explainer) picked(server uint16, addresses []Vitals) bool {
	if x.pool.Pick == Weighted {
		return slices.Contains(x.drawn, server)
	}
	return slices.ContainsFunc(addresses, func(a Vitals) bool { return slices.Contains(x.Answer, a.Name) })
}

// vitals returns the checks of a server that count in a family.
func vitals(s *Server, h *healthcheck.Snapshot, family int) []Vitals {
	if s.CNAME != "" {
		return []Vitals{{"CNAME " + plain(s.CNAME), s.Slot != healthcheck.NoCheck, stateOf(h, s.Slot)}}
	}
	var out []Vitals
	for _, a := range s.Addrs {
		if familyOf(a) == family {
			out = append(out, Vitals{a.Addr.String(), a.Slot != healthcheck.NoCheck, stateOf(h, a.Slot)})
		}
	}
	return out
}

func stateOf(h *healthcheck.Snapshot, slot healthcheck.Slot) healthcheck.State {
	if h == nil {
		return healthcheck.State{Status: healthcheck.Unknown}
	}
	return h.State(slot)
}

// unrest names the servers for whose checks the TTL is lowered.
func (x *explainer) unrest() {
	c, _ := x.pool.newCrews(x.health, x.duties)
	for _, i := range x.pool.table.list.at(x.at.rank) {
		if c.urgency[i&^tierEnd] > 0 {
			x.Unrest = append(x.Unrest, x.pool.Servers[i&^tierEnd].Name)
		}
	}
}
