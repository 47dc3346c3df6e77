package steer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/healthcheck"
)

// statesOf reads "UDPN?" letters: up, down, pending, unprobed (no route), unknown.
func statesOf(letters string) *healthcheck.Snapshot {
	s := &healthcheck.Snapshot{}
	for _, l := range letters {
		status := map[rune]healthcheck.Status{
			'U': healthcheck.Up, 'D': healthcheck.Down, 'P': healthcheck.Pending,
			'N': healthcheck.Unprobed, '?': healthcheck.Unknown,
		}[l]
		s.States = append(s.States, healthcheck.State{Status: status})
	}
	return s
}

// checked makes a server with one check per address, the first at the given slot.
func checked(name string, slot healthcheck.Slot, addrs ...string) Server {
	s := server(name, addrs...)
	for i := range s.Addrs {
		s.Addrs[i].Slot = slot + healthcheck.Slot(i)
	}
	return s
}

// ladder is four servers a b | c | d with one IPv4 address each and slots 0 to 3.
func ladder() Pool {
	p := Pool{Name: "web", Order: Together, Rules: rules("default")}
	for i, name := range []string{"a", "b", "c", "d"} {
		p.Servers = append(p.Servers, checked(name, healthcheck.Slot(i), fmt.Sprintf("192.0.2.%d", i+1)))
	}
	p.Rules[0].Tiers = [][]int{{0, 1}, {2}, {3}}
	return p
}

// served returns the names of the servers an answer of A holds, "-" before them if all are down.
func served(t *testing.T, p Pool, h *healthcheck.Snapshot) string {
	t.Helper()
	ch := mustCompile(t, smallWorld(), p).With(nil, h).Answer(Ref{0, -1}, Client{Resolver: addr("81.0.0.1")}, typeA, 0)
	var b strings.Builder
	if ch.AllDown {
		b.WriteByte('-')
	}
	for _, a := range answerText(ch) {
		for _, s := range append(p.Servers, p.Fallback...) {
			if len(s.Addrs) > 0 && s.Addrs[0].Addr.String() == a || "CNAME "+s.CNAME == a {
				b.WriteString(s.Name)
			}
		}
	}
	return b.String()
}

// TestServingTier gives, for every up/down subset of a b | c | d, the servers that answer.
func TestServingTier(t *testing.T) {
	for _, c := range []struct{ up, one, two, fence string }{ // min_up 1, min_up 2, fence around the first two tiers
		{"UUUU", "ab", "ab", "ab"}, {"UUUD", "ab", "ab", "ab"}, {"UUDU", "ab", "ab", "ab"}, {"UUDD", "ab", "ab", "ab"},
		{"UDUU", "a", "a", "a"}, {"UDUD", "a", "a", "a"}, {"UDDU", "a", "a", "a"}, {"UDDD", "a", "a", "a"},
		{"DUUU", "b", "b", "b"}, {"DUUD", "b", "b", "b"}, {"DUDU", "b", "b", "b"}, {"DUDD", "b", "b", "b"},
		{"DDUU", "c", "c", "c"}, {"DDUD", "c", "c", "c"}, {"DDDU", "d", "d", "-ab"}, {"DDDD", "-ab", "-ab", "-ab"},
	} {
		p := ladder()
		if got := served(t, p, statesOf(c.up)); got != c.one {
			t.Errorf("%s: got %s, want %s", c.up, got, c.one)
		}
		p.MinUp = 2
		if got := served(t, p, statesOf(c.up)); got != c.two {
			t.Errorf("%s, min_up 2: got %s, want %s", c.up, got, c.two)
		}
		p.Rules[0] = Rule{Source: "default", Tokens: p.Rules[0].Tokens, Tiers: [][]int{{0, 1}, {2}}, Fence: true}
		if got := served(t, p, statesOf(c.up)); got != c.fence {
			t.Errorf("%s, fence: got %s, want %s", c.up, got, c.fence)
		}
	}
}

