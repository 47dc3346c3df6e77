package resolver

import (
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/zones"
)

func TestAcceptance18SubnetOnlyToSubnet(t *testing.T) {
	newAsker(t, &Options{}).expects(`
		www.geo.test A edns from=81.2.69.1 -> NOERROR aa opt 203.0.113.10 scope=none
		www.geo.test A from=81.2.69.1 -> NOERROR aa -opt 203.0.113.10
		www.geo.test A subnet=81.2.69.0/24 -> NOERROR aa 203.0.113.10 scope>0`)
}

func TestAcceptance19SubnetIsEchoed(t *testing.T) {
	a := newAsker(t, &Options{})
	for _, name := range []string{"www.geo.test.", "www.example.com.", "no.example.com.", "x.sub.example.com.", "outside.", "down.geo.test.", "broken.test."} {
		for family, most := range map[byte]int{1: 32, 2: 128} {
			for source := range most + 1 {
				addr := []byte{0x81, 2, 69, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255}[:(source+7)/8]
				if source%8 != 0 {
					addr[len(addr)-1] &^= 0xff >> (source % 8)
				}
				data := append([]byte{0, family, byte(source), 0}, addr...)
				m := with(question(name, dns.TypeA), &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: data})
				wire, _ := m.Pack()
				reply := a.raw(wire)
				if !echoes(reply, data) {
					t.Errorf("%s: %x comes back in %x", name, data, reply)
				}
			}
		}
	}
}

func TestAcceptance22MalformedSubnets(t *testing.T) {
	a := newAsker(t, &Options{})
	cases := []struct {
		data string
		ok   bool
	}{
		{"\x00\x01\x18\x00\x51\x02\x45", true},
		{"\x00\x01\x00\x00", true},
		{"\x00\x02\x00\x00", true},
		{"\x00\x00\x00\x00", true},
		{"\x00\x02\x38\x00\x20\x01\x0d\xb8\x00\x00\x00", true},
		{"\x00\x01\x11\x00\x51\x02\x80", true},
		{"\x00\x01\x11\x00\x51\x02\x40", false},
		{"\x00\x03\x18\x00\x51\x02\x45", false},
		{"\x00\x00\x18\x00\x51\x02\x45", false},
		{"\x00\x01\x18\x00\x51\x02", false},
		{"\x00\x01\x18\x00\x51\x02\x45\x00", false},
		{"\x00\x01\x18\x01\x51\x02\x45", false},
		{"\x00\x01\x21\x00\x51\x02\x45\x01\x00", false},
		{"\x00\x02\x81\x00" + strings.Repeat("\x20", 16) + "\x00", false},
		{"\x00\x01\x18", false},
		{"", false},
	}
	for _, c := range cases {
		m := with(question("www.geo.test.", dns.TypeA), &dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: []byte(c.data)})
		wire, _ := m.Pack()
		reply := string(a.raw(wire))
		if rcode := int(reply[3] & 15); c.ok != (rcode == noError) || !c.ok && rcode != formErr {
			t.Errorf("%x: RCODE %d", c.data, rcode)
		}
		if !c.ok {
			continue
		}
		echo := reply[len(reply)-len(c.data):]
		if echo[:3] != c.data[:3] || echo[4:] != c.data[4:] {
			t.Errorf("%x comes back as %x", c.data, echo)
		}
	}
}

