package steer

import (
	"fmt"
	"slices"
	"testing"
)

// TestBriefAgreesWithExplain compares what a narrator tells with explanations, over random pools, states and clients, in
// turn between states.
func TestBriefAgreesWithExplain(t *testing.T) {
	for seed := range uint64(20) {
		m := newPoolMaker(t, seed, 8)
		pools := []Pool{m.pool("p0"), m.pool("p1")}
		for i := range pools[1].Servers {
			pools[1].Servers[i].Number += 100
		}
		set, err := compileFor(m.w.part, maxRankings, pools...)
		if err != nil {
			t.Fatal(err)
		}
		states := []*State{set.With(nil, m.snapshot(1)), set.With(nil, m.snapshot(3))}
		var n Narrator
		for i := range 300 {
			s, r, c, qtype := states[i/7%2], Ref{int32(i % 2), int32(m.IntN(3) - 1)}, m.client(), []uint16{typeA, typeAAAA, 16}[i%3]
			if int(r.Server) >= len(pools[r.Pool].Servers) {
				r.Server = -1
			}
			b, e := n.Brief(s, r, c, qtype), s.Explain(r, c, qtype)
			if why := differs(&b, &e); why != "" {
				t.Fatalf("seed %d, %+v, %+v, type %d: %s\n%+v\n%+v", seed, r, c, qtype, why, b, e)
			}
			if i%50 == 0 {
				n.Forget()
			}
		}
		if got := n.Named(states[0], 101); got != (Seat{"p1", "s0"}) {
			t.Errorf("number 101 is %v", got)
		}
		if got := n.Named(states[0], 99); got != (Seat{}) {
			t.Errorf("number 99 is %v", got)
		}
	}
}

func differs(b *Brief, e *Explanation) string {
	ref := b.Pool
	if b.Server != "" {
		ref += "/" + b.Server
	}
	tier := 1 + slices.IndexFunc(e.Tiers, func(t Tier) bool { return t.Serving })
	switch {
	case ref != e.Ref:
		return "ref"
	case e.Pick == "":
		return ""
	case b.Place != e.Place || b.Rule != e.Rule || b.AllDown != e.AllDown || b.Why != e.Pick:
		return "place, rule or why"
	case b.Tier != tier:
		return fmt.Sprintf("tier %d", tier)
	}
	return ""
}

func BenchmarkBrief(b *testing.B) {
	state, clients := costly(b)
	var n Narrator
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		n.Brief(state, Ref{0, -1}, clients[i&63], typeA)
		i++
	}
}