// TestMinUpWalksOn needs a later tier that is larger.
func TestMinUpWalksOn(t *testing.T) {
	for _, c := range []struct {
		up    string
		minUp int
		want  string
	}{
		{"UUUU", 2, "bcd"}, {"UUDD", 2, "a"}, {"UDUU", 2, "cd"}, {"UUUD", 3, "a"}, {"DUUD", 3, "bc"}, {"UUUU", 9, "a"},
		{"PUDD", 2, "b"}, {"PPDD", 2, "a"}, {"PPPD", 2, "bc"}, {"DDDD", 2, "-a"},
	} {
		p := ladder()
		p.MinUp, p.Rules[0].Tiers = c.minUp, [][]int{{0}, {1, 2, 3}}
		if got := served(t, p, statesOf(c.up)); got != c.want {
			t.Errorf("%s, min_up %d: got %s, want %s", c.up, c.minUp, got, c.want)
		}
	}
}

// TestEveryStateOfASmallPool compares with the reference over all 5^4 states, in every mode.
func TestEveryStateOfASmallPool(t *testing.T) {
	var pools []Pool
	for _, pick := range []Pick{All, First, Weighted} {
		for _, down := range []AllDown{ServeAll, UseFallback, DenyData, Fail} {
			for minUp := range 3 {
				p := ladder()
				p.Name = fmt.Sprint(pick, down, minUp)
				p.Pick, p.AllDown, p.MinUp, p.Fallback = pick, down, minUp, []Server{server("f", "192.0.2.9")}
				pools = append(pools, p)
			}
		}
	}
	set := mustCompile(t, smallWorld(), pools...)
	tiers := [][]int{{0, 1}, {2}, {3}}
	for n := range 5 * 5 * 5 * 5 {
		h := &healthcheck.Snapshot{States: make([]healthcheck.State, 4)}
		for i, div := range []int{1, 5, 25, 125} {
			h.States[i].Status = healthcheck.Status(n / div % 5)
		}
		state := set.With(nil, h)
		for i := range pools {
			ch := state.Answer(Ref{int32(i), -1}, Client{Resolver: addr("81.0.0.1")}, typeA, uint64(n))
			if err := compare(ch, &pools[i], &refHealth{&pools[i], h}, tiers, 0, typeA); err != nil {
				t.Fatalf("states %v, pool %s: %v", h.States, pools[i].Name, err)
			}
		}
	}
}

// TestAddressesOfAServer holds that only addresses that are up are served, and whom unprobed ones follow.
func TestAddressesOfAServer(t *testing.T) {
	const four, six = "192.0.2.1 192.0.2.2", "2001:db8::1 2001:db8::2"
	for _, c := range []struct{ states, a, aaaa string }{ // of two IPv4 and two IPv6 addresses
		{"UUUU", four, six},
		{"UDUU", "192.0.2.1", six},
		{"DDUU", "other", six},
		{"DDDU", "other", "2001:db8::2"},
		{"UUNN", four, six},
		{"DUNN", "192.0.2.2", six},
		{"DDNN", "other", "other"},
		{"NNDD", "other", "other"},
		{"NNDU", four, "2001:db8::2"},
		{"NNNN", four, six},
		{"????", four, six},
		{"PPUU", "other", six},
		{"PPNN", "other", "other"},
		{"PUNN", "192.0.2.2", six},
		{"UNDD", four[:9], "other"}, // the unprobed one follows the other family, not its own
	} {
		p := Pool{Name: "web", Order: Listed, Servers: []Server{
			checked("both", 0, "192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"),
			checked("other", -1, "192.0.2.200"),
		}}
		p.Servers[1].Addrs = append(p.Servers[1].Addrs, Address{addr("2001:db8::c8"), -1})
		state := mustCompile(t, smallWorld(), p).With(nil, statesOf(c.states))
		for qtype, want := range map[uint16]string{typeA: c.a, typeAAAA: c.aaaa} {
			ch := state.Answer(Ref{0, -1}, Client{Resolver: addr("81.0.0.1")}, qtype, 0)
			got := strings.Join(answerText(ch), " ")
			got = strings.NewReplacer("192.0.2.200", "other", "2001:db8::c8", "other").Replace(got)
			if got != want {
				t.Errorf("%s, type %d: got %s, want %s", c.states, qtype, got, want)
			}
		}
	}
}

