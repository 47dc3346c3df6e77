package steer

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
)

// explained is a pool with one of everything: rules, fence, distances, a fallback.
func explained() (Pool, *healthcheck.Snapshot) {
	p := Pool{
		Name: "web", AllDown: UseFallback, Fallback: []Server{server("sorry", "192.0.2.99")},
		Servers: []Server{
			checked("berlin", 0, "203.0.113.1"), checked("paris", 1, "203.0.113.2", "203.0.113.3"),
			checked("sydney", 3, "203.0.113.4"),
		},
		Rules: append(rules("country:DE@core, country:JP", "country:FR"), Rule{
			Source: "default", Tokens: []Token{{}}, Tiers: [][]int{{2}},
		}),
	}
	for i, at := range []geo.Point{{Lat: 52.5, Lon: 13.4}, {Lat: 48.9, Lon: 2.4}, {Lat: -33.9, Lon: 151.2}} {
		p.Servers[i].Located, p.Servers[i].At = true, at
	}
	p.Rules[0].Tiers = [][]int{{0, 1}}
	p.Rules[1].Fence = true
	h := statesOf("UUPU")
	h.States[0] = healthcheck.State{
		Status: healthcheck.Down, Since: time.Date(2026, 11, 20, 10, 0, 3, 0, time.UTC), LastError: "connection refused",
		Streak: 1, Needed: 2, Interval: 10 * time.Second,
	}
	h.States[2].LastError = "timeout"
	return p, h
}

func TestExplain(t *testing.T) {
	for _, c := range []struct {
		name, resolver, subnet string
		qtype                  uint16
		change                 func(*Pool, *healthcheck.Snapshot)
		want                   string
	}{
		{"a rule by a group", "9.9.9.9", "81.2.69.0/24", typeA, nil, `
pool     web, type A
client   81.2.69.0/24, the client subnet; resolver 9.9.9.9
place    DE, at 50.00 10.00
rule     "country:DE@core, country:JP", by country:DE of group:core
tier 1     berlin    365 km  203.0.113.1 down since 2026-11-20T10:00:03Z (connection refused), 1 in a row against it, 2 more to flip
tier 2   * paris     563 km  203.0.113.2 up; 203.0.113.3 pending: no success since it was added (timeout)
tier 3     sydney  16397 km  203.0.113.4 up
serves   tier 2, the first with a healthy server: all, at most 8 addresses
answer   203.0.113.2
scope    8: good for all of 81.0.0.0/8
ttl      30 s: the record's own 60 s, at most 20 s while a check is unsettled (berlin), but not below ttl_min, 30 s`},
		{"a fence, all down", "82.1.1.1", "", typeA, func(p *Pool, h *healthcheck.Snapshot) {
			p.Rules[1].Tiers = [][]int{{0}}
			p.TTLMin = 7
		}, `
pool     web, type A
client   82.1.1.1, the resolver's address
place    FR, at 48.00 2.00
rule     "country:FR", by country:FR, fenced: no other server
tier 1     berlin    951 km  203.0.113.1 down since 2026-11-20T10:00:03Z (connection refused), 1 in a row against it, 2 more to flip
fallback * sorry             192.0.2.99 up, no check
serves   the fallback, as all are down: all, at most 8 addresses
answer   192.0.2.99
scope    none: no client subnet
ttl      7 s: ttl_min, as all servers of the ranking are down`},
		{"special space twice", "127.0.0.1", "::ffff:10.0.0.0/104", typeA, func(p *Pool, h *healthcheck.Snapshot) {
			p.Pick, h.States[3].Status = Weighted, healthcheck.Down
			p.Servers[0].Weight = 3
			p.Order, h.States[0].Status = Together, healthcheck.Unknown
		}, `
pool     web, type A
client   ::ffff:10.0.0.0/104, the client subnet; resolver 127.0.0.1
         the IPv4 address inside the client subnet counts
         special-purpose space that no rule names: answered for the resolver's address
         the resolver's address is special-purpose space that no rule names: an unknown place
place    unknown
rule     "default", by default
tier 1     sydney            203.0.113.4 down
tier 2   * berlin            203.0.113.1 not probed yet, counts as up
tier 2   * paris             203.0.113.2 up; 203.0.113.3 pending: no success since it was added (timeout)
serves   tier 2, the first with a healthy server: 1 drawn by weight for each query
answer   berlin 75 %, paris 25 %
scope    104: good for all of ::ffff:10.0.0.0/104
ttl      30 s: the record's own 60 s, at most 20 s while a check is unsettled (berlin), but not below ttl_min, 30 s`},
		{"a type that does not exist", "9.9.9.9", "81.2.69.0/24", 15, nil, `
pool     web, type TYPE15
answer   NODATA for every client: the pool does not serve this type; scope 0`},
	} {
		p, h := explained()
		if c.change != nil {
			c.change(&p, h)
		}
		e := mustCompile(t, smallWorld(), p).With(nil, h).Explain(Ref{0, -1}, clientOf(c.resolver, c.subnet), c.qtype)
		if got := strings.Join(e.Lines(60), "\n"); got != strings.TrimPrefix(c.want, "\n") {
			t.Errorf("%s:\n%s", c.name, got)
		}
	}
}