func TestAcceptance20ScopeZero(t *testing.T) {
	newAsker(t, &Options{}).expects(`
		www.example.com TXT subnet=81.2.69.0/24 -> NOERROR aa www scope=0
		no.example.com A subnet=81.2.69.0/24 -> NXDOMAIN aa scope=0 soa=300
		www.example.com MX subnet=81.2.69.0/24 -> NOERROR aa scope=0 soa=300
		www.geo.test MX subnet=81.2.69.0/24 -> NOERROR aa scope=0 soa=300
		v4.geo.test AAAA subnet=81.2.69.0/24 -> NOERROR aa scope=0 soa=300
		mix.geo.test TXT subnet=8.8.8.0/24 -> NOERROR aa scope=0 soa=300
		ny.geo.test A subnet=81.2.69.0/24 -> NOERROR aa 198.51.100.10 scope=0
		www.out.example.com A subnet=81.2.69.0/24 -> NOERROR -aa scope=0 ns=ns.elsewhere.test.
		outside A subnet=81.2.69.0/24 -> REFUSED -aa scope=0
		x.broken.test A subnet=81.2.69.0/24 -> SERVFAIL -aa scope=0
		down.geo.test A subnet=81.2.69.0/24 -> SERVFAIL -aa scope=0
		www.geo.test AXFR subnet=81.2.69.0/24 -> REFUSED -aa scope=0
		www.geo.test A class=HS subnet=81.2.69.0/24 -> REFUSED -aa scope=0`)
}

func TestAcceptance21SourceZeroAndSpecialSpace(t *testing.T) {
	newAsker(t, &Options{}).expects(`
		www.geo.test A subnet=0.0.0.0/0 from=1.1.1.1 -> NOERROR 192.0.2.10 scope=0
		www.geo.test A subnet=::/0 from=81.2.69.1 -> NOERROR 203.0.113.10 scope=0
		www.geo.test A subnet=10.0.0.0/8 from=1.1.1.1 -> NOERROR 192.0.2.10 scope=8
		www.geo.test A subnet=10.9.8.0/24 from=81.2.69.1 -> NOERROR 203.0.113.10 scope=8
		www.geo.test A subnet=127.0.0.1/32 from=1.1.1.1 -> NOERROR 192.0.2.10 scope=8
		www.geo.test A subnet=169.254.1.0/24 from=1.1.1.1 -> NOERROR 192.0.2.10 scope=16
		www.geo.test A subnet=198.18.0.0/16 from=1.1.1.1 -> NOERROR 192.0.2.10 scope=15
		www.geo.test A subnet=224.1.1.0/24 from=1.1.1.1 -> NOERROR 192.0.2.10 scope=4
		www.geo.test A subnet=fd00::/48 from=1.1.1.1 -> NOERROR 192.0.2.10 scope=7
		www.geo.test A subnet=2001:db8::/48 from=1.1.1.1 -> NOERROR 192.0.2.10 scope=32
		www.geo.test A subnet=::1/128 from=1.1.1.1 -> NOERROR 192.0.2.10 scope=56`)
}

// A resolver may use an answer for everybody in its scope: whoever asks from
// there gets the same one, and no scope reaches into another one.
func TestAcceptance23ScopesAgree(t *testing.T) {
	a := newAsker(t, &Options{})
	g := rand.New(rand.NewPCG(23, 23))
	ask := func(p netip.Prefix) (string, netip.Prefix) {
		r := a.ask(subnetted(question("www.geo.test.", dns.TypeA), p.String()))
		s := scope(r)
		if s > p.Addr().BitLen() {
			t.Fatalf("%s: scope %d", p, s)
		}
		return addresses(r), netip.PrefixFrom(p.Addr(), s).Masked()
	}
	var near []netip.Prefix
	for line := range strings.Lines(networks) {
		if f := strings.Fields(line); len(f) > 0 {
			near = append(near, netip.MustParsePrefix(f[0]))
		}
	}
	for range 5000 {
		p := randomPrefix(g, near)
		want, region := ask(p)
		inside := netip.PrefixFrom(randomIn(g, region), min(region.Bits()+g.IntN(9), grain(p.Addr()))).Masked()
		if inside.Bits() < region.Bits() || inside.Bits() == 0 {
			continue
		}
		got, other := ask(inside)
		if got != want || !region.Contains(other.Addr()) && !other.Contains(region.Addr()) {
			t.Fatalf("%s gets %s for %s, but in it %s gets %s for %s", p, want, region, inside, got, other)
		}
		if other != region && other.Bits() <= grain(p.Addr()) {
			t.Fatalf("%s has scope %s, but in it %s has %s", p, region, inside, other)
		}
	}
}

