package resolver

import "github.com/meridian-dns/meridian/zones"

// maxLinks is how many CNAMEs an answer follows.
const maxLinks = 8

// chain remembers the owners of the CNAMEs of an answer, and the DNAMEs that
// some of them were made from.
type chain struct {
	n      int
	owners [maxLinks]struct {
		size int
		wire [zones.MaxName]byte
	}
	passed int
	dnames [maxLinks]struct {
		zone *zones.Zone
		node zones.NodeID
	}
}

func (c *chain) reset() { c.n, c.passed = 0, 0 }

// pass tells whether a DNAME is new to the answer: an RRset stands in it once.
func (c *chain) pass(zone *zones.Zone, node zones.NodeID) bool {
	for _, d := range c.dnames[:c.passed] {
		if d.zone == zone && d.node == node {
			return false
		}
	}
	c.dnames[c.passed].zone, c.dnames[c.passed].node = zone, node
	c.passed++
	return true
}

func (c *chain) add(name []byte) {
	o := &c.owners[c.n]
	o.size = copy(o.wire[:], name)
	c.n++
}

func (c *chain) has(name []byte) bool {
	for i := range c.owners[:c.n] {
		o := &c.owners[i]
		if string(o.wire[:o.size]) == string(name) {
			return true
		}
	}
	return false
}

// alias answers with a CNAME RRset and moves on to its target.
func (q *query) alias(set zones.RRset) bool {
	at := q.n
	if !q.put(sectionAnswer, set, q.base) {
		q.tc = true
		return false
	}
	split := zones.MaxName + 1
	if fixes := set.Fixes(); len(fixes) > 0 {
		split = int(fixes[0]) - rrHeader
	}
	q.work.chain.add(q.name.Wire())
	if set.Target(&q.name) != nil {
		return false
	}
	return q.follow(at+rrHeader, split)
}

// follow goes on with the name just taken into q.name, which stands at an
// offset of the answer and continues at the zone's apex from split on. A chain
// ends at an owner that it already holds, and at its longest; what it has so
// far is the answer.
func (q *query) follow(at, split int) bool {
	q.base, q.split, q.tail = at, split, q.apexAt
	return q.work.chain.n < maxLinks && !q.work.chain.has(q.name.Wire())
}

// redirect answers a name below a DNAME: the DNAME, and the CNAME made from it
// (RFC 6672 section 3.1).
func (q *query) redirect(m zones.Match) bool {
	set, _ := q.zone.Find(m.Node, typeDNAME)
	if q.work.chain.pass(q.zone, m.Node) && !q.put(sectionAnswer, set, q.at(m.Label)) {
		q.tc = true
		return false
	}
	if set.Target(&q.work.other) != nil {
		return false
	}
	head := q.name.Offset(m.Label)
	target := q.work.other.Wire()
	if head+len(target) > zones.MaxName {
		q.rcode = yxDomain
		return false
	}
	rdata := set.Wire()[rrHeader : rrHeader+len(target)]
	at, from := q.n, q.at(0)
	if !q.putCNAME(q.out[from:from+head], rdata, set.TTL()) {
		q.tc = true
		return false
	}
	return q.rename(at + rrHeader)
}

// rename moves on to the target of a CNAME that was written whole, at an
// offset of the answer, unless the CNAME itself was asked for.
func (q *query) rename(at int) bool {
	q.work.chain.add(q.name.Wire())
	if _, err := q.name.Set(q.out[at:q.n]); err != nil || q.qtype == typeCNAME {
		return false
	}
	return q.follow(at, zones.MaxName+1)
}
