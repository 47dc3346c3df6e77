package steer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/geo"
)

func addr(s string) netip.Addr     { return netip.MustParseAddr(s) }
func prefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

// token reads "country:DE", and "country:DE@nordics" for one that came from a group.
func token(s string) Token {
	s, group, _ := strings.Cut(s, "@")
	kind, value, _ := strings.Cut(s, ":")
	t := Token{Group: group}
	switch kind {
	case "net":
		t.Kind, t.Net = Net, prefix(value)
	case "asn":
		t.Kind = ASN
		fmt.Sscan(value, &t.ASN)
	case "subdivision":
		t.Kind = Subdivision
		copy(t.Subdivision[:], value)
	case "country":
		t.Kind, t.Code = Country, geo.Code{value[0], value[1]}
	case "continent":
		t.Kind, t.Code = Continent, geo.Code{value[0], value[1]}
	}
	return t
}

// rules makes one rule per string of tokens; rule i names server i.
func rules(sources ...string) []Rule {
	var out []Rule
	for i, s := range sources {
		r := Rule{Source: s, Tiers: [][]int{{i}}}
		for _, t := range strings.Split(s, ", ") {
			r.Tokens = append(r.Tokens, token(t))
		}
		out = append(out, r)
	}
	return out
}

var knownNets = []geo.Net{
	{Prefix: prefix("81.0.0.0/8")}, {Prefix: prefix("81.2.0.0/16"), Parent: 1}, {Prefix: prefix("81.2.69.0/24"), Parent: 2},
	{Prefix: prefix("10.0.0.0/8")},
}

func TestMostSpecificRuleWins(t *testing.T) {
	full := geo.Place{
		Continent: geo.Code{'N', 'A'}, Country: geo.Code{'U', 'S'}, Subdivision: geo.Subdivision{'U', 'S', '-', 'C', 'A'},
		ASN: 15169, Net: 3,
	}
	all := []string{"default", "continent:NA", "country:US", "subdivision:US-CA", "asn:15169", "net:81.0.0.0/8", "net:81.2.69.0/24"}
	for n := len(all); n > 0; n-- {
		m, err := newMatcher(rules(all[:n]...), newNetworks(knownNets))
		if err != nil {
			t.Fatal(err)
		}
		if got := m.match(&full); got.rule != int32(n-1) {
			t.Errorf("with %s: rule %d", all[:n], got.rule)
		}
	}
}

func TestRuleMatches(t *testing.T) {
	us := geo.Place{Continent: geo.Code{'N', 'A'}, Country: geo.Code{'U', 'S'}}
	for _, c := range []struct {
		name  string
		rules []string
		place geo.Place
		want  string // rule and token
	}{
		{"no rule", []string{"country:DE"}, us, "-1 -1"},
		{"second token", []string{"country:DE, continent:NA"}, us, "0 1"},
		{"default matches an unknown place", []string{"country:DE", "default"}, geo.Place{}, "1 0"},
		{"nothing else does", []string{"country:DE, asn:7"}, geo.Place{}, "-1 -1"},
		{"explicit beats group", []string{"country:US@g", "country:US"}, us, "1 0"},
		{"explicit beats group, listed first", []string{"country:US", "country:US@g"}, us, "0 0"},
		{"a group as specific as its token", []string{"continent:NA", "country:US@g"}, us, "1 0"},
		{"network of the parent", []string{"net:81.2.0.0/16", "asn:5"}, geo.Place{Net: 3, ASN: 5}, "0 0"},
		{"a network beside", []string{"net:10.0.0.0/8"}, geo.Place{Net: 3}, "-1 -1"},
		{"longest network, in a group", []string{"net:81.0.0.0/8", "net:81.2.0.0/16@g"}, geo.Place{Net: 3}, "1 0"},
	} {
		m, err := newMatcher(rules(c.rules...), newNetworks(knownNets))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		h := m.match(&c.place)
		if got := fmt.Sprint(h.rule, h.token); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestTokenReachedTwice(t *testing.T) {
	for _, c := range []struct {
		rules []string
		want  string
	}{
		{[]string{"country:US", "country:US"}, `rule "country:US": country:US is reached twice`},
		{[]string{"country:US@a", "country:US@b"}, `rule "country:US@b": country:US is reached twice`},
		{[]string{"default", "asn:1", "default"}, `rule "default": default is reached twice`},
		{[]string{"net:81.2.69.0/24", "net:81.2.69.0/24"}, `rule "net:81.2.69.0/24": net:81.2.69.0/24 is reached twice`},
		{[]string{"net:81.2.3.0/24"}, `rule "net:81.2.3.0/24": net:81.2.3.0/24: the partition does not know this network`},
		{[]string{"country:US", "country:US@a", "country:US"}, `rule "country:US": country:US is reached twice`},
	} {
		if _, err := newMatcher(rules(c.rules...), newNetworks(knownNets)); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.rules, err, c.want)
		}
	}
}

func TestSpecialSpaceAsksUnlessANetworkOfThePoolCoversIt(t *testing.T) {
	m, err := newMatcher(rules("net:81.0.0.0/8"), newNetworks(knownNets))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		place geo.Place
		want  bool
	}{
		{geo.Place{Special: true}, true}, {geo.Place{}, false}, {geo.Place{Net: 4}, false},
		{geo.Place{Special: true, Net: 4}, true}, // a network of another pool
		{geo.Place{Special: true, Net: 1}, false}, {geo.Place{Special: true, Net: 3}, false},
	} {
		if got := m.asks(&c.place); got != c.want {
			t.Errorf("%+v: %v", c.place, got)
		}
	}
}

func TestWant(t *testing.T) {
	w := Want([]Pool{
		{Rules: rules("country:DE", "net:81.2.69.0/24, asn:2", "net:2001:db8::/32")},
		{Rules: rules("net:81.2.69.7/24", "asn:1", "asn:2@g")},
	})
	if got, want := fmt.Sprint(w), "{false true [1 2] [81.2.69.0/24 2001:db8::/32]}"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if w := Want([]Pool{{Rules: rules("subdivision:US-CA")}}); !w.Subdivision || w.ASN || w.Nets != nil {
		t.Errorf("got %+v", w)
	}
}
