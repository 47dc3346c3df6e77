package steer

import (
	"math"
	"math/bits"
	"runtime"
)

// Answer gives what Choose chooses.
func (s *State) Answer(r Ref, c Client, qtype uint16, rnd uint64) (ch Choice) {
	s.Choose(&ch, r, &c, qtype, rnd, nil)
	return ch
}

// Choose puts into ch what a client gets for a type at a reference. It allocates nothing, takes no lock and reads
// no clock. rnd is a fresh random number; Weighted draws from it. ahead is how far the search for the client has come, or
// nil. A reference of another set, which no caller should have, is answered with ServFail.
//
//	reference   the pool          type            answer
//	pinned      any               any             the server's addresses, or its CNAME; scope 0
//	pool        nothing but CNAME any             the CNAME of the client's ranking
//	pool        any other         one that exists the addresses, or the CNAME, of the client's ranking
//	pool        any other         another         NoData, scope 0
func (s *State) Choose(ch *Choice, r Ref, c *Client, qtype uint16, rnd uint64, ahead *Ahead) {
	defer runtime.KeepAlive(s) // and with it the regions of its tables
	ch.reset()
	if !s.set.holds(r) {
		ch.Kind = ServFail
		return
	}
	a := s.pools[r.Pool]
	if r.Server >= 0 {
		a.pool.pinned(ch, r.Server, qtype)
		return
	}
	family, ok := a.pool.types.family(qtype)
	if !ok {
		ch.Kind = NoData
		return
	}
	at := a.pool.table.seat(c, a.pool.Pick == Sticky, ahead)
	a.choose(ch, family, at, rnd)
}

// reset empties a choice. Parts keep what no longer counts: they are long, and written at every query.
func (ch *Choice) reset() {
	ch.Kind, ch.N, ch.RRs, ch.Alias = Addresses, 0, 0, nil
	ch.Scope, ch.Cap, ch.AllDown, ch.TTLMin, ch.Variant = 0, 0, false, 0, 0
	ch.servers, ch.nDrawn = nil, 0
}

// family returns the index of the answers for a type; false if the type does not exist at the pool.
func (t *types) family(qtype uint16) (int, bool) {
	switch {
	case t.alias:
		return 0, true
	case qtype == typeA:
		return 0, t.has[0]
	case qtype == typeAAAA:
		return 1, t.has[1]
	}
	return 0, false
}

// choose reads the answer of a seat. Without data there is no scope: RFC 7871 section 7.4, and check sees to
// it that such an answer is every client's.
func (a *answers) choose(ch *Choice, family int, at seat, rnd uint64) {
	x := &a.list[a.byRank[family][at.rank]]
	ch.Kind, ch.Scope, ch.Cap, ch.AllDown, ch.TTLMin = x.kind, at.scope, x.until, x.allDown, a.pool.TTLMin
	switch {
	case x.kind == Alias:
		ch.Alias, ch.Variant, ch.servers = a.bytes(x.wire), x.variant, a.named(x.servers)
	case x.kind != Addresses:
		ch.Scope = 0
	case x.from == x.to:
		ch.Parts[0], ch.N, ch.RRs, ch.Variant = a.bytes(x.wire), 1, int(x.rrs), x.variant
		ch.servers = a.named(x.servers)
	default:
		d := draw{from: a.candidates[x.from:x.to], client: at.key, rnd: rnd, sticky: a.pool.Pick == Sticky}
		a.fill(ch, &d, a.pool.limit())
		if a.pool.several() {
			ch.Variant = x.variant + a.pool.choices.rank(d.taken[:d.n])
		}
	}
}

// fill picks n candidates. A CNAME picked first is the whole answer; after an address it is passed over.
func (a *answers) fill(ch *Choice, d *draw, n int) {
	for ch.N < n {
		i := d.next()
		if i < 0 {
			return
		}
		c := &d.from[i]
		ch.drawn[ch.nDrawn] = c.number
		ch.nDrawn++
		if c.alias {
			ch.Kind, ch.Alias, ch.Variant = Alias, a.bytes(c.wire), c.alone
			return
		}
		ch.Parts[ch.N], ch.Variant = a.bytes(c.wire), c.alone
		ch.N++
		ch.RRs += int(c.rrs)
		d.onlyAddresses = true
	}
}

// draw picks candidates one after the other, none twice.
type draw struct {
	from          []candidate
	taken         [maxParts]int
	n             int // of taken
	client, rnd   uint64
	sticky        bool
	onlyAddresses bool
}

// next returns the index of the candidate picked, or -1 if none is left.
func (d *draw) next() int {
	i := -1
	if d.sticky {
		i = d.rendezvous()
	} else {
		i = d.byWeight()
	}
	if i >= 0 && d.n < len(d.taken) {
		d.taken[d.n] = i
		d.n++
	}
	return i
}

func (d *draw) out(i int) bool {
	for _, t := range d.taken[:d.n] {
		if t == i {
			return true
		}
	}
	return d.onlyAddresses && d.from[i].alias
}

// share is the weight a candidate is drawn with; where all weigh nothing they are alike, since a tier with
// others has dropped them.
func (c *candidate) share() uint64 { return max(uint64(c.weight), 1) }

// byWeight draws in proportion to the weights of those that are left.
func (d *draw) byWeight() int {
	var total uint64
	for i := range d.from {
		if !d.out(i) {
			total += d.from[i].share()
		}
	}
	d.rnd += 0x9e3779b97f4a7c15 // splitmix64: each draw has a number of its own
	at, _ := bits.Mul64(scramble(d.rnd), total)
	for i := range d.from {
		if d.out(i) {
			continue
		}
		if w := d.from[i].share(); at < w {
			return i
		} else {
			at -= w
		}
	}
	return -1
}

// rendezvous picks the candidate with the highest score for the client, so that a server that leaves takes
// only its own clients along (Thaler and Ravishankar 1998; weights as by Schindelhauer and Schomaker 2005:
// -ln(u)/w is exponentially distributed with rate w, and the least of such is each with probability w/total).
func (d *draw) rendezvous() int {
	best, least := -1, math.Inf(1)
	for i := range d.from {
		if d.out(i) {
			continue
		}
		c := &d.from[i]
		u := (float64(scramble(d.client^c.hash)>>11) + 0.5) / (1 << 53)
		if score := -math.Log(u) / float64(c.share()); score < least {
			best, least = i, score
		}
	}
	return best
}

// pinned answers one server whatever its health.
func (p *pool) pinned(ch *Choice, server int32, qtype uint16) {
	m := &p.members[server]
	family := 0
	if qtype == typeAAAA {
		family = 1
	}
	switch n := len(m.addrs[family]); {
	case m.alias != nil:
		ch.Kind, ch.Alias, ch.servers = Alias, m.alias, m.number
	case n > 0 && (qtype == typeA || qtype == typeAAAA):
		ch.Parts[0], ch.N, ch.RRs, ch.servers = m.all[family], 1, n, m.number
		if family == 1 && len(m.addrs[0]) > 0 {
			ch.Variant = 1
		}
	default:
		ch.Kind = NoData
	}
}
