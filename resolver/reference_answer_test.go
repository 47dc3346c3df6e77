package resolver

import (
	"encoding/binary"
	"slices"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/steer"
)

// refLookup is one question on its way through the reference.
type refLookup struct {
	*refServer
	q    refQuery
	out  prediction
	name name // QNAME, then the targets of CNAMEs
	past []name
	late []dns.RR // proofs, which go behind the rest of the authority section
}

func (s *refServer) answer(q refQuery) *prediction {
	l := &refLookup{refServer: s, q: q, name: q.name}
	switch q.typ {
	case dns.TypeAXFR, dns.TypeIXFR:
		l.out.rcode = dns.RcodeRefused
		return &l.out
	}
	for l.step() {
		if len(l.past) == 8 || slices.Contains(l.past, l.name) {
			break
		}
	}
	if l.out.rcode == dns.RcodeServerFailure {
		l.out = prediction{rcode: dns.RcodeServerFailure}
		return &l.out
	}
	l.out.authority = append(l.out.authority, l.late...)
	return &l.out
}

// step answers the current name, and tells whether a CNAME leads on.
func (l *refLookup) step() bool {
	z, ok := l.zoneFor(l.name, l.q.typ)
	first := len(l.past) == 0
	switch {
	case !ok && first:
		l.out.rcode = dns.RcodeRefused
	case z == nil && first:
		l.out.rcode = dns.RcodeServerFailure
	}
	if z == nil {
		return false
	}
	if first {
		l.out.aa = true
	}
	at := z.walk(l.name)
	switch at.kind {
	case "found", "wildcard":
		return l.node(z, at)
	case "dname":
		return l.dname(z, at.node)
	case "delegation":
		l.delegation(z, at.node)
	default:
		l.negative(z, dns.RcodeNameError, at)
	}
	return false
}

func (l *refLookup) negative(z *refZone, rcode int, at outcome) {
	l.out.rcode = rcode
	l.out.authority = l.signed(z, z.apex, z.negative())
	l.deny(z, rcode, at)
}

// leave makes a link of the chain from the current name to another one.
func (l *refLookup) leave(target name) bool {
	l.past = append(l.past, l.name)
	l.name = target
	return true
}

// node answers from the records of a node, which stand for the current name.
func (l *refLookup) node(z *refZone, at outcome) bool {
	node := at.node
	if l.signingType(z, at) {
		return false
	}
	if g, ok := z.geo[node]; ok {
		if done, on := l.geo(z, g, at); done {
			return on
		}
	}
	if z.has(node, dns.TypeCNAME) && l.q.typ != dns.TypeCNAME && l.q.typ != dns.TypeANY {
		set := z.set(node, dns.TypeCNAME, l.name)
		l.out.answer = append(l.out.answer, l.signed(z, node, set)...)
		l.expand(z, at)
		return l.leave(nameOf(set[0].(*dns.CNAME).Target))
	}
	typ := l.q.typ
	if typ == dns.TypeANY { // RFC 8482 section 4.1: any one RRset; the lowest type
		for t := range z.data[node] {
			if typ == dns.TypeANY || t < typ {
				typ = t
			}
		}
	}
	set := z.set(node, typ, l.name)
	if len(set) == 0 {
		l.negative(z, dns.RcodeSuccess, at)
		return false
	}
	l.out.answer = append(l.out.answer, l.signed(z, node, set)...)
	l.expand(z, at)
	l.additional(z, set, "")
	return false
}

// dname makes a CNAME (RFC 6672 sections 2.2 and 3.1).
func (l *refLookup) dname(z *refZone, owner name) bool {
	set := z.set(owner, dns.TypeDNAME, owner)
	if !slices.ContainsFunc(l.out.answer, func(rr dns.RR) bool { return canon(rr) == canon(set[0]) }) {
		l.out.answer = append(l.out.answer, l.signed(z, owner, set)...)
	}
	target := l.name[:len(l.name)-len(owner)] + nameOf(set[0].(*dns.DNAME).Target)
	if len(target) > 255 {
		l.out.rcode = dns.RcodeYXDomain
		return false
	}
	l.out.answer = append(l.out.answer, &dns.CNAME{Hdr: l.header(dns.TypeCNAME, set[0].Header().Ttl), Target: target.String()})
	l.leave(target)
	return l.q.typ != dns.TypeCNAME
}

func (l *refLookup) header(typ uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: l.name.String(), Rrtype: typ, Class: dns.ClassINET, Ttl: ttl}
}

// delegation refers to the servers of a child zone, or answers DS at the cut.
func (l *refLookup) delegation(z *refZone, cut name) {
	if l.name == cut && l.q.typ == dns.TypeDS {
		set := z.set(cut, dns.TypeDS, cut)
		if len(set) == 0 {
			l.negative(z, dns.RcodeSuccess, outcome{"delegation", cut})
		}
		l.out.answer = append(l.out.answer, l.signed(z, cut, set)...)
		return
	}
	if len(l.past) == 0 {
		l.out.aa = false
	}
	l.out.authority = z.set(cut, dns.TypeNS, cut)
	if z.has(cut, dns.TypeDS) && z.sec != nil && l.q.do {
		l.out.authority = append(l.out.authority, l.signed(z, cut, z.set(cut, dns.TypeDS, cut))...)
	} else {
		l.denyDS(z, cut)
	}
	l.additional(z, z.set(cut, dns.TypeNS, cut), cut)
}