// grain is the finest that rankings tell apart.
func grain(addr netip.Addr) int {
	if addr.Is4() {
		return 24
	}
	return 56
}

// randomPrefix is near one of the networks of the world, as often as not.
func randomPrefix(g *rand.Rand, near []netip.Prefix) netip.Prefix {
	p := near[g.IntN(len(near))]
	switch g.IntN(4) {
	case 0:
		p = netip.PrefixFrom(p.Addr(), max(0, p.Bits()-g.IntN(8))).Masked()
	case 1:
		p = netip.PrefixFrom(p.Addr(), 0).Masked()
	}
	bits := 1 + g.IntN(grain(p.Addr()))
	return netip.PrefixFrom(randomIn(g, p), bits).Masked()
}

// randomIn is an address in a prefix.
func randomIn(g *rand.Rand, p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		if g.IntN(2) == 1 {
			b[i/8] |= 1 << (7 - i%8)
		}
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

// oneFamily serves geo.test over a database of one family only.
func oneFamily(t *testing.T, version int) *View {
	t.Helper()
	db, err := openWorld(t.TempDir(), ofFamily(networks, version == 6), version)
	if err != nil {
		t.Fatal(err)
	}
	set, err := compilePools(db, pools())
	if err != nil {
		t.Fatal(err)
	}
	s := set.With(nil, health())
	return NewView(nil, zones.NewSet([]zones.Entry{zone(t, "geo.test.zone", geoZone, s)}), s, &Options{})
}

func TestAcceptance24NoDatabaseForAFamily(t *testing.T) {
	a := newAsker(t, &Options{})
	a.view = oneFamily(t, 4)
	a.expects(`
		www.geo.test A subnet=81.2.69.0/24 -> NOERROR aa 203.0.113.10 scope=24
		www.geo.test A subnet=2001:db9::/48 -> NOERROR aa 198.51.100.10 scope>=0
		www.geo.test AAAA subnet=2a00::/32 -> NOERROR aa 2001:db8:1::10 scope>=0
		www.geo.test A from=2001:db9::1 -> NOERROR aa 198.51.100.10
		www.geo.test A subnet=9.9.9.0/24 -> NOERROR aa 198.51.100.10 scope>0`)
	a.view = oneFamily(t, 6)
	a.expects(`
		www.geo.test A subnet=2001:db9::/48 -> NOERROR aa 203.0.113.10 scope>0
		www.geo.test A subnet=9.9.9.0/24 -> NOERROR aa 198.51.100.10 scope>=0
		www.geo.test A from=81.2.69.1 -> NOERROR aa 198.51.100.10`)
}

func TestAcceptance25ChainsToGeoNames(t *testing.T) {
	newAsker(t, &Options{}).expects(`
		alias.geo.test A subnet=81.2.69.0/24 -> NOERROR aa www.geo.test. scope=0
		alias2.geo.test AAAA subnet=81.2.69.0/24 -> NOERROR aa alias.geo.test. www.geo.test. scope=0
		alias2.geo.test ANY subnet=81.2.69.0/24 -> NOERROR aa alias.geo.test. scope=0
		toapex.geo.test A subnet=81.2.69.0/24 -> NOERROR aa geo.test. scope=0
		alias2.geo.test A from=81.2.69.1 -> NOERROR aa alias.geo.test. www.geo.test. 203.0.113.10
		toapex.geo.test A edns from=81.2.69.1 -> NOERROR aa geo.test. 203.0.113.10 scope=none
		alias.geo.test A subnet=0.0.0.0/0 from=81.2.69.1 -> NOERROR aa www.geo.test. 203.0.113.10 scope=0
		alias.geo.test TXT subnet=81.2.69.0/24 -> NOERROR aa www.geo.test. "beside a pool" scope=0`)
}
