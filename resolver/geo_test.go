package resolver

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// Clients in three places get the nearest server, with the scope of the
// ranking used; without a client subnet the resolver's address counts.
func TestGeoNames(t *testing.T) {
	a := newAsker(t, &Options{})
	cases := []struct {
		name, subnet string
		typ          uint16
		want         string
		geo          bool // the scope is that of a ranking
	}{
		{"www.geo.test.", "81.2.69.0/24", dns.TypeA, "203.0.113.10", true},
		{"www.geo.test.", "8.8.8.0/24", dns.TypeA, "198.51.100.10", true},
		{"www.geo.test.", "1.1.1.0/24", dns.TypeA, "192.0.2.10", true},
		{"www.geo.test.", "81.2.69.0/24", dns.TypeAAAA, "2001:db8:2::10", true},
		{"www.geo.test.", "81.2.69.0/24", dns.TypeANY, "203.0.113.10", true},
		{"www.geo.test.", "81.2.69.0/24", dns.TypeMX, "", false},
		{"www.geo.test.", "81.2.69.0/24", 65380, "", false},
		{"geo.test.", "8.8.8.0/24", dns.TypeA, "198.51.100.10", true},
		{"any.w.geo.test.", "81.2.69.0/24", dns.TypeA, "203.0.113.10", true},
		{"ny.geo.test.", "81.2.69.0/24", dns.TypeA, "198.51.100.10", false},
		{"v4.geo.test.", "81.2.69.0/24", dns.TypeAAAA, "", false},
		{"alias.geo.test.", "81.2.69.0/24", dns.TypeA, "www.geo.test.", false},
		{"alias2.geo.test.", "81.2.69.0/24", dns.TypeA, "alias.geo.test. www.geo.test.", false},
		{"cdn.geo.test.", "81.2.69.0/24", dns.TypeA, "target.geo.test. 192.0.2.99", false},
		{"cdn.geo.test.", "81.2.69.0/24", dns.TypeMX, "target.geo.test.", false},
		{"mix.geo.test.", "81.2.69.0/24", dns.TypeA, "203.0.113.10", true},
		{"mix.geo.test.", "8.8.8.0/24", dns.TypeA, "target.geo.test. 192.0.2.99", true},
		{"mix.geo.test.", "8.8.8.0/24", dns.TypeCNAME, "", false},
	}
	for _, c := range cases {
		r := a.ask(subnetted(question(c.name, c.typ), c.subnet))
		if r.Rcode != dns.RcodeSuccess || addresses(r) != c.want || !r.Authoritative {
			t.Errorf("%s %s from %s: %s %q, want %q", c.name, dns.Type(c.typ), c.subnet, dns.RcodeToString[r.Rcode], addresses(r), c.want)
		}
		if s := scope(r); c.geo != (s > 0) || s < 0 {
			t.Errorf("%s %s from %s: scope %d", c.name, dns.Type(c.typ), c.subnet, s)
		}
		if len(r.Answer) > 0 && r.Answer[0].Header().Name != c.name {
			t.Errorf("%s: owner %s", c.name, r.Answer[0].Header().Name)
		}
	}
}

func TestGeoWithoutSubnet(t *testing.T) {
	a := newAsker(t, &Options{})
	for client, want := range map[string]string{"81.2.69.142": "203.0.113.10", "8.8.8.8": "198.51.100.10", "10.0.0.1": "198.51.100.10"} {
		a.client = client
		r := a.ask(question("alias2.geo.test.", dns.TypeA))
		if got := addresses(r); got != "alias.geo.test. www.geo.test. "+want {
			t.Errorf("%s: %q", client, got)
		}
		if r.IsEdns0() != nil {
			t.Errorf("%s: OPT in a reply to a query without", client)
		}
		zero := subnetted(question("www.geo.test.", dns.TypeA), "0.0.0.0/0")
		if r := a.ask(zero); addresses(r) != want || scope(r) != 0 {
			t.Errorf("%s with SOURCE 0: %q scope %d", client, addresses(r), scope(r))
		}
	}
}

func TestGeoAddsNothingAndFails(t *testing.T) {
	a := newAsker(t, &Options{})
	for _, typ := range []uint16{dns.TypeMX, dns.TypeSRV} {
		r := a.ask(question(map[uint16]string{dns.TypeMX: "mx.geo.test.", dns.TypeSRV: "srv.geo.test."}[typ], typ))
		if len(r.Answer) != 1 || len(r.Extra) != 0 {
			t.Errorf("%s: %v", dns.Type(typ), r)
		}
	}
	r := a.ask(subnetted(question("down.geo.test.", dns.TypeA), "8.8.8.0/24"))
	if r.Rcode != dns.RcodeServerFailure || r.Authoritative || len(r.Answer)+len(r.Ns) != 0 || scope(r) != 0 {
		t.Errorf("all down, servfail: %v", r)
	}
}

func TestExplanationOverDNS(t *testing.T) {
	a := newAsker(t, &Options{Debug: prefixes("127.0.0.0/8", "192.0.2.0/24"), CookieSecrets: make([][16]byte, 1)})
	ask := func(client string, transport Transport, options ...dns.EDNS0) *dns.Msg {
		a.client, a.transport = client, transport
		m := with(question("www.geo.test.", dns.TypeTXT), options...)
		m.Question[0].Qclass = dns.ClassCHAOS
		return a.ask(m)
	}
	r := ask("127.0.0.1", TCP)
	if r.Rcode != dns.RcodeSuccess || len(r.Answer) < 4 || r.Answer[0].Header().Ttl != 0 {
		t.Fatalf("from loopback: %v", r)
	}
	text := r.String()
	for _, want := range []string{"ny", "fr", "au"} {
		if !strings.Contains(text, want) {
			t.Errorf("no word of %s in\n%s", want, text)
		}
	}
	if r := ask("127.0.0.1", UDP); r.Rcode != dns.RcodeSuccess || r.Truncated != (len(r.Answer) == 0) {
		t.Errorf("from loopback over UDP: %v", r)
	}
	if r := ask("198.51.100.1", TCP); r.Rcode != dns.RcodeRefused {
		t.Errorf("from elsewhere: %v", r)
	}
	if r := ask("192.0.2.1", UDP); r.Rcode != dns.RcodeRefused {
		t.Errorf("over UDP without a cookie: %v", r)
	}
	r = ask("192.0.2.1", UDP, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0011223344556677"})
	if r.Rcode != dns.RcodeBadCookie {
		t.Fatalf("over UDP with half a cookie: %v", r)
	}
	if r = ask("192.0.2.1", UDP, r.IsEdns0().Option...); r.Rcode != dns.RcodeSuccess {
		t.Errorf("over UDP with the cookie just given: %v", r)
	}
}