// hostOf is the name whose addresses are of use to whoever asked for a record.
// "." names no host (RFC 7505), but of a service it means the owner.
func hostOf(rr dns.RR) (host name, ok bool) {
	switch rr := rr.(type) {
	case *dns.NS:
		host = nameOf(rr.Ns)
	case *dns.MX:
		host = nameOf(rr.Mx)
	case *dns.SRV:
		host = nameOf(rr.Target)
	}
	if service, is := svcb(rr); is {
		if host = nameOf(service.Target); host == root && service.Priority > 0 { // RFC 9460 section 2.5.2
			return nameOf(service.Hdr.Name), true
		}
	}
	return host, host != root && host != ""
}

func svcb(rr dns.RR) (*dns.SVCB, bool) {
	switch rr := rr.(type) {
	case *dns.SVCB:
		return rr, true
	case *dns.HTTPS:
		return &rr.SVCB, true
	}
	return nil, false
}

// additional collects addresses of hosts that an RRset names; those below the
// cut of a referral are its glue.
func (l *refLookup) additional(z *refZone, set []dns.RR, cut name) {
	done := map[name]bool{}
	for _, rr := range set {
		host, ok := hostOf(rr)
		if !ok || done[host] {
			continue
		}
		done[host] = true
		addrs := l.addresses(z, l.hostNode(z, rr, host), host)
		if cut != "" && host.in(cut) {
			l.out.glue = append(l.out.glue, addrs...)
		} else {
			l.out.extra = append(l.out.extra, addrs...)
		}
	}
}

// hostNode is the node that has a host's records: the host's own, or the
// wildcard that a service with the target "." itself comes from.
func (l *refLookup) hostNode(z *refZone, rr dns.RR, host name) name {
	at := z.walk(nameOf(rr.Header().Name))
	if service, ok := svcb(rr); ok && service.Target == "." && at.kind == "wildcard" {
		return at.node
	}
	return host
}

// addresses are those of node, for a host: in the zone that names it, or else
// with authority.
func (l *refLookup) addresses(z *refZone, node, host name) []dns.RR {
	if !node.in(z.apex) {
		other, ok := l.zoneFor(node, 0)
		if !ok || other == nil || other.walk(node).kind != "found" {
			return nil
		}
		z = other
	}
	return append(l.signed(z, node, z.set(node, dns.TypeA, host)), l.signed(z, node, z.set(node, dns.TypeAAAA, host))...)
}

// geo answers a GEO name: done tells that it did, on that a CNAME leads on.
// Which servers it answers with is the business of steer and its tests.
func (l *refLookup) geo(z *refZone, g refGeo, at outcome) (done, on bool) {
	ref, err := l.steer.Find(g.ref)
	if err != nil {
		l.out.rcode = dns.RcodeServerFailure
		return true, false
	}
	info, typ := l.steer.Set().Info(ref), l.q.typ
	if typ == dns.TypeANY {
		if typ = dns.TypeA; !info.A && info.AAAA {
			typ = dns.TypeAAAA
		}
	}
	if typ != dns.TypeA && typ != dns.TypeAAAA && !info.OnlyCNAME {
		return false, false
	}
	if l.q.tellsOne && len(l.past) > 0 { // RFC 7871 section 7.2.1
		return true, false
	}
	c := l.steer.Answer(ref, steer.Client{
		Resolver: l.q.client, Subnet: l.q.subnet, Source: uint8(max(l.q.source, 0)), HasSubnet: l.q.tellsOne,
	}, typ, l.q.random)
	switch c.Kind {
	case steer.ServFail:
		l.out.rcode = dns.RcodeServerFailure
	case steer.NoData:
		l.negative(z, dns.RcodeSuccess, at)
	case steer.Alias:
		l.out.scope = int(c.Scope)
		target := lowered(string(c.Alias))
		l.out.answer = append(l.out.answer, &dns.CNAME{Hdr: l.header(dns.TypeCNAME, c.TTL(g.ttl)), Target: target.String()})
		l.out.answer = append(l.out.answer, l.geoSigned(z, at.node, dns.TypeCNAME, g.ttl, c.TTL(g.ttl))...)
		l.expand(z, at)
		l.leave(target)
		return true, l.q.typ != dns.TypeCNAME
	default:
		l.out.scope = int(c.Scope)
		for _, part := range c.Parts[:c.N] {
			l.addressRecords(part, c.TTL(g.ttl))
		}
		l.out.answer = append(l.out.answer, l.geoSigned(z, at.node, typ, g.ttl, c.TTL(g.ttl))...)
		l.expand(z, at)
	}
	return true, false
}

// addressRecords reads records of steer's wire form.
func (l *refLookup) addressRecords(wire []byte, ttl uint32) {
	for len(wire) > 0 {
		typ, size := binary.BigEndian.Uint16(wire[2:]), binary.BigEndian.Uint16(wire[10:])
		data := slices.Clone(wire[12 : 12+size])
		if typ == dns.TypeA {
			l.out.answer = append(l.out.answer, &dns.A{Hdr: l.header(typ, ttl), A: data})
		} else {
			l.out.answer = append(l.out.answer, &dns.AAAA{Hdr: l.header(typ, ttl), AAAA: data})
		}
		wire = wire[12+size:]
	}
}
