package resolver

import (
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// query is one query on its way to an answer. The answer is written straight
// into out; names in it are referred to by where they stand there.
type query struct {
	view *View
	req  *Request
	work *work

	// The question and the EDNS part, as parsed.
	opcode int
	qtype  int
	qclass int
	qend   int // where the question ends, in the query and in the answer; headerSize if it has none
	edns   edns

	// The answer so far.
	out    []byte
	n      int // octets written
	limit  int // where records must end, so that OPT still fits
	counts tally
	rcode  uint16
	aa, tc bool
	ede    uint16 // extended error, 0 for none

	// The name being resolved: QNAME, then the targets of CNAMEs. Its octets
	// stand at base of the answer; from offset split of the name on they stand
	// at tail instead (the compressed apex), in turn whole or up to a pointer.
	base, split, tail int

	zone   *zones.Zone // nil: no zone here has the name
	entry  int         // of the zone in the view
	apex   int         // the label of name at which the zone's apex starts
	apexAt int         // where the zone's apex stands in the answer

	ahead ahead
	name  zones.Name // last: what is used of it then stands beside the rest
}

// work is what a query needs only while it is answered.
type work struct {
	chain  chain
	other  zones.Name
	proof  zones.Proof // of the current name
	proofs int         // in use
	denial [maxDenials]denial
	client steer.Client
	choice steer.Choice
	served []uint32 // numbers of the servers answered
}

// Answer writes the answer to a query into dst and returns its length; 0 means
// that the query must not be answered. It is Prepare and Write for one query.
func (v *View) Answer(dst []byte, req *Request, s *Scratch) int {
	s.one[0] = *req
	v.Prepare(s.one[:], s)
	return v.Write(dst, 0, s)
}

// Write writes the answer to query i of those prepared into dst and returns
// its length; 0 means that the query must not be answered. dst must hold 65,535
// octets, or 1,232 over UDP. It can be done once, and in the queries' order. See
// the package comment for what it may do. (RFC 1034 section 4.3.2 is its
// outline.)
func (v *View) Write(dst []byte, i int, s *Scratch) int {
	s.fetch(len(s.batch) + i) // for those behind it
	q := &s.batch[i]
	if !answerable(q.req.Msg) {
		return 0
	}
	q.open(dst)
	if q.rcode == noError && q.qend > headerSize {
		q.answer()
	}
	s.last = q
	return q.finish()
}

// begin resets everything that a stage may read before it is written.
func (q *query) begin(v *View, req *Request) {
	q.view, q.req = v, req
	q.opcode, q.qtype, q.qclass, q.qend = 0, 0, 0, headerSize
	q.edns = edns{}
	q.limit = 0
	q.counts = 0
	q.rcode, q.aa, q.tc, q.ede = noError, false, false, 0
	q.zone = nil
}

// read parses the query and finds the zone of QNAME.
func (q *query) read() {
	if !answerable(q.req.Msg) {
		return
	}
	q.rcode = q.parse()
	if q.rcode == noError && q.qend > headerSize && q.ordinary() {
		q.base, q.split = headerSize, zones.MaxName+1
		q.enter()
	}
}

// open begins the answer with header and question of the query.
func (q *query) open(dst []byte) {
	w := q.work
	q.out = dst
	q.n = copy(dst, q.req.Msg[:q.qend])
	w.chain.reset()
	w.proofs, w.served = 0, w.served[:0]
}

// answerable tells whether a message may be answered at all: a header, and QR
// clear, because answering responses could loop for ever.
func answerable(msg []byte) bool {
	return len(msg) >= headerSize && msg[2]&0x80 == 0
}

// ordinary tells a question that zones answer.
func (q *query) ordinary() bool {
	return q.qclass == classIN && q.qtype != typeAXFR && q.qtype != typeIXFR
}

// answer decides a well-formed question.
func (q *query) answer() {
	switch {
	case q.qclass == classCH:
		q.chaos()
	case !q.ordinary():
		q.rcode = refused
	default:
		q.resolve()
	}
}

// resolve answers QNAME, whose zone has been found, and then every name that a
// CNAME leads to.
func (q *query) resolve() {
	for q.zone != nil && q.lookup() {
		q.enter()
		q.seek()
	}
	if !q.tc {
		q.prove()
	}
}

// enter finds the zone of the current name. Without one QNAME is refused, and
// a chain of CNAMEs just ends: its rest is for others to answer.
func (q *query) enter() {
	q.zone = nil
	entry, apex, ok := q.findZone()
	switch first := q.base == headerSize; {
	case !ok && first:
		q.rcode = refused
	case !ok:
	case q.view.zones.Entry(entry).Zone == nil:
		if first {
			q.unusable(entry)
		}
	default:
		q.aa = true
		q.entry, q.zone = entry, q.view.zones.Entry(entry).Zone
		q.apex, q.apexAt = apex, q.at(apex)
	}
}

// unusable answers for a zone that is configured but has no good version.
func (q *query) unusable(entry int) {
	q.rcode, q.ede = servFail, edeInvalidData
	if q.view.zones.Entry(entry).Loading {
		q.ede = edeNotReady
	}
}

// findZone finds the zone with the longest apex. DS belongs to the parent side
// of a cut (RFC 4035 section 3.1.4.1), so at an apex the parent zone answers
// it if it is served here too. If that zone is not usable now, neither is the
// answer: NODATA from the child would deny what the parent may hold.
func (q *query) findZone() (entry, apex int, ok bool) {
	entry, apex, ok = q.view.zones.Find(&q.name, 0)
	if ok && apex == 0 && q.qtype == typeDS && q.name.Labels() > 0 {
		if e, a, above := q.view.zones.Find(&q.name, 1); above {
			return e, a, true
		}
	}
	return entry, apex, ok
}

// at is where label i of the current name stands in the answer. It may lie
// beyond split: DS at an apex is answered by the zone above.
func (q *query) at(i int) int {
	off := q.name.Offset(i)
	if off < q.split {
		return q.base + off
	}
	return q.tail + off - q.split
}

// lookup answers the current name from its zone, and tells whether a CNAME
// leads on to another name.
func (q *query) lookup() bool {
	m := q.ahead.zone.Lookup(&q.name, q.apex)
	switch m.Kind {
	case zones.Found, zones.Wildcard:
		return q.data(m)
	case zones.Delegation:
		if m.Label == 0 && q.qtype == typeDS {
			q.static(m)
			return false
		}
		q.referral(m)
	case zones.Redirect:
		return q.redirect(m)
	default:
		q.negative(nxDomain, m)
	}
	return false
}

// data answers from a node that owns the current name, itself or as the
// wildcard above it.
func (q *query) data(m zones.Match) bool {
	if q.signingType() && q.ofSigning(m) {
		return false
	}
	if ref, ttl, ok := q.zone.Geo(m.Node); ok {
		if g := &q.view.refs[q.entry][ref]; g.steers(q.qtype) {
			return q.geo(g, ttl, m)
		}
	}
	if set, ok := q.asked(m); ok {
		q.give(m, set)
		return false
	}
	if set, ok := q.zone.Find(m.Node, typeCNAME); ok {
		q.synthesized(m)
		return q.alias(set)
	}
	q.negative(noError, m)
	return false
}

// static answers with the RRset asked for, or with NODATA.
func (q *query) static(m zones.Match) {
	if set, ok := q.asked(m); ok {
		q.give(m, set)
		return
	}
	q.negative(noError, m)
}

// asked is the RRset asked for. ANY gets the first there is (RFC 8482 section
// 4.1).
func (q *query) asked(m zones.Match) (zones.RRset, bool) {
	if q.qtype == typeANY && q.zone.Sets(m.Node) > 0 {
		return q.zone.At(m.Node, 0), true
	}
	return q.zone.Find(m.Node, uint16(q.qtype))
}

// give answers with an RRset, and what belongs to it.
func (q *query) give(m zones.Match, set zones.RRset) {
	q.synthesized(m)
	at := q.n
	if !q.put(sectionAnswer, set, q.base) {
		q.tc = true
		return
	}
	if q.prove() {
		q.additional(set, at)
	}
}

// negative says that the name (nxDomain) or the type (noError) does not exist
// (RFC 2308 sections 2.1 and 2.2).
func (q *query) negative(rcode uint16, m zones.Match) {
	q.rcode = rcode
	if !q.put(sectionAuthority, q.zone.Negative(), q.apexAt) {
		q.tc = true
	}
	q.denied(rcode, m)
}

// referral points to the servers of a child zone.
func (q *query) referral(m zones.Match) {
	if q.work.chain.n == 0 {
		q.aa = false
	}
	ns, _ := q.zone.Find(m.Node, typeNS)
	at := q.n
	if !q.put(sectionAuthority, ns, q.at(m.Label)) {
		q.tc = true
		return
	}
	// Proofs of wildcards that led here, maybe through other zones, go before the glue too.
	if !q.delegationSigner(m) || !q.prove() {
		q.tc = true
		return
	}
	q.additional(ns, at)
}