func TestExplainPinnedAndUnknownHealth(t *testing.T) {
	p, _ := explained()
	e := mustCompile(t, smallWorld(), p).With(nil, nil).Explain(Ref{0, 1}, clientOf("9.9.9.9", "81.2.69.0/24"), 0)
	want := `pool     web/paris, type A
health   not known; every check counts as up
server   * paris            203.0.113.2 not probed yet, counts as up; 203.0.113.3 not probed yet, counts as up
serves   this server whatever its health: the name is pinned to it
answer   203.0.113.2, 203.0.113.3
scope    0: the same for every client
ttl      60 s: the record's own`
	if got := strings.Join(e.Lines(60), "\n"); got != want {
		t.Errorf("got\n%s", got)
	}
}

// TestExplanationAgreesWithAnswers compares, over random pools, what is told with what is answered and with
// the reference.
func TestExplanationAgreesWithAnswers(t *testing.T) {
	for seed := range uint64(40) {
		m := newPoolMaker(t, 3000+seed, 10)
		p := m.pool("p")
		set := mustCompile(t, m.w.part, p)
		ref := newReference(m.w, &p, set.pools[0].table.order.keep)
		for worse := range 4 {
			state := set.With(nil, m.snapshot(worse))
			for range 20 {
				c := m.client()
				e := state.Explain(Ref{0, -1}, c, 0)
				checkTold(t, ref, &e, c)
				if e.Choice.Scope != state.Answer(Ref{0, -1}, c, e.Type, 1).Scope {
					t.Fatalf("seed %d: scope %d told", seed, e.Choice.Scope)
				}
				for _, l := range e.Lines(60) {
					if len(l) > maxLine || !utf8.ValidString(l) {
						t.Fatalf("seed %d: line %q", seed, l)
					}
				}
			}
		}
	}
}

func checkTold(t *testing.T, ref *reference, e *Explanation, c Client) {
	t.Helper()
	tiers, _ := ref.client(c)
	var want, got [][]string
	var picked []string
	for _, tier := range tiers {
		var names []string
		for _, s := range tier {
			names = append(names, ref.p.Servers[s].Name)
		}
		want = append(want, names)
	}
	for _, tier := range e.Tiers {
		var names []string
		for _, s := range tier.Servers {
			names = append(names, s.Name)
			if s.Picked {
				picked = append(picked, s.Name)
			}
		}
		got = append(got, names)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("told %v, want %v", got, want)
	}
	if own := ref.rank(e.Place); !e.Place.Special && fmt.Sprint(own.tiers) != fmt.Sprint(tiers) {
		t.Fatalf("told place %+v, which has %v, want %v", e.Place, own.tiers, tiers)
	}
	rule := ref.rule(e.Place)
	if (rule != nil) != e.Ruled || rule != nil && rule.Source != e.Rule {
		t.Fatalf("told rule %q for %+v, want %+v", e.Rule, e.Place, rule)
	}
	if data := e.Choice.Kind == Addresses || e.Choice.Kind == Alias; data && !e.Fallback && len(picked) == 0 {
		t.Fatalf("an answer of nobody: %+v", e)
	}
}

// TestLinesOfALargePool holds that a long ranking is cut, and shows what serves all the same.
func TestLinesOfALargePool(t *testing.T) {
	p := Pool{Name: "web", Order: Listed}
	states := ""
	for i := range 100 {
		p.Servers = append(p.Servers, checked(fmt.Sprintf("ß%02d", i), healthcheck.Slot(i), fmt.Sprintf("192.0.2.%d", i)))
		states += "D"
	}
	h := statesOf(states[:90] + "U" + states[91:])
	h.States[0].LastError = strings.Repeat("ä", 300)
	lines := mustCompile(t, smallWorld(), p).With(nil, h).Explain(Ref{0, -1}, clientOf("9.9.9.9", ""), typeA).Lines(60)
	if len(lines) > 40 || !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "tier 91  * ß90") }) {
		t.Errorf("%d lines:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	for _, l := range lines {
		if len(l) > maxLine || !utf8.ValidString(l) {
			t.Errorf("line %q", l)
		}
	}
}
