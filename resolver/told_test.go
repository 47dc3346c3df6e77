package resolver

import (
	"bytes"
	"net"
	"net/netip"
	"strings"
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

// TestScratchTellsWho holds what a scratch tells of servers, question and client, of every kind of query in turn.
func TestScratchTellsWho(t *testing.T) {
	v := testView(t, &Options{})
	var s Scratch
	if s.Question() != nil || len(s.Servers()) != 0 || s.Client() != (steer.Client{}) {
		t.Error("something is told before the first query")
	}
	for kind, m := range kinds() {
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		req := &Request{Msg: wire, Client: netip.MustParseAddrPort("8.8.8.8:53")}
		dst := make([]byte, 1232)
		n := v.Answer(dst, req, &s)
		var r dns.Msg
		if err := r.Unpack(dst[:n]); err != nil {
			t.Fatal(err)
		}
		steered := strings.HasPrefix(kind, "geo") && len(r.Answer) > 0 && kind != "geo chain"
		if got := len(s.Servers()) > 0; steered != got && kind != "geo chain" {
			t.Errorf("%s: servers %v for\n%v", kind, s.Servers(), &r)
		}
		if q := s.Question(); len(q) > 0 && !bytes.Contains(wire, q) || len(q) == 0 != (len(m.Question) == 0) {
			t.Errorf("%s: question %q of %q", kind, q, wire)
		}
		if c := s.Client(); c.Resolver != req.Client.Addr() || c.HasSubnet != (kind == "geo subnet" || kind == "geo IPv6" || kind == "geo wildcard") {
			t.Errorf("%s: client %+v", kind, c)
		}
	}
	s.Forget()
	if s.Question() != nil || len(s.Servers()) != 0 {
		t.Error("something is told after Forget")
	}
}
