package steer

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/meridian-dns/meridian/geo"
)

func TestSpotOf(t *testing.T) {
	for _, c := range []struct {
		addr   string
		source uint8
		want   spot
	}{
		{"192.0.2.77", 32, spot{block: 0xc00002}},
		{"192.0.2.0", 8, spot{block: 0xc00002}},
		{"2001:db8:1:2345::", 64, spot{block: 0x20010db8000123, family: 1}},
		{"::ffff:192.0.2.0", 120, spot{block: 0xc00002, base: 96}},
		{"::ffff:128.0.0.0", 97, spot{block: 0x800000, base: 96}},
		{"::ffff:0.0.0.0", 96, spot{family: 1, base: 96, blind: true}},
		{"64:ff9b::192.0.2.0", 120, spot{block: 0xc00002, base: 96}},
		{"64:ff9b::", 96, spot{block: 0x64ff9b000000, family: 1, base: 96, blind: true}},
		{"64:ff9b::", 32, spot{block: 0x64ff9b000000, family: 1, base: 96, blind: true}},
		{"64:ff9b:0:0:1::", 80, spot{block: 0x64ff9b000000, family: 1}},
		{"2002:c000:204::", 48, spot{block: 0xc00002, base: 16}},
		{"2002::", 16, spot{base: 16}},
		{"2001:0:c000:204::", 64, spot{block: 0x20010000c00002, family: 1}},
		{"::1", 128, spot{family: 1}},
	} {
		if got := spotOf(addr(c.addr), c.source); got != c.want {
			t.Errorf("%s/%d: got %+v, want %+v", c.addr, c.source, got, c.want)
		}
	}
}

// smallWorld is: 81.0.0.0/8 in Germany, 82.0.0.0/7 in France, 2a00::/16 in Germany, special-purpose blocks,
// and nothing known of the rest.
func smallWorld(nets ...string) *geo.Partition {
	w := &world{}
	for _, n := range nets {
		w.nets = append(w.nets, geo.Net{Prefix: prefix(n)})
	}
	de := geo.Place{Country: countries[0], Located: true, Lat: 50, Lon: 10}
	fr := geo.Place{Country: countries[1], Located: true, Lat: 48, Lon: 2}
	w.regions[0] = w.fill(0, map[string]geo.Place{"81.0.0.0/8": de, "82.0.0.0/7": fr})
	w.regions[1] = w.fill(1, map[string]geo.Place{"2a00::/16": de})
	w.makePartition()
	return w.part
}

// fill makes the regions of a family from prefixes that do not overlap.
func (w *world) fill(f int, places map[string]geo.Place) []region {
	known := map[uint64]region{}
	cuts := map[uint64]bool{0: true, 1 << widths[f]: true}
	for p, place := range places {
		from, to := blocks(prefix(p))
		known[from] = region{from: from, to: to, shares: []held{{place, 0, 1}}}
		cuts[from], cuts[to] = true, true
	}
	for _, s := range specials[f] {
		from, to := blocks(prefix(s))
		known[from] = region{from: from, to: to, special: prefix(s), shares: []held{{geo.Place{Special: true}, 0, 1}}}
		cuts[from], cuts[to] = true, true
	}
	for _, n := range w.nets {
		if n.Prefix.Addr().Is6() == (f == 1) {
			from, to := blocks(n.Prefix)
			cuts[from], cuts[to] = true, true
		}
	}
	return w.cutAt(f, cuts, known)
}

func (w *world) cutAt(f int, cuts map[uint64]bool, known map[uint64]region) []region {
	var out []region
	for _, from := range slices.Sorted(maps.Keys(cuts)) {
		if from == 1<<widths[f] {
			break
		}
		g, ok := known[from]
		if !ok && len(out) > 0 && out[len(out)-1].special.IsValid() {
			if last := out[len(out)-1]; last.special.Contains(addrOf(f, from)) {
				g, ok = last, true
			}
		}
		if !ok {
			g = region{shares: []held{{}}}
		}
		g.shares = []held{g.shares[0]}
		g.shares[0].place.Net = w.innermost(f, from)
		g.from = from
		if len(out) > 0 {
			out[len(out)-1].to = from
		}
		g.to = 1 << widths[f]
		out = append(out, g)
	}
	return out
}

