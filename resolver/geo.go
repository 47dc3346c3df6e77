package resolver

import (
	"encoding/binary"

	"github.com/meridian-dns/meridian/steer"
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

// client says for whom a geo name is answered.
func (q *query) client() steer.Client {
	return steer.Client{
		Resolver:  q.req.Client.Addr(),
		Subnet:    q.edns.subnet.addr,
		Source:    q.edns.subnet.source,
		HasSubnet: q.edns.subnet.given(),
	}
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
func (q *query) geo(g *geoName, ttl uint32) bool {
	if g.bad {
		q.rcode, q.ede = servFail, edeInvalidData
		return false
	}
	if q.work.chain.n > 0 && q.edns.subnet.given() {
		return false
	}
	c := q.view.steer.Answer(g.ref, q.client(), steerType(q.qtype, g.info), q.req.Random)
	switch c.Kind {
	case steer.ServFail:
		q.rcode = servFail
	case steer.NoData:
		q.negative(noError)
	case steer.Alias:
		return q.geoAlias(&c, ttl)
	default:
		q.geoAddresses(&c, ttl)
	}
	return false
}

// geoAddresses copies the addresses that a pool chose, and sets owner and TTL.
func (q *query) geoAddresses(c *steer.Choice, ttl uint32) {
	at := q.n
	for _, part := range c.Parts[:c.N] {
		if q.n+len(part) > q.limit {
			q.n, q.tc = at, true
			return
		}
		q.n += copy(q.out[q.n:], part)
	}
	q.edns.subnet.scope = c.Scope
	ttl = c.TTL(ttl)
	owner := uint16(0xc000 | q.base)
	for ; at < q.n; at += rrHeader + u16(q.out, at+10) {
		binary.BigEndian.PutUint16(q.out[at:], owner)
		put32(q.out, at+6, ttl)
	}
	q.counts[sectionAnswer] += c.RRs
}

// geoAlias answers with the CNAME that a pool chose, and goes on from there.
func (q *query) geoAlias(c *steer.Choice, ttl uint32) bool {
	at := q.n
	if !q.putCNAME(nil, c.Alias, c.TTL(ttl)) {
		q.tc = true
		return false
	}
	q.edns.subnet.scope = c.Scope
	return q.rename(at + rrHeader)
}
