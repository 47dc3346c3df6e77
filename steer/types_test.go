package steer

import (
	"fmt"
	"strings"
	"testing"
)

func TestTypesOfAPool(t *testing.T) {
	const four, six = "192.0.2.1", "2001:db8::1"
	both, v4, v6 := server("both", four, six), server("v4", four), server("v6", six)
	alias := Server{Name: "alias", CNAME: "cdn.example.net.", Slot: -1}
	for _, c := range []struct {
		name string
		pool Pool
		want Info
		hint string // the beginning of each
	}{
		{"both", Pool{Servers: []Server{both}}, Info{A: true, AAAA: true}, ""},
		{"common", Pool{Servers: []Server{both, v4}}, Info{A: true}, "AAAA is withheld because server v4"},
		{"common, the other way", Pool{Servers: []Server{both, v6}}, Info{AAAA: true}, "A is withheld because server v6"},
		{"no AAAA at all", Pool{Servers: []Server{v4}}, Info{A: true}, ""},
		{"no A at all", Pool{Servers: []Server{v6}}, Info{AAAA: true}, ""},
		{"each", Pool{Servers: []Server{v4, v6}, Each: true}, Info{A: true, AAAA: true}, ""},
		{"CNAME only", Pool{Servers: []Server{alias}}, Info{CNAME: true, OnlyCNAME: true}, ""},
		{"mixed", Pool{Servers: []Server{alias, v4}}, Info{A: true, CNAME: true}, ""},
		{"mixed, common", Pool{Servers: []Server{alias, v4, both}}, Info{A: true, CNAME: true}, "AAAA is withheld"},
		{"mixed, each", Pool{Servers: []Server{alias, v4, both}, Each: true}, Info{A: true, AAAA: true, CNAME: true}, ""},
		{
			"a CNAME as fallback", Pool{Servers: []Server{both}, AllDown: UseFallback, Fallback: []Server{alias}},
			Info{A: true, AAAA: true, CNAME: true}, "",
		},
		{
			"a fallback that is not used", Pool{Servers: []Server{both}, Fallback: []Server{alias}},
			Info{A: true, AAAA: true}, "",
		},
		{
			"addresses behind CNAMEs", Pool{Servers: []Server{alias}, AllDown: UseFallback, Fallback: []Server{v4}},
			Info{A: true, CNAME: true}, "",
		},
		{
			"a fallback without AAAA", Pool{Servers: []Server{both}, AllDown: UseFallback, Fallback: []Server{v4}},
			Info{A: true, AAAA: true}, "no fallback server has AAAA",
		},
	} {
		c.pool.Name = "web"
		set := mustCompile(t, smallWorld(), c.pool)
		if got := set.Info(Ref{0, -1}); got != c.want {
			t.Errorf("%s: got %+v, want %+v", c.name, got, c.want)
		}
		hints := strings.Join(c.pool.Hints(), "; ")
		if !strings.HasPrefix(hints, c.hint) || (hints == "") != (c.hint == "") {
			t.Errorf("%s: hints %q, want %q", c.name, hints, c.hint)
		}
	}
}

func TestTypesOfAPinnedServer(t *testing.T) {
	p := Pool{Name: "web", Servers: []Server{
		server("both", "192.0.2.1", "192.0.2.2", "2001:db8::1"), server("v4", "192.0.2.3"),
		{Name: "alias", CNAME: "cdn.example.net.", Slot: 0},
	}}
	state := mustCompile(t, smallWorld(), p).With(nil, statesOf("D"))
	for _, c := range []struct {
		ref   string
		info  Info
		qtype uint16
		want  string
	}{
		{"web/both", Info{A: true, AAAA: true}, typeA, "0 [192.0.2.1 192.0.2.2]"},
		{"web/both", Info{A: true, AAAA: true}, typeAAAA, "0 [2001:db8::1]"},
		{"web/both", Info{A: true, AAAA: true}, 16, "2 []"},
		{"web/v4", Info{A: true}, typeAAAA, "2 []"},
		{"web/alias", Info{CNAME: true, OnlyCNAME: true}, 16, "1 [CNAME cdn.example.net.]"},
	} {
		ref, err := state.Find(c.ref)
		if err != nil {
			t.Fatal(err)
		}
		if got := state.Info(ref); got != c.info {
			t.Errorf("%s: info %+v, want %+v", c.ref, got, c.info)
		}
		ch := state.Answer(ref, clientOf("81.0.0.1", "82.0.0.0/24"), c.qtype, 0)
		if got := fmt.Sprintf("%d %s", ch.Kind, answerText(ch)); got != c.want || ch.Scope != 0 || ch.TTL(60) != 60 {
			t.Errorf("%s, type %d: got %s, want %s; %+v", c.ref, c.qtype, got, c.want, ch)
		}
	}
}

// TestTypesNeverComeAndGo is point 1 of a pool's policy: whatever the client and the states, a type that
// exists has data and one that does not has none. all_down = "nodata" and "servfail" say otherwise by
// configuration, and do so for every client at once.
func TestTypesNeverComeAndGo(t *testing.T) {
	for seed := range uint64(150) {
		m := newPoolMaker(t, 2000+seed, 5)
		p := m.pool("p")
		set := mustCompile(t, m.w.part, p)
		var state *State
		for worse := range 4 {
			state = set.With(state, m.snapshot(worse))
			for _, qtype := range []uint16{typeA, typeAAAA, 5, 15, 16} {
				steady(t, m, &p, state, qtype, seed)
			}
		}
	}
}

func steady(t *testing.T, m *poolMaker, p *Pool, state *State, qtype uint16, seed uint64) {
	t.Helper()
	i := state.Info(Ref{0, -1})
	want := qtype == typeA && i.A || qtype == typeAAAA && i.AAAA || i.OnlyCNAME
	kinds := map[Kind]bool{}
	for range 40 {
		ch := state.Answer(Ref{0, -1}, m.client(), qtype, m.Uint64())
		data := ch.Kind == Alias && len(ch.Alias) > 0 || ch.Kind == Addresses && ch.RRs > 0
		if ch.Kind == Alias && !i.CNAME {
			t.Fatalf("seed %d: a CNAME from a pool that has none", seed)
		}
		if !data && ch.Scope != 0 {
			t.Fatalf("seed %d: a negative answer with scope %d", seed, ch.Scope)
		}
		if ch.AllDown && p.AllDown >= DenyData {
			data = want
			kinds[ch.Kind] = true
		} else {
			kinds[Addresses] = true
		}
		if data != want {
			t.Fatalf("seed %d, type %d: info %+v, but a client gets kind %d with %d records\n%+v", seed, qtype, i, ch.Kind, ch.RRs, *p)
		}
	}
	if len(kinds) != 1 {
		t.Fatalf("seed %d, type %d: some clients get data, others %v", seed, qtype, kinds)
	}
}
