package resolver

import (
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// maxDenials is how many NSEC or NSEC3 RRsets an answer may need: one for the
// wildcard behind each CNAME, and the most that a negative answer takes.
const maxDenials = maxLinks + 4

// denial is an NSEC or NSEC3 RRset that goes into the authority section when
// all else that precedes it is written. The head of its owner's name is written
// out; the rest stands in the answer already.
type denial struct {
	zones.Denial
	head, rest int
}

// answers gives the state of the pool that a geo name is answered from and, in
// a zone signed here, the signatures of its answers.
func (v *View) answers(entry int, g *geoName) (*steer.State, *geoTable) {
	if v.signed == nil || len(v.signed[entry]) == 0 {
		return v.steer, nil
	}
	t := &v.signed[entry][g.table]
	return t.state, t
}

// geoSignatures gives the signatures of an answer to whom wants them.
func (q *query) geoSignatures(t *geoTable, g *geoName, c *steer.Choice) []byte {
	if t == nil || !q.edns.do {
		return nil
	}
	return t.signatures(g.row, c.Variant)
}

// signingType tells the types that signing adds beside all others, a CNAME
// included (RFC 4034 section 2.5).
func (q *query) signingType() bool { return q.qtype == typeNSEC || q.qtype == typeRRSIG }

// ofSigning answers a query for such a type, if the name has it.
func (q *query) ofSigning(m zones.Match) bool {
	if q.qtype == typeRRSIG {
		return q.onlySignatures(m)
	}
	set, ok := q.zone.Find(m.Node, typeNSEC)
	if ok {
		q.give(m, set)
	}
	return ok
}

// onlySignatures answers a query for RRSIG with the signatures of the first
// RRset there is: as for ANY, all of them would make a large answer for nobody
// (RFC 8482). At a name where only a pool has data they are those of the pool's
// answer.
func (q *query) onlySignatures(m zones.Match) bool {
	for i := range q.zone.Sets(m.Node) {
		set := q.zone.At(m.Node, i)
		if set.SigCount() == 0 {
			continue
		}
		q.synthesized(m)
		if !q.putSignatures(set.Signatures(), set.TTL()) {
			q.tc = true
		}
		return true
	}
	ref, ttl, ok := q.zone.Geo(m.Node)
	if !ok || q.view.refs[q.entry][ref].bad {
		return false
	}
	return q.geoOnlySignatures(&q.view.refs[q.entry][ref], ttl, m)
}

func (q *query) geoOnlySignatures(g *geoName, ttl uint32, m zones.Match) bool {
	state, t := q.view.answers(q.entry, g)
	if t == nil {
		return false
	}
	if q.work.chain.n > 0 && q.edns.subnet.given() { // as any answer of a pool: see geo
		return true
	}
	c := &q.work.choice
	q.setClient(&q.work.client)
	state.Choose(c, g.ref, &q.work.client, steerType(typeANY, g.info), q.req.Random, &q.ahead.pool)
	switch c.Kind {
	case steer.NoData:
		return false
	case steer.ServFail: // as for any type that the pool has
		q.rcode = servFail
		return true
	}
	q.synthesized(m)
	if !q.putSignatures(t.signatures(g.row, c.Variant), c.TTL(ttl)) {
		q.tc = true
		return true
	}
	q.edns.subnet.scope = c.Scope
	return true
}

// putSignatures writes RRSIG RRs of the current name, or nothing.
func (q *query) putSignatures(sigs []byte, ttl uint32) bool {
	if q.n+len(sigs) > q.limit || q.base >= maxPointer {
		return false
	}
	at := q.n
	q.n += copy(q.out[at:], sigs)
	q.counts.add(sectionAnswer, q.stamp(at, ttl))
	return true
}

// synthesized notes that a name has the data of a wildcard, which needs a proof
// that nothing closer exists (RFC 4035 section 3.1.3.3).
func (q *query) synthesized(m zones.Match) {
	if m.Kind == zones.Wildcard && q.proves() {
		q.zone.DenyCloser(&q.work.proof, &q.name, m)
		q.collect()
	}
}

// denied notes the proof of a negative answer.
func (q *query) denied(rcode uint16, m zones.Match) {
	switch {
	case !q.proves():
		return
	case rcode == nxDomain:
		q.zone.DenyName(&q.work.proof, &q.name, m)
	default:
		q.zone.DenyType(&q.work.proof, &q.name, m)
	}
	q.collect()
}

// delegationSigner writes the DS RRset of a referral, or notes the proof that
// there is none (RFC 4035 section 3.1.4), and tells whether it fitted.
func (q *query) delegationSigner(m zones.Match) bool {
	if !q.proves() {
		return true
	}
	if ds, ok := q.zone.Find(m.Node, typeDS); ok {
		return q.put(sectionAuthority, ds, q.at(m.Label))
	}
	q.zone.DenyDS(&q.work.proof, &q.name, m)
	q.collect()
	return true
}

// proves tells whether the answer needs proofs.
func (q *query) proves() bool { return q.edns.do && q.zone.Signed() }

// collect takes over the proof of the current name. What of it stands in the
// answer is known now: a CNAME may lead on to another name and zone.
func (q *query) collect() {
	w := q.work
	for i := range w.proof.Len() {
		d := w.proof.At(i)
		if w.proofs == len(w.denial) || w.denied(d) {
			continue
		}
		head, rest := q.suffix(d.Owner())
		w.denial[w.proofs] = denial{*d, head, rest}
		w.proofs++
	}
	w.proof.Reset()
}

// denied tells whether an RRset is among the denials already.
func (w *work) denied(d *zones.Denial) bool {
	for i := range w.denial[:w.proofs] {
		if w.denial[i].RRset == d.RRset {
			return true
		}
	}
	return false
}

// suffix finds the longest end of a name of the zone that the current name ends
// in too: how many octets stand before it, and where it stands in the answer.
func (q *query) suffix(owner []byte) (head, rest int) {
	name := q.name.Wire()
	for i := range q.apex {
		tail := name[q.name.Offset(i):]
		head = len(owner) - len(tail)
		if head >= 0 && string(owner[head:]) == string(tail) && labelStart(owner, head) {
			return head, q.at(i)
		}
	}
	return len(owner) - len(name[q.name.Offset(q.apex):]), q.apexAt
}

// labelStart tells whether a label of a name starts at an offset.
func labelStart(name []byte, at int) bool {
	i := 0
	for i < at {
		i += 1 + int(name[i])
	}
	return i == at
}

// prove writes the proofs noted so far, each RRset whole with its signatures,
// and tells whether all fitted.
func (q *query) prove() bool {
	w := q.work
	for i := range w.denial[:w.proofs] {
		if !q.putDenial(&w.denial[i]) {
			q.tc = true
			w.proofs = 0
			return false
		}
	}
	w.proofs = 0
	return true
}

func (q *query) putDenial(d *denial) bool {
	if d.head == 0 {
		return q.put(sectionAuthority, d.RRset, d.rest)
	}
	wire, at := d.Secured(), q.n
	if at >= maxPointer && d.rest < maxPointer {
		return q.spellDenial(d, wire)
	}
	if at+d.head+len(wire) > q.limit || d.rest >= maxPointer {
		return false
	}
	q.n += copy(q.out[at:], d.Owner()[:d.head])
	first := q.n
	q.n += copy(q.out[first:], wire)
	put16(q.out, first, 0xc000|d.rest)
	q.own(first+rrHeader+u16(q.out, first+10), at)
	q.counts.add(sectionAuthority, d.Count()+d.SigCount())
	return true
}

// spellDenial writes an RRset of a proof where no pointer reaches: each RR spells
// its owner's head.
func (q *query) spellDenial(d *denial, wire []byte) bool {
	count := d.Count() + d.SigCount()
	if q.n+len(wire)+count*d.head > q.limit {
		return false
	}
	for len(wire) > 0 {
		size := rrHeader + u16(wire, 10)
		q.n += copy(q.out[q.n:], d.Owner()[:d.head])
		first := q.n
		q.n += copy(q.out[first:], wire[:size])
		put16(q.out, first, 0xc000|d.rest)
		wire = wire[size:]
	}
	q.counts.add(sectionAuthority, count)
	return true
}
