package steer

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/healthcheck"
)

// weighing makes a pool of one tier of servers with these weights, checks 0 and up, named a, b, ...
func weighing(pick Pick, n int, weights ...int) Pool {
	p := Pool{Name: "web", Order: Together, Pick: pick, N: n}
	for i, w := range weights {
		name := string(rune('a' + i))
		s := checked(name, healthcheck.Slot(i), fmt.Sprintf("192.0.2.%d", i+1))
		s.Weight = w
		p.Servers = append(p.Servers, s)
	}
	return p
}

// drawnOf returns the servers of an answer, by index.
func drawnOf(t *testing.T, ch Choice) []int {
	t.Helper()
	if ch.N != ch.RRs {
		t.Fatalf("%d parts, %d records", ch.N, ch.RRs)
	}
	var out []int
	for _, a := range answerText(ch) {
		out = append(out, int(netip.MustParseAddr(a).As4()[3])-1)
	}
	return out
}

func TestWeightedDraws(t *testing.T) {
	for _, c := range []struct {
		name    string
		weights []int
		states  string
		n       int
		want    []float64 // how often each is in the answer
	}{
		{"even", []int{1, 1, 1, 1}, "UUUU", 1, []float64{.25, .25, .25, .25}},
		{"by weight", []int{1, 2, 5}, "UUU", 1, []float64{.125, .25, .625}},
		{"of those that are up", []int{1, 2, 5}, "UUD", 1, []float64{1. / 3, 2. / 3, 0}},
		{"weight 0 only if no other is healthy", []int{0, 3, 0}, "UUU", 1, []float64{0, 1, 0}},
		{"then all of weight 0 alike", []int{0, 3, 0}, "UDU", 1, []float64{.5, 0, .5}},
		{"two without replacement", []int{1, 1, 2}, "UUU", 2, []float64{7. / 12, 7. / 12, 10. / 12}},
		{"all of them", []int{1, 9}, "UU", 2, []float64{1, 1}},
		{"no more than there are", []int{1, 9, 0}, "UUU", 3, []float64{1, 1, 0}},
		{"great weights", []int{1<<31 - 1, 1<<31 - 1}, "UU", 1, []float64{.5, .5}},
	} {
		state := mustCompile(t, smallWorld(), weighing(Weighted, c.n, c.weights...)).With(nil, statesOf(c.states))
		r := random(t, 3)
		const draws = 40000
		count := make([]float64, len(c.weights))
		for range draws {
			seen := drawnOf(t, state.Answer(Ref{0, -1}, Client{Resolver: addr("81.0.0.1")}, typeA, r.Uint64()))
			for i, s := range seen {
				if slices.Contains(seen[:i], s) {
					t.Fatalf("%s: %v", c.name, seen)
				}
				count[s]++
			}
		}
		for i, want := range c.want {
			if got := count[i] / draws; math.Abs(got-want) > 0.012 {
				t.Errorf("%s: server %d in %.3f of the answers, want %.3f", c.name, i, got, want)
			}
		}
	}
}

// stickyChoices returns the server each of many /24 is sent to.
func stickyChoices(t *testing.T, p Pool, states string) []int {
	t.Helper()
	state := mustCompile(t, smallWorld(), p).With(nil, statesOf(states))
	var out []int
	for i := range 20000 {
		c := clientOf("9.9.9.9", fmt.Sprintf("81.%d.%d.0/24", i>>8, i&255))
		out = append(out, drawnOf(t, state.Answer(Ref{0, -1}, c, typeA, uint64(i)))[0])
	}
	return out
}

func TestStickySpreadsByWeight(t *testing.T) {
	for _, c := range []struct {
		weights []int
		want    []float64
	}{
		{[]int{1, 1, 1, 1}, []float64{.25, .25, .25, .25}}, {[]int{1, 2, 5}, []float64{.125, .25, .625}},
		{[]int{0, 1, 1}, []float64{0, .5, .5}}, {[]int{0, 0}, []float64{.5, .5}},
	} {
		count := make([]float64, len(c.weights))
		choices := stickyChoices(t, weighing(Sticky, 0, c.weights...), strings.Repeat("U", len(c.weights)))
		for _, s := range choices {
			count[s]++
		}
		for i, want := range c.want {
			if got := count[i] / float64(len(choices)); math.Abs(got-want) > 0.015 {
				t.Errorf("weights %v: server %d has %.3f of the clients, want %.3f", c.weights, i, got, want)
			}
		}
	}
}

// TestStickyMovesOnlyTheClientsOfWhatChanged takes a server away, and raises a weight.
func TestStickyMovesOnlyTheClientsOfWhatChanged(t *testing.T) {
	before := stickyChoices(t, weighing(Sticky, 0, 1, 2, 3, 1), "UUUU")
	gone := stickyChoices(t, weighing(Sticky, 0, 1, 2, 3, 1), "UUDU")
	raised := stickyChoices(t, weighing(Sticky, 0, 1, 4, 3, 1), "UUUU")
	fewer := weighing(Sticky, 0, 1, 2, 3, 1)
	fewer.Servers = fewer.Servers[:3]
	removed := stickyChoices(t, fewer, "UUU")
	for i, was := range before {
		if was != 2 && gone[i] != was || gone[i] == 2 {
			t.Fatalf("client %d moved from %d to %d when 2 went down", i, was, gone[i])
		}
		if raised[i] != was && raised[i] != 1 {
			t.Fatalf("client %d moved from %d to %d when 1 got heavier", i, was, raised[i])
		}
		if was != 3 && removed[i] != was {
			t.Fatalf("client %d moved from %d to %d when 3 was taken out of the pool", i, was, removed[i])
		}
	}
}