// twoCountries sends Germany to de, everybody else to fr.
func twoCountries(pick Pick, extra ...string) Pool {
	p := Pool{
		Name: "web", Order: Listed, Pick: pick, Rules: rules(append([]string{"country:DE"}, extra...)...),
		Servers: []Server{server("de", "203.0.113.1", "2001:db8::1"), server("fr", "203.0.113.2", "2001:db8::2")},
	}
	for i := range p.Rules {
		p.Rules[i].Tiers = [][]int{{0}}
	}
	p.Rules = append(p.Rules, Rule{Source: "default", Tokens: []Token{{}}, Tiers: [][]int{{1}}})
	return p
}

// TestClientSubnetScope is acceptance 19, 20, 21 and 24.
func TestClientSubnetScope(t *testing.T) {
	const inDE, inFR = "81.1.2.3", "82.1.2.3"
	for _, c := range []struct {
		name, resolver, subnet string
		want                   string // server and scope
	}{
		{"no subnet: the resolver", inDE, "", "de 0"},
		{"no subnet, resolver elsewhere", inFR, "", "fr 0"},
		{"no subnet, unknown resolver", "9.9.9.9", "", "fr 0"},
		{"no subnet, special resolver: unknown place", "127.0.0.1", "", "fr 0"},
		{"no subnet, resolver by 6to4", "2002:5101:203::1", "", "de 0"},
		{"no subnet, resolver by NAT64", "64:ff9b::81.1.2.3", "", "de 0"},
		{"SOURCE 0: the resolver, scope 0", inDE, "82.0.0.0/0", "de 0"},
		{"the subnet, not the resolver", inFR, "81.2.69.0/24", "de 8"},
		{"a longer SOURCE", inFR, "81.2.69.5/32", "de 8"},
		{"a shorter SOURCE counts by its first address, the scope exceeds it", inFR, "80.0.0.0/4", "fr 8"},
		{"neighbours of one ranking merge", inDE, "82.0.0.0/24", "fr 7"},
		{"special: the resolver, the block's length", inDE, "10.1.2.0/24", "de 8"},
		{"special, resolver elsewhere", inFR, "10.1.2.0/24", "fr 8"},
		{"special in special: unknown place", "127.0.0.1", "10.1.2.0/24", "fr 8"},
		{"special neighbours stay apart", inDE, "224.0.0.0/24", "de 4"},
		{"special, a single /24", inDE, "192.0.2.128/25", "de 24"},
		{"special IPv6", inDE, "fd00:1::/56", "de 7"},
		{"special IPv6, documentation", inDE, "2001:db8:7::/56", "de 32"},
		{"loopback IPv6", inDE, "::1/128", "de 56"},
		{"IPv6", inFR, "2a00:1::/48", "de 16"},
		{"Teredo: unknown place", inDE, "2001:0:5101:203::/64", "fr 32"},
		{"mapped, over 96", inFR, "::ffff:81.2.69.0/120", "de 104"},
		{"mapped, up to 96: unknown place", inDE, "::ffff:0.0.0.0/96", "fr 96"},
		{"NAT64, over 96", inFR, "64:ff9b::81.2.0.0/112", "de 104"},
		{"NAT64, up to 96: unknown place", inDE, "64:ff9b::/56", "fr 96"},
		{"NAT64 of special space: the resolver", inDE, "64:ff9b::10.1.0.0/112", "de 104"},
		{"6to4", inFR, "2002:5102:4500::/40", "de 24"},
		{"6to4 of special space: the resolver", inDE, "2002:0a01::/32", "de 24"},
	} {
		set := mustCompile(t, smallWorld(), twoCountries(All))
		if got := asked(t, set, c.resolver, c.subnet); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// asked returns the server and the scope a client gets from the first pool.
func asked(t *testing.T, set *Set, resolver, subnet string) string {
	t.Helper()
	ch := set.With(nil, nil).Answer(Ref{0, -1}, clientOf(resolver, subnet), typeA, 0)
	names := map[string]string{}
	for _, s := range set.pools[0].Servers {
		names[s.Addrs[0].Addr.String()] = s.Name
	}
	return fmt.Sprintf("%s %d", names[answerText(ch)[0]], ch.Scope)
}

func clientOf(resolver, subnet string) Client {
	c := Client{Resolver: addr(resolver)}
	if subnet != "" {
		p := prefix(subnet)
		c.HasSubnet, c.Source, c.Subnet = true, uint8(p.Bits()), p.Masked().Addr()
		if p.Addr().Is4In6() { // netip cannot mask these as IPv6
			c.Subnet = p.Addr()
		}
	}
	return c
}

func mustCompile(t testing.TB, part *geo.Partition, pools ...Pool) *Set {
	t.Helper()
	set, err := compileFor(part, maxRankings, pools...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestNetworksInSpecialSpaceAreRanked(t *testing.T) {
	nets := []string{"10.2.0.0/16", "198.18.0.0/16"}
	for _, c := range []struct{ resolver, subnet, want string }{
		{"82.0.0.1", "10.2.3.0/24", "de 16"}, // the rule's network
		{"82.0.0.1", "10.3.3.0/24", "fr 16"}, // beside it: the special block, cut smaller
		{"82.0.0.1", "10.128.0.0/24", "fr 9"},
		{"10.2.0.1", "", "de 0"}, // resolvers match too
		{"10.3.0.1", "", "fr 0"},
		{"82.0.0.1", "198.18.7.0/24", "fr 15"}, // a network only another pool names cuts nothing
		{"81.0.0.1", "198.18.7.0/24", "de 15"},
	} {
		web, other := twoCountries(All, "net:10.2.0.0/16"), twoCountries(All, "net:198.18.0.0/16")
		other.Name = "other"
		set := mustCompile(t, smallWorld(nets...), web, other)
		if got := asked(t, set, c.resolver, c.subnet); got != c.want {
			t.Errorf("%s from %s: got %s, want %s", c.subnet, c.resolver, got, c.want)
		}
	}
}

// TestOneRankingHasScopeZero is the second half of acceptance 20.
func TestOneRankingHasScopeZero(t *testing.T) {
	p := twoCountries(All)
	p.Rules = nil
	set := mustCompile(t, smallWorld(), p)
	for _, subnet := range []string{"81.0.0.0/24", "10.0.0.0/8", "::ffff:81.0.0.0/104", "2a00::/56", "2002:5101::/32", "64:ff9b::/96"} {
		if got := asked(t, set, "81.0.0.1", subnet); got != "de 0" {
			t.Errorf("%s: got %s", subnet, got)
		}
	}
}

// TestStickyScope holds that no scope is shorter than what the choice depends on.
func TestStickyScope(t *testing.T) {
	one := twoCountries(Sticky)
	one.Rules = nil
	for _, c := range []struct {
		subnet     string
		many, only uint8 // with two rankings, with one
	}{
		{"81.2.69.0/24", 24, 24}, {"81.0.0.0/8", 24, 24}, {"2a00::/32", 56, 56}, {"2a00::/64", 56, 56},
		{"::ffff:81.2.0.0/112", 120, 120}, {"::ffff:0.0.0.0/96", 96, 96}, {"64:ff9b::81.2.0.0/112", 120, 120},
		{"2002:5102::/32", 40, 40}, {"10.1.0.0/16", 8, 8}, {"2002:0a01::/32", 24, 24}, {"9.0.0.0/0", 0, 0},
	} {
		for i, want := range []uint8{c.many, c.only} {
			set := mustCompile(t, smallWorld(), []Pool{twoCountries(Sticky), one}[i])
			ch := set.With(nil, nil).Answer(Ref{0, -1}, clientOf("81.0.0.1", c.subnet), typeA, 0)
			if ch.Scope != want {
				t.Errorf("%s, %d: scope %d, want %d", c.subnet, i, ch.Scope, want)
			}
		}
	}
}