// TestFallback holds that a fallback serves what is fit of it, and is passed over where it has no such type.
func TestFallback(t *testing.T) {
	p := ladder()
	p.AllDown = UseFallback
	p.Fallback = []Server{checked("x", 4, "192.0.2.91"), checked("y", 5, "192.0.2.92")}
	for _, c := range []struct{ states, want string }{
		{"DDDUDD", "d"}, {"DDDDUU", "-xy"}, {"DDDDDU", "-y"}, {"DDDDDP", "-y"}, {"DDDDDD", "-xy"}, {"DDDPUU", "d"},
	} {
		if got := served(t, p, statesOf(c.states)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.states, got, c.want)
		}
	}
	p.Fallback = []Server{server("z", "2001:db8::9")}
	if got := served(t, p, statesOf("DDDD")); got != "-ab" {
		t.Errorf("fallback without A: got %s", got)
	}
}

// TestFallbackBehindAFence holds that the first fallback servers are not mistaken for the first of the pool.
func TestFallbackBehindAFence(t *testing.T) {
	p := ladder()
	p.AllDown, p.Fallback = UseFallback, []Server{server("x", "192.0.2.90"), server("y", "192.0.2.91")}
	p.Rules = rules("country:DE", "default")
	p.Rules[0].Tiers, p.Rules[0].Fence, p.Rules[1].Tiers = [][]int{{2, 3}}, true, [][]int{{0, 1}}
	set := mustCompile(t, smallWorld(), p)
	const own, other, spare = "[192.0.2.3 192.0.2.4] false", "[192.0.2.1 192.0.2.2] false", "[192.0.2.90 192.0.2.91] true"
	for _, c := range []struct{ states, de, rest string }{
		{"UUUU", own, other}, {"UUDD", spare, other}, {"DDUU", own, own}, {"DDDD", spare, spare},
	} {
		for from, want := range map[string]string{"81.0.0.1": c.de, "82.0.0.1": c.rest} {
			ch := set.With(nil, statesOf(c.states)).Answer(Ref{0, -1}, clientOf(from, ""), typeA, 0)
			if got := fmt.Sprint(answerText(ch), ch.AllDown); got != want {
				t.Errorf("%s from %s: got %s, want %s", c.states, from, got, want)
			}
		}
	}
}

// TestAliasServers is point 8 of a pool's policy.
func TestAliasServers(t *testing.T) {
	p := ladder()
	p.Servers[0] = Server{Name: "a", CNAME: "a.example.net.", Slot: 0}
	for _, c := range []struct {
		pick         Pick
		n            int
		states, want string
	}{
		{All, 0, "UUUU", "a"}, {All, 0, "DUUU", "b"}, {All, 0, "NUUU", "a"}, {All, 0, "DDDD", "-a"}, {All, 0, "PDDD", "a"},
		{First, 3, "UUUU", "a"}, {First, 3, "DUUU", "bcd"},
	} {
		p.Pick, p.N = c.pick, c.n
		if got := served(t, p, statesOf(c.states)); got != c.want {
			t.Errorf("pick %d, %s: got %s, want %s", c.pick, c.states, got, c.want)
		}
	}
	p.Servers[0], p.Servers[1] = p.Servers[1], p.Servers[0] // a CNAME that is not first is passed over
	p.Pick, p.N = First, 2
	if got := served(t, p, statesOf("UUUU")); got != "bc" {
		t.Errorf("behind an address: got %s", got)
	}
}
