package resolver

import (
	"net"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// TestScratchTells holds what a scratch tells of the query answered last, and that nothing of it stays for the next.
func TestScratchTells(t *testing.T) {
	v := NewView(nil, zones.NewSet(nil), (&steer.Set{}).With(nil, nil), &Options{})
	var s Scratch
	for _, c := range []struct{ do, subnet bool }{{true, true}, {false, false}, {true, false}, {false, true}, {false, false}} {
		m := new(dns.Msg)
		m.SetQuestion("example.com.", dns.TypeMX)
		if c.do || c.subnet {
			m.SetEdns0(1232, c.do)
		}
		if c.subnet {
			m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(192, 0, 2, 0)})
		}
		msg, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		v.Answer(make([]byte, 1232), &Request{Msg: msg}, &s)
		if s.DO() != c.do || s.Subnet() != c.subnet || s.Type() != int(dns.TypeMX) {
			t.Errorf("%+v: DO %v, subnet %v, type %d", c, s.DO(), s.Subnet(), s.Type())
		}
	}
}
