package zones

import (
	"strings"

	"github.com/miekg/dns"
)

// maxGeoTTL is the TTL in seconds above which a geo name is warned of: for so
// long resolvers keep sending users to a server that has died.
const maxGeoTTL = 300

func (c *checker) set(typ uint16) (tally, bool) {
	for _, t := range c.sets {
		if t.typ == typ {
			return t, true
		}
	}
	return tally{}, false
}

func (c *checker) at(i int) Pos { return c.recs[i].Pos }

func (c *checker) has(typ uint16) bool {
	_, ok := c.set(typ)
	return ok
}

// rules applies what holds within one owner; c.sets are its RRsets, and r is
// one of its records.
func (c *checker) rules(r *Record) {
	apex := r.Owner == c.origin
	for _, t := range c.sets {
		switch t.typ {
		case typeSOA:
			c.soaRules(t, apex)
		case typeCNAME:
			c.cnameRules(t)
		case typeDNAME:
			c.dnameRules(t, r.Owner)
		case typeNS:
			c.nsRules(t, r.Owner)
		case dns.TypeDS:
			c.dsRules(t, apex)
		case TypeGEO:
			c.geoRules(t, apex)
		case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3PARAM:
			c.foreign = c.foreign || apex
		}
	}
}

func (c *checker) soaRules(t tally, apex bool) {
	if !apex {
		c.rep.fail(c.at(t.first), "a SOA record that is not at the apex")
		return
	}
	if t.count > 1 {
		c.rep.fail(c.at(t.second), "a second SOA record; the first is in line %d", c.at(t.first).Line)
	}
	c.soa = t.first
}

func (c *checker) cnameRules(t tally) {
	if t.count > 1 {
		c.rep.fail(c.at(t.second), "a second CNAME record at one name; the first is in line %d", c.at(t.first).Line)
	}
	for _, other := range c.sets {
		switch other.typ {
		case typeCNAME, dns.TypeRRSIG, dns.TypeNSEC: // RFC 4034 section 2.5
		default:
			c.rep.fail(c.at(t.first), "a CNAME record beside other data at its name: %s in line %d", typeText(other.typ), c.at(other.first).Line)
			return
		}
	}
}

func (c *checker) dnameRules(t tally, owner string) {
	c.dnames = true
	if t.count > 1 {
		c.rep.fail(c.at(t.second), "a second DNAME record at one name; the first is in line %d", c.at(t.first).Line)
	}
	if owner != c.origin && c.has(typeNS) { // RFC 6672 section 2.3
		c.rep.fail(c.at(t.first), "a DNAME record beside NS, away from the apex")
	}
	if isWildcard(owner) {
		c.rep.warn(c.at(t.first), "a DNAME record at a wildcard redirects nothing (RFC 6672 section 3.3)")
	}
}

func (c *checker) nsRules(t tally, owner string) {
	if owner == c.origin {
		c.hasNS = true
		return
	}
	c.cuts = true
	if isWildcard(owner) { // RFC 4592 section 4.2 leaves it undefined
		c.rep.fail(c.at(t.first), "an NS record at a wildcard")
	}
}

func (c *checker) dsRules(t tally, apex bool) {
	switch {
	case apex:
		c.rep.fail(c.at(t.first), "a DS record at the apex: it belongs into the parent zone")
	case !c.has(typeNS):
		c.rep.fail(c.at(t.first), "a DS record without NS at its name")
	}
}

func (c *checker) geoRules(t tally, apex bool) {
	if t.count > 1 {
		c.rep.fail(c.at(t.second), "a second GEO record at one name; the first is in line %d", c.at(t.first).Line)
	}
	for _, other := range c.sets {
		if other.typ == typeA || other.typ == typeAAAA {
			c.rep.fail(c.at(t.first), "a GEO record beside %s in line %d: a name is either steered or fixed", typeText(other.typ), c.at(other.first).Line)
		}
	}
	if !apex && c.has(typeNS) {
		c.rep.fail(c.at(t.first), "a GEO record at a zone cut")
	}
	if ttl := c.recs[t.first].TTL; ttl > maxGeoTTL {
		c.rep.warn(c.at(t.first), "the TTL of a geo name, %d, is over %d: so long a dead server is still asked", ttl, maxGeoTTL)
	}
}

func isWildcard(owner string) bool { return strings.HasPrefix(owner, "\x01*") }
