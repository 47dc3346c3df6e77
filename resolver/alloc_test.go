package resolver

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// kinds are queries of every kind that the query path tells apart.
func kinds() map[string]*dns.Msg {
	cookie := &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"}
	options := with(question("www.example.com.", dns.TypeA), cookie, &dns.EDNS0_NSID{Code: dns.EDNS0NSID}, &dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE})
	version := with(question("www.example.com.", dns.TypeA))
	version.IsEdns0().SetVersion(1)
	identity := question("version.bind.", dns.TypeTXT)
	identity.Question[0].Qclass = dns.ClassCHAOS
	malformed := with(question("www.geo.test.", dns.TypeA), &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: []byte{0, 9}})
	return map[string]*dns.Msg{
		"address":       question("www.example.com.", dns.TypeA),
		"NODATA":        question("www.example.com.", dns.TypePTR),
		"empty":         question("ent.wild.example.com.", dns.TypeA),
		"NXDOMAIN":      question("no.example.com.", dns.TypeA),
		"deep NXDOMAIN": question(longName("x", 240)+"example.com.", dns.TypeA),
		"wildcard":      question("any.wild.example.com.", dns.TypeA),
		"referral":      question("x.sub.example.com.", dns.TypeA),
		"DS":            question("sub.example.com.", dns.TypeDS),
		"DS at an apex": question("child.example.com.", dns.TypeDS),
		"MX":            question("example.com.", dns.TypeMX),
		"HTTPS":         question("svc.example.com.", dns.TypeHTTPS),
		"ANY":           question("example.com.", dns.TypeANY),
		"chain":         question("c1.example.com.", dns.TypeA),
		"loop":          question("loop1.example.com.", dns.TypeA),
		"other zone":    question("tonet.example.com.", dns.TypeA),
		"DNAME":         question("a.b.dname.example.com.", dns.TypeA),
		"YXDOMAIN":      question(strings.Repeat("a", 60)+".dlong.example.com.", dns.TypeA),
		"truncated":     question("big.example.com.", dns.TypeTXT),
		"REFUSED":       question("outside.test.", dns.TypeA),
		"SERVFAIL":      with(question("broken.test.", dns.TypeA)),
		"NOTIMP":        new(dns.Msg).SetNotify("example.com."),
		"BADVERS":       version,
		"FORMERR":       malformed,
		"options":       options,
		"cookie alone":  with(new(dns.Msg), cookie),
		"CH":            identity,
		"geo":           question("www.geo.test.", dns.TypeA),
		"geo subnet":    subnetted(question("www.geo.test.", dns.TypeA), "81.2.69.0/24"),
		"geo IPv6":      subnetted(question("www.geo.test.", dns.TypeAAAA), "2001:db9::/48"),
		"geo ANY":       question("www.geo.test.", dns.TypeANY),
		"geo NODATA":    question("www.geo.test.", dns.TypeMX),
		"geo wildcard":  subnetted(question("x.w.geo.test.", dns.TypeA), "81.2.69.0/24"),
		"geo pinned":    question("ny.geo.test.", dns.TypeA),
		"geo CNAME":     question("cdn.geo.test.", dns.TypeA),
		"geo chain":     question("alias2.geo.test.", dns.TypeA),
		"geo all down":  question("down.geo.test.", dns.TypeA),
	}
}

// A reply is written without allocation, whatever the question.
func TestNoAllocation(t *testing.T) {
	v := testView(t, &Options{NSID: []byte("here"), Version: "meridian", CookieSecrets: make([][16]byte, 2), IdleTimeout: 100})
	for kind, m := range kinds() {
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		for _, transport := range []Transport{UDP, TCP} {
			allocatesNothing(t, v, kind, wire, transport)
		}
	}
}

// allocatesNothing answers a query again and again, and gives the Scratch that
// tells of the last answer.
func allocatesNothing(t *testing.T, v *View, kind string, wire []byte, transport Transport) *Scratch {
	t.Helper()
	dst, s := make([]byte, maxTCP), new(Scratch)
	req := &Request{Msg: wire, Client: netip.MustParseAddrPort("8.8.8.8:53"), Transport: transport}
	answered := true
	if n := testing.AllocsPerRun(100, func() { answered = answered && v.Answer(dst, req, s) > 0 }); n != 0 || !answered {
		t.Errorf("%s over transport %d: %v allocations, answered %v", kind, transport, n, answered)
	}
	return s
}
