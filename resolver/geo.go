package resolver

import (
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// steers tells whether the pool of a GEO record answers the type asked for:
// addresses always, and every type where it holds nothing but CNAMEs.
func (g *geoName) steers(qtype int) bool {
	switch qtype {
	case typeA, typeAAAA, typeANY:
		return true
	}
	return g.info.OnlyCNAME
}

// setClient says for whom a geo name is answered.
func (q *query) setClient(c *steer.Client) {
	c.Resolver = q.req.Client.Addr()
	c.Subnet = q.edns.subnet.addr()
	c.Source = q.edns.subnet.source
	c.HasSubnet = q.edns.subnet.given()
}

// steerType is the type that a pool is asked for: ANY gets addresses of one
// family (RFC 8482).
func steerType(qtype int, info steer.Info) uint16 {
	switch {
	case qtype == typeANY && (info.A || !info.AAAA):
		return typeA
	case qtype == typeANY:
		return typeAAAA
	}
	return uint16(qtype)
}

// geo answers from a pool. When the query names a client and a CNAME led here,
// the answer ends with that CNAME: the resolver asks again for this name and
// gets a scope that belongs to it alone (RFC 7871 section 7.2.1).
func (q *query) geo(g *geoName, ttl uint32, m zones.Match) bool {
	if g.bad {
		q.rcode, q.ede = servFail, edeInvalidData
		return false
	}
	if q.work.chain.n > 0 && q.edns.subnet.given() {
		return false
	}
	state, table := q.view.answers(q.entry, g)
	c := &q.work.choice
	q.setClient(&q.work.client)
	state.Choose(c, g.ref, &q.work.client, steerType(q.qtype, g.info), q.req.Random, &q.ahead.pool)
	switch c.Kind {
	case steer.ServFail:
		q.rcode = servFail
	case steer.NoData:
		q.negative(noError, m)
	case steer.Alias:
		q.synthesized(m)
		return q.geoAlias(c, ttl, q.geoSignatures(table, g, c))
	default:
		q.synthesized(m)
		q.geoAddresses(c, ttl, q.geoSignatures(table, g, c))
	}
	return false
}

// geoAddresses copies the addresses that a pool chose and their signatures, and
// sets owner and TTL.
func (q *query) geoAddresses(c *steer.Choice, ttl uint32, sigs []byte) {
	at := q.n
	for _, part := range c.Parts[:c.N] {
		if q.n+len(part) > q.limit {
			q.n, q.tc = at, true
			return
		}
		q.n += copy(q.out[q.n:], part)
	}
	if q.n+len(sigs) > q.limit {
		q.n, q.tc = at, true
		return
	}
	q.n += copy(q.out[q.n:], sigs)
	q.edns.subnet.scope = c.Scope
	q.counts.add(sectionAnswer, q.stamp(at, c.TTL(ttl)))
	q.work.served = append(q.work.served, c.Servers()...)
}

// stamp sets owner and TTL of the RRs written from an offset on, and counts
// them. The original TTL in a signature stays what it is.
func (q *query) stamp(at int, ttl uint32) (rrs int) {
	for at < q.n {
		rr := (*[rrHeader]byte)(q.out[at:])
		put16(rr[:], 0, 0xc000|q.base)
		put32(rr[:], 6, ttl)
		at += rrHeader + u16(rr[:], 10)
		rrs++
	}
	return rrs
}

// geoAlias answers with the CNAME that a pool chose, and goes on from there.
func (q *query) geoAlias(c *steer.Choice, ttl uint32, sigs []byte) bool {
	at := q.n
	if !q.putCNAME(nil, c.Alias, c.TTL(ttl)) {
		q.tc = true
		return false
	}
	if q.n+len(sigs) > q.limit {
		q.n, q.tc = at, true
		q.counts.add(sectionAnswer, -1)
		return false
	}
	sigsAt := q.n
	q.n += copy(q.out[q.n:], sigs)
	q.counts.add(sectionAnswer, q.stamp(sigsAt, c.TTL(ttl)))
	q.edns.subnet.scope = c.Scope
	q.work.served = append(q.work.served, c.Servers()...)
	return q.rename(at + rrHeader)
}
