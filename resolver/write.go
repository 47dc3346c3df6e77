package resolver

import "github.com/meridian-dns/meridian/zones"

// Sections of a message, as counted in its header.
const (
	sectionQuestion = iota
	sectionAnswer
	sectionAuthority
	sectionAdditional
)

// maxPointer is the first offset that a compression pointer cannot name.
const maxPointer = 0x4000

// put writes an RRset, for those who want them with its signatures (RFC 4035
// section 3.1.1), whose owner stands at an offset of the answer. It writes all
// of it or, where it does not fit, nothing.
func (q *query) put(section int, set zones.RRset, owner int) bool {
	wire, count := set.Wire(), set.Count()
	if q.edns.do {
		wire, count = set.Secured(), count+set.SigCount()
	}
	at := q.n
	if at+len(wire) > q.limit || owner >= maxPointer {
		return false
	}
	copy(q.out[at:], wire)
	for _, fix := range set.Fixes() {
		put16(q.out, at+int(fix), 0xc000|q.apexAt)
	}
	q.n = at + len(wire)
	if owner != headerSize {
		q.own(at, owner)
	}
	q.counts.add(section, count)
	return true
}

// own points the owners of the RRs from an offset on to where their name is.
func (q *query) own(at, owner int) {
	for at < q.n {
		put16(q.out, at, 0xc000|owner)
		at += rrHeader + u16(q.out, at+10)
	}
}

// putCNAME writes a CNAME of the current name whose target is head and tail,
// one after the other, uncompressed.
func (q *query) putCNAME(head, tail []byte, ttl uint32) bool {
	at := q.n
	size := len(head) + len(tail)
	if at+rrHeader+size > q.limit || q.base >= maxPointer {
		return false
	}
	q.putHeader(at, q.base, typeCNAME, ttl, size)
	copy(q.out[at+rrHeader:], head)
	copy(q.out[at+rrHeader+len(head):], tail)
	q.n = at + rrHeader + size
	q.counts.add(sectionAnswer, 1)
	return true
}

// putHeader writes an RR up to its RDATA.
func (q *query) putHeader(at, owner, typ int, ttl uint32, size int) {
	put16(q.out, at, 0xc000|owner)
	put16(q.out, at+2, typ)
	put16(q.out, at+4, q.qclass)
	put32(q.out, at+6, ttl)
	put16(q.out, at+10, size)
}

// additional adds the addresses of the hosts that an RRset names, which stands
// at an offset of the answer. Glue that a referral needs goes first, and TC
// says when it did not fit (RFC 9471); the rest is left out silently.
func (q *query) additional(set zones.RRset, at int) {
	count := set.Additions()
	if count == 0 {
		return
	}
	for i := range count {
		if a := set.Addition(i); a.Glue && !q.addresses(q.zone, a.Node, at+a.At) {
			q.tc = true
			return
		}
	}
	for i := range count {
		if a := set.Addition(i); !a.Glue {
			q.host(set, a, at+a.At)
		}
	}
}

// host adds the addresses of a host, be it in this zone or in another that is
// served here.
func (q *query) host(set zones.RRset, a zones.Addition, at int) {
	if a.Local {
		q.addresses(q.zone, a.Node, at)
		return
	}
	if _, err := q.work.other.Set(set.Wire()[a.At:]); err != nil {
		return
	}
	entry, apex, ok := q.view.zones.Find(&q.work.other, 0)
	if !ok || q.view.zones.Entry(entry).Zone == nil {
		return
	}
	zone := q.view.zones.Entry(entry).Zone
	if m := zone.Lookup(&q.work.other, apex); m.Kind == zones.Found {
		q.addresses(zone, m.Node, at)
	}
}

// addresses adds the address RRsets of a node whose name stands at an offset
// of the answer, and tells whether all fitted.
func (q *query) addresses(zone *zones.Zone, id zones.NodeID, at int) bool {
	for _, typ := range [...]uint16{typeA, typeAAAA} {
		if set, ok := zone.Find(id, typ); ok && !q.put(sectionAdditional, set, at) {
			return false
		}
	}
	return true
}
