package resolver

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/steer"
)

// This file and reference_answer_test.go are a nameserver as the RFCs describe
// one: maps of records, read by another parser, walked from the apex down,
// without regard to speed. The tests hold the real one against it.

// name is a domain name in wire form and lower case; "\x00" is the root.
type name string

const root name = "\x00"

func nameOf(text string) name {
	var wire [256]byte
	n, err := dns.PackDomainName(dns.Fqdn(text), wire[:], 0, nil, false)
	if err != nil {
		panic(fmt.Sprintf("%q: %v", text, err))
	}
	return lowered(string(wire[:n]))
}

// lowered is a name in wire form with ASCII letters in lower case. Octets that
// tell lengths are below them.
func lowered(wire string) name {
	b := []byte(wire)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return name(b)
}

func (n name) parent() name { return n[1+n[0]:] }

// in tells whether n is z or below it.
func (n name) in(z name) bool {
	for ; n != z; n = n.parent() {
		if n == root {
			return false
		}
	}
	return true
}

// down lists the names from z to n, both included.
func (n name) down(z name) []name {
	if n == z {
		return []name{z}
	}
	return append(n.parent().down(z), n)
}

func (n name) String() string {
	text, _, err := dns.UnpackDomainName([]byte(n), 0)
	if err != nil {
		panic(fmt.Sprintf("%q: %v", string(n), err))
	}
	return text
}

// refZone holds the records of a zone by owner and type. A name that exists
// has an entry, be it an empty one (RFC 4592 section 2.2.2).
type refZone struct {
	apex name
	sec  *refSigned // nil: not signed
	data map[name]map[uint16][]dns.RR
	geo  map[name]refGeo
}

type refGeo struct {
	ref string
	ttl uint32
}

// refServer serves zones; one that is nil has no usable version.
type refServer struct {
	zones map[name]*refZone
	steer *steer.State
}

// geoRecord finds GEO records, which the library cannot read, in zone text.
var geoRecord = regexp.MustCompile(`(?m)(\s)GEO[ \t]+(\S+)`)

// add reads the text of a zone.
func (s *refServer) add(t testing.TB, origin, text string) {
	t.Helper()
	text = geoRecord.ReplaceAllStringFunc(text, func(m string) string {
		ref := geoRecord.FindStringSubmatch(m)[2]
		return fmt.Sprintf(" TYPE65380 \\# %d %02x%x", len(ref)+1, len(ref), ref)
	})
	z := &refZone{apex: nameOf(origin), data: map[name]map[uint16][]dns.RR{}, geo: map[name]refGeo{}}
	p := dns.NewZoneParser(strings.NewReader(text), dns.Fqdn(origin), "")
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		z.add(t, rr)
	}
	if err := p.Err(); err != nil {
		t.Fatalf("%s: %v\n%s", origin, err, text)
	}
	s.zones[z.apex] = z
}

func (z *refZone) add(t testing.TB, rr dns.RR) {
	h := rr.Header()
	owner := nameOf(h.Name)
	if h.Ttl > 1<<31-1 { // RFC 2181 section 8
		h.Ttl = 0
	}
	for n := owner; ; n = n.parent() {
		if z.data[n] == nil {
			z.data[n] = map[uint16][]dns.RR{}
		}
		if n == z.apex {
			break
		}
	}
	if h.Rrtype == 65380 {
		b, err := hex.DecodeString(rr.(*dns.RFC3597).Rdata)
		if err != nil {
			t.Fatal(err)
		}
		z.geo[owner] = refGeo{string(b[1:]), h.Ttl}
		return
	}
	set := append(z.data[owner][h.Rrtype], rr)
	z.data[owner][h.Rrtype] = set
	for _, other := range set { // one TTL, the lowest (RFC 2181 section 5.2)
		low := min(h.Ttl, other.Header().Ttl)
		h.Ttl, other.Header().Ttl = low, low
	}
}

func (z *refZone) exists(n name) bool { return z.data[n] != nil }

func (z *refZone) has(n name, typ uint16) bool { return len(z.data[n][typ]) > 0 }

// set gives an RRset under another owner: a wildcard's records take QNAME's
// (RFC 4592 section 2.2.1).
func (z *refZone) set(n name, typ uint16, owner name) (rrs []dns.RR) {
	for _, rr := range z.data[n][typ] {
		rrs = append(rrs, owned(rr, owner))
	}
	return rrs
}

func owned(rr dns.RR, owner name) dns.RR {
	rr = dns.Copy(rr)
	rr.Header().Name = owner.String()
	return rr
}

// negative is the SOA RRset of a negative answer (RFC 2308 sections 3 and 5).
func (z *refZone) negative() []dns.RR {
	soa := dns.Copy(z.data[z.apex][dns.TypeSOA][0]).(*dns.SOA)
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	soa.Hdr.Name = z.apex.String()
	return []dns.RR{soa}
}

// refQuery is a question and who asks it.
type refQuery struct {
	name     name
	typ      uint16
	client   netip.Addr
	subnet   netip.Addr // its source address, if given
	source   int        // SOURCE PREFIX-LENGTH, -1 without the option
	random   uint64
	tellsOne bool // the option names a client: SOURCE is not 0
	do       bool
}

// prediction is what a reply must hold.
type prediction struct {
	rcode     int
	aa        bool
	answer    []dns.RR // in order
	authority []dns.RR
	glue      []dns.RR // additional addresses that a referral needs (RFC 9471)
	extra     []dns.RR // other additional addresses
	scope     int
}

// zoneFor finds the zone that answers for a name: the longest apex, but the
// parent's for DS (RFC 4035 section 3.1.4.1).
func (s *refServer) zoneFor(n name, typ uint16) (*refZone, bool) {
	if _, apex := s.zones[n]; apex && typ == dns.TypeDS && n != root {
		if z, ok := s.zoneFor(n.parent(), 0); ok {
			return z, true
		}
	}
	for ; ; n = n.parent() {
		if z, ok := s.zones[n]; ok {
			return z, true
		}
		if n == root {
			return nil, false
		}
	}
}

// outcome is what the walk down a zone ends at.
type outcome struct {
	kind string // "found", "wildcard", "delegation", "dname" or "none"
	node name   // whose records count
}

// walk goes from the apex towards a name, label by label (RFC 1034 section
// 4.3.2 step 3, RFC 6672 section 3.2).
func (z *refZone) walk(n name) outcome {
	path := n.down(z.apex)
	for i, node := range path {
		last := i == len(path)-1
		switch {
		case node != z.apex && z.has(node, dns.TypeNS):
			return outcome{"delegation", node}
		case last:
			return outcome{"found", node}
		case z.has(node, dns.TypeDNAME):
			return outcome{"dname", node}
		case z.exists(path[i+1]):
		case z.exists("\x01*" + node):
			return outcome{"wildcard", "\x01*" + node}
		default:
			return outcome{"none", node}
		}
	}
	panic("a path without an end")
}