// TestStickyIsTheClientsOwn holds that the same client is the same however it is written, that all of a /24
// and of a /56 go together, and that SOURCE 0 and special space go by the resolver.
func TestStickyIsTheClientsOwn(t *testing.T) {
	state := mustCompile(t, smallWorld(), weighing(Sticky, 2, 1, 1, 1, 1, 1, 1)).With(nil, statesOf("UUUUUU"))
	ask := func(resolver, subnet string) string {
		return fmt.Sprint(drawnOf(t, state.Answer(Ref{0, -1}, clientOf(resolver, subnet), typeA, 7)))
	}
	seen := map[string]bool{}
	for i := range 50 {
		v4 := fmt.Sprintf("81.%d.7", i)
		want := ask(v4+".1", "")
		seen[want] = true
		same := []string{
			ask(v4+".200", ""), ask("9.9.9.9", v4+".0/24"), ask("9.9.9.9", v4+".128/25"), ask(v4+".3", "0.0.0.0/0"),
			ask(v4+".3", "10.0.0.0/8"), ask("9.9.9.9", "::ffff:"+v4+".0/120"), ask("9.9.9.9", "64:ff9b::"+v4+".0/120"),
			ask("9.9.9.9", fmt.Sprintf("2002:51%02x:700::/40", i)), ask("64:ff9b::"+v4+".0", ""),
		}
		for j, got := range same {
			if got != want {
				t.Errorf("%s: %s one way, %s another (%d)", v4, want, got, j)
			}
		}
		six := ask("9.9.9.9", fmt.Sprintf("2a00:%x:0:700::/56", i))
		if got := ask("9.9.9.9", fmt.Sprintf("2a00:%x:0:7ff::/64", i)); got != six {
			t.Errorf("2a00:%x: %s and %s in one /56", i, six, got)
		}
	}
	if len(seen) < 10 {
		t.Errorf("50 clients share %d choices", len(seen))
	}
}

// TestFirstWalksOn holds that "first" goes on into later tiers, from the serving one, and stays in the fence.
func TestFirstWalksOn(t *testing.T) {
	for _, c := range []struct {
		n      int
		minUp  int
		fence  bool
		states string
		want   string
	}{
		{0, 0, false, "UUUU", "a"}, {0, 0, false, "DUUU", "b"}, {2, 0, false, "UUUU", "ab"}, {3, 0, false, "UDUU", "acd"},
		{3, 0, false, "DDDU", "d"}, {9, 0, false, "UUUU", "abcd"}, {3, 0, true, "UDUU", "ac"}, {2, 0, false, "DDDD", "-ab"},
		{1, 0, false, "DDDD", "-a"}, {3, 0, false, "DDDD", "-ab"}, {2, 2, false, "UDUU", "ac"}, {2, 0, false, "PPUP", "c"},
		{2, 0, false, "DPDP", "bd"},
	} {
		p := ladder()
		p.Pick, p.N, p.MinUp = First, c.n, c.minUp
		if c.fence {
			p.Rules[0].Tiers, p.Rules[0].Fence = [][]int{{0, 1}, {2}}, true
		}
		if got := served(t, p, statesOf(c.states)); got != c.want {
			t.Errorf("n %d, min_up %d, fence %v, %s: got %s, want %s", c.n, c.minUp, c.fence, c.states, got, c.want)
		}
	}
}

func TestAllAnswersAtMostN(t *testing.T) {
	p := Pool{Name: "web", Order: Together}
	for i := range 6 {
		p.Servers = append(p.Servers, server(fmt.Sprint(i), fmt.Sprintf("192.0.2.%d", 2*i), fmt.Sprintf("192.0.2.%d", 2*i+1)))
	}
	for n, want := range map[int]int{0: 8, 1: 1, 5: 5, 12: 12, 64: 12} {
		p.N = n
		ch := mustCompile(t, smallWorld(), p).With(nil, nil).Answer(Ref{0, -1}, Client{Resolver: addr("81.0.0.1")}, typeA, 0)
		if got := answerText(ch); len(got) != want || ch.RRs != want || got[0] != "192.0.2.0" {
			t.Errorf("n %d: %v, %d records", n, got, ch.RRs)
		}
	}
}

// TestDrawnAlias holds that a CNAME drawn first is the answer, and one drawn later is passed over.
func TestDrawnAlias(t *testing.T) {
	for _, pick := range []Pick{Weighted, Sticky} {
		p := weighing(pick, 3, 1, 1, 1)
		p.Servers[1] = Server{Name: "b", CNAME: "b.example.net.", Slot: 1, Weight: 1}
		state := mustCompile(t, smallWorld(), p).With(nil, statesOf("UUU"))
		count := map[string]int{}
		r := random(t, 5)
		for i := range 3000 {
			c := clientOf("9.9.9.9", fmt.Sprintf("81.%d.%d.0/24", i>>8, i&255))
			got := answerText(state.Answer(Ref{0, -1}, c, typeA, r.Uint64()))
			slices.Sort(got)
			count[strings.Join(got, " ")]++
		}
		if a := count["CNAME b.example.net."]; len(count) != 2 || a < 850 || a > 1150 || a+count["192.0.2.1 192.0.2.3"] != 3000 {
			t.Errorf("pick %d: %v", pick, count)
		}
	}
}
