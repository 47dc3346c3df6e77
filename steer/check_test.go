package steer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/geo"
)

func TestCompileRefuses(t *testing.T) {
	both, v4 := server("both", "192.0.2.1", "2001:db8::1"), server("v4", "192.0.2.2")
	v6 := server("v6", "2001:db8::2")
	heavy := server("heavy", "192.0.2.1")
	heavy.Weight = -1
	fenced := func(tiers ...int) []Rule {
		return []Rule{{Source: "country:DE", Tokens: []Token{token("country:DE")}, Tiers: [][]int{tiers}, Fence: true}}
	}
	for _, c := range []struct {
		pool Pool
		want string
	}{
		{Pool{}, `no servers`},
		{Pool{Servers: []Server{v4, v4}}, `server v4: listed twice`},
		{Pool{Servers: []Server{{Name: "x"}}}, `server x: has neither addresses nor a cname`},
		{Pool{Servers: []Server{{Name: "x", CNAME: "a.", Addrs: v4.Addrs}}}, `server x: has addresses and a cname`},
		{Pool{Servers: []Server{{Name: "x", CNAME: "a..b."}}}, `server x: name "a..b.": empty label`},
		{Pool{Servers: []Server{server("x", "::ffff:192.0.2.1")}}, `server x: address ::ffff:192.0.2.1: not a plain IPv4 or IPv6 address`},
		{Pool{Servers: []Server{heavy}}, `server heavy: weight -1: not from 0 to 2147483647`},
		{Pool{Servers: []Server{v4, v6}}, `neither A nor AAAA is carried by all servers; families = "each" serves both`},
		{Pool{Servers: []Server{v4}, N: -1}, `n = -1: not from 1 to 64`},
		{Pool{Servers: []Server{v4}, N: 65}, `n = 65: not from 1 to 64`},
		{Pool{Servers: []Server{v4}, N: 9, Pick: Sticky}, `n = 9: not from 1 to 8`},
		{Pool{Servers: []Server{v4}, MinUp: -1}, `min_up = -1: negative`},
		{Pool{Servers: []Server{v4}, Pick: 9}, `order, pick or all_down is none of the known ones`},
		{Pool{Servers: []Server{v4}, AllDown: UseFallback}, `all_down = "fallback" without fallback servers`},
		{Pool{Servers: []Server{v4}, AllDown: UseFallback, Fallback: []Server{{Name: "f"}}}, `fallback server f: has neither addresses nor a cname`},
		{Pool{Servers: []Server{v4}, AllDown: DenyData, Rules: fenced(0)}, `rule "country:DE" is fenced: all_down cannot be "nodata" or "servfail"`},
		{Pool{Servers: []Server{v4}, AllDown: Fail, Rules: fenced(0)}, `rule "country:DE" is fenced: all_down cannot be "nodata" or "servfail"`},
		{Pool{Servers: []Server{both, v4}, Each: true, Rules: fenced(1)}, `rule "country:DE": no server inside the fence has AAAA, which the pool serves`},
		{Pool{Servers: []Server{v4}, Rules: []Rule{{Source: "r", Tiers: [][]int{{0}}}}}, `rule "r": matches nothing`},
		{Pool{Servers: []Server{v4}, Rules: []Rule{{Source: "r", Tokens: []Token{{}}, Tiers: [][]int{{}}}}}, `rule "r": names no server`},
		{Pool{Servers: []Server{v4}, Rules: []Rule{{Source: "r", Tokens: []Token{{}}, Tiers: [][]int{{1}}}}}, `rule "r": server 1 of 1`},
		{Pool{Servers: []Server{v4}, Rules: rules("country:DE, country:DE")}, `rule "country:DE, country:DE": country:DE is reached twice`},
		{Pool{Servers: []Server{v4}, Rules: rules("net:192.0.2.0/25")}, `rule "net:192.0.2.0/25": net:192.0.2.0/25: longer than /24`},
		{Pool{Servers: []Server{v4}, Rules: rules("net:2001:db8::/57")}, `rule "net:2001:db8::/57": net:2001:db8::/57: longer than /56`},
		{Pool{Servers: []Server{v4}, Rules: rules("asn:0")}, `rule "asn:0": asn:0: names nothing`},
		{Pool{Servers: []Server{v4}, Rules: rules("subdivision:")}, `rule "subdivision:": subdivision:: names nothing`},
		{Pool{Servers: []Server{v4}, Rules: []Rule{{Source: "r", Tokens: []Token{{Kind: Country}}, Tiers: [][]int{{0}}}}}, `rule "r": country:: names nothing`},
		{Pool{Servers: []Server{v4}, Rules: rules("asn:1")}, `rule "asn:1": asn:1: no database loaded knows this of an address`},
		{Pool{Servers: []Server{v4}, Rules: rules("subdivision:US-CA")}, `rule "subdivision:US-CA": subdivision:US-CA: no database loaded knows`},
	} {
		c.pool.Name = "web"
		_, err := Compile(nil, smallWorld(), []Pool{c.pool})
		if err == nil || !strings.HasPrefix(err.Error(), "pool web: ") || !strings.Contains(err.Error(), c.want) {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

// TestCompileJoinsErrors holds that every pool's errors are told at once.
func TestCompileJoinsErrors(t *testing.T) {
	v4 := server("v4", "192.0.2.2")
	_, err := Compile(nil, smallWorld(), []Pool{
		{Name: "a", Servers: []Server{v4}, MinUp: -1}, {Name: "b", Servers: []Server{v4}},
		{Name: "b", Servers: []Server{v4}, Rules: []Rule{{Source: "r"}}},
	})
	want := `pool a: min_up = -1: negative
pool b: listed twice
pool b: rule "r": matches nothing
pool b: rule "r": names no server`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	var p *PoolError
	if !errors.As(err, &p) || p.Pool != 0 || p.Err.Error() != "min_up = -1: negative" {
		t.Errorf("got %+v", p)
	}
	if _, err := Compile(nil, nil, nil); err != nil {
		t.Errorf("no pools need no partition: %v", err)
	}
	if _, err := Compile(nil, &geo.Partition{}, []Pool{{Name: "a"}}); err == nil || !strings.Contains(err.Error(), "partition") {
		t.Error("an empty partition passed")
	}
}

// TestTooManyRankings has more rules than there may be rankings.
func TestTooManyRankings(t *testing.T) {
	p := Pool{Name: "web", Order: Listed, Rules: rules("net:10.1.0.0/16", "net:10.2.0.0/16", "net:10.3.0.0/16")}
	for i := range 3 {
		p.Servers = append(p.Servers, server(fmt.Sprint(i), fmt.Sprintf("192.0.2.%d", i)))
	}
	part := smallWorld("10.1.0.0/16", "10.2.0.0/16", "10.3.0.0/16")
	if _, err := compileFor(part, 3, p); err != nil {
		t.Errorf("three rankings: %v", err)
	}
	if _, err := compileFor(part, 2, p); err == nil || err.Error() != "pool web: the rules make more than 2 different rankings" {
		t.Errorf("got %v", err)
	}
}

func TestFind(t *testing.T) {
	set := mustCompile(t, smallWorld(), ladder(), Pool{Name: "x", Servers: ladder().Servers})
	for _, c := range []struct{ ref, want string }{
		{"web", "{0 -1} <nil>"}, {"x", "{1 -1} <nil>"}, {"web/c", "{0 2} <nil>"}, {"x/a", "{1 0} <nil>"},
		{"w", `{0 0} no pool is named "w"`}, {"", `{0 0} no pool is named ""`}, {"web/", `{0 0} pool web has no server ""`},
		{"web/e", `{0 0} pool web has no server "e"`}, {"x/a/b", `{0 0} pool x has no server "a/b"`},
	} {
		ref, err := set.Find(c.ref)
		if got := fmt.Sprint(ref, err); got != c.want {
			t.Errorf("%q: got %s, want %s", c.ref, got, c.want)
		}
	}
}

// TestStrangeRefs holds that a reference of another set is an error, not a crash.
func TestStrangeRefs(t *testing.T) {
	state := mustCompile(t, smallWorld(), ladder()).With(nil, nil)
	for _, r := range []Ref{{-1, -1}, {1, -1}, {0, 4}, {1 << 30, 1 << 30}} {
		if ch := state.Answer(r, Client{}, typeA, 0); ch.Kind != ServFail {
			t.Errorf("%v: kind %d", r, ch.Kind)
		}
		if i := state.Info(r); i != (Info{}) {
			t.Errorf("%v: %+v", r, i)
		}
		state.Explain(r, Client{}, typeA).Lines(60)
	}
}

func TestPoolsShareTables(t *testing.T) {
	base := twoCountries(All)
	renamed, picks, moved, ruled, ordered, first := base, base, base, base, base, base
	renamed.Servers = []Server{server("x", "192.0.2.7"), server("y", "192.0.2.8")}
	picks.Pick, picks.MinUp, picks.AllDown = Sticky, 2, DenyData
	moved.Servers = []Server{base.Servers[0], {Name: "z", Located: true, Addrs: base.Servers[1].Addrs}}
	ruled.Rules = base.Rules[:1]
	ordered.Order = Together
	first.Pick = First
	far, farther := moved, moved
	far.Servers = []Server{base.Servers[0], {Name: "z", Located: true, At: geo.Point{Lat: 1}, Addrs: base.Servers[1].Addrs}}
	farther.Servers = []Server{base.Servers[0], {Name: "z", Located: true, At: geo.Point{Lat: 2}, Addrs: base.Servers[1].Addrs}}
	fenced := twoCountries(All)
	fenced.Rules[0].Fence = true
	grouped := twoCountries(All)
	grouped.Rules[0].Tokens[0].Group = "g"
	var pools []Pool
	for i, p := range []Pool{base, renamed, picks, moved, ruled, ordered, grouped, first, far, farther, fenced} {
		p.Name = fmt.Sprint(i)
		pools = append(pools, p)
	}
	set := mustCompile(t, smallWorld(), pools...)
	for i := range pools {
		for j := range i {
			if want := i < 3; want != (set.pools[i].table == set.pools[j].table) {
				t.Errorf("pools %d and %d share a table: %v", i, j, !want)
			}
		}
	}
}

func TestWireName(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, c := range []struct{ name, want string }{
		{".", "\x00"}, {"a.", "\x01a\x00"}, {"cdn.Example.net.", "\x03cdn\x07Example\x03net\x00"},
		{`a\.b.c.`, "\x03a.b\x01c\x00"}, {`\097\000.`, "\x02a\x00\x00"}, {label + ".", "\x3f" + label + "\x00"},
		{strings.Repeat(label+".", 3) + label[:61] + ".", strings.Repeat("\x3f"+label, 3) + "\x3d" + label[:61] + "\x00"},
		{"", "not absolute"}, {"a", "not absolute"}, {"a.b", "not absolute"}, {"..", "empty label"}, {".a.", "empty label"},
		{"a..", "empty label"}, {label + "a.", "longer than 63"}, {strings.Repeat(label+".", 3) + label[:62] + ".", "longer than 255"},
		{`\25.`, "bad escape"}, {`a\`, "bad escape"}, {`\256.`, "bad escape"}, {`\1`, "bad escape"}, {`a.\.`, "not absolute"},
	} {
		wire, err := wireName(c.name)
		if err != nil && !strings.Contains(err.Error(), c.want) || err == nil && string(wire) != c.want {
			t.Errorf("%s: got %q, %v, want %q", c.name, wire, err, c.want)
		}
	}
}

func FuzzWireName(f *testing.F) {
	for _, s := range []string{".", "a.b.", `\.\\\255.`, "..", `\`, "a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		wire, err := wireName(s)
		if err != nil {
			return
		}
		again, err := wireName(presentation(wire))
		if err != nil || string(again) != string(wire) || len(wire) > 255 || wire[len(wire)-1] != 0 {
			t.Errorf("%q gives %q, then %q, %v", s, wire, again, err)
		}
	})
}
