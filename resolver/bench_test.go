package resolver

import (
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

func BenchmarkAnswer(b *testing.B) {
	v := testView(b, &Options{})
	for name, m := range map[string]*dns.Msg{
		"static":     question("www.example.com.", dns.TypeA),
		"nxdomain":   question("no.such.name.example.com.", dns.TypeA),
		"wildcard":   question("any.wild.example.com.", dns.TypeA),
		"referral":   question("x.sub.example.com.", dns.TypeA),
		"chain":      question("c1.example.com.", dns.TypeA),
		"dname":      question("www.dname.example.com.", dns.TypeA),
		"geo":        question("www.geo.test.", dns.TypeA),
		"geo-subnet": subnetted(question("www.geo.test.", dns.TypeA), "81.2.69.0/24"),
	} {
		wire, err := m.Pack()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			dst, s := make([]byte, maxUDP), new(Scratch)
			req := &Request{Msg: wire, Client: netip.MustParseAddrPort("8.8.8.8:53")}
			b.ReportAllocs()
			for b.Loop() {
				if v.Answer(dst, req, s) == 0 {
					b.Fatal("no answer")
				}
			}
		})
	}
}
