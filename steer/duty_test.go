package steer

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/healthcheck"
)

// without is a pool from which the drained servers are taken out in the file.
func without(p Pool, duties []Duty) Pool {
	q := p
	q.Servers, q.Fallback, q.Rules = nil, nil, rules("default")
	q.Rules[0].Tiers = nil
	place := map[int]int{}
	for i, s := range p.Servers {
		if !duties[i].Drained {
			place[i] = len(q.Servers)
			q.Servers = append(q.Servers, s)
		}
	}
	for i, s := range p.Fallback {
		if !duties[len(p.Servers)+i].Drained {
			q.Fallback = append(q.Fallback, s)
		}
	}
	for _, tier := range p.Rules[0].Tiers {
		var left []int
		for _, s := range tier {
			if !duties[s].Drained {
				left = append(left, place[s])
			}
		}
		if len(left) > 0 {
			q.Rules[0].Tiers = append(q.Rules[0].Tiers, left)
		}
	}
	q.MinUp = min(p.MinUp, len(q.Servers))
	if q.AllDown == UseFallback && len(q.Fallback) == 0 {
		q.AllDown = ServeAll
	}
	return q
}

// answered1 is the answer for a client, in one line.
func answered1(s *State, i int32) string {
	ch := s.Answer(Ref{i, -1}, Client{Resolver: addr("81.0.0.1")}, typeA, 7)
	all := answerText(ch)
	slices.Sort(all)
	return fmt.Sprint(ch.Kind, ch.AllDown, all)
}

// TestDrainedIsAsIfItWereNotThere compares, for every subset drained and every state of a small pool, with the pool
// without those servers; and where none is left, with the pool as if nothing were drained.
func TestDrainedIsAsIfItWereNotThere(t *testing.T) {
	for _, pick := range []Pick{All, First} {
		for _, allDown := range []AllDown{ServeAll, UseFallback, DenyData, Fail} {
			for minUp := 1; minUp < 3; minUp++ {
				for mask := range 1 << 6 {
					p := ladder()
					p.Pick, p.AllDown, p.MinUp = pick, allDown, minUp
					if allDown == UseFallback {
						p.Fallback = []Server{checked("x", 4, "192.0.2.91"), checked("y", 5, "192.0.2.92")}
					} else if mask >= 1<<4 {
						continue
					}
					compareDrained(t, p, mask)
				}
			}
		}
	}
}

func compareDrained(t *testing.T, p Pool, mask int) {
	t.Helper()
	duties := make([]Duty, len(p.Servers)+len(p.Fallback))
	for i := range duties {
		duties[i].Drained = mask>>i&1 == 1
	}
	q := without(p, duties)
	set := mustCompile(t, smallWorld(), p)
	var reduced *Set
	if len(q.Servers) > 0 {
		reduced = mustCompile(t, smallWorld(), q)
	}
	for up := range 1 << 6 {
		h := statesOf(strings.Repeat("D", 6))
		for i := range h.States {
			if up>>i&1 == 1 {
				h.States[i].Status = healthcheck.Up
			}
		}
		got := answered1(set.WithDuties(nil, h, Duties{duties}), 0)
		var want string
		spareReady := up&^mask>>4 != 0
		switch {
		case reduced != nil:
			want = answered1(reduced.With(nil, h), 0)
		case p.AllDown == UseFallback && spareReady: // the fallback, as if the pool's own were down
			down := statesOf("DDDD" + "DD")
			for i := 4; i < 6; i++ {
				if up&^mask>>i&1 == 1 {
					down.States[i].Status = healthcheck.Up
				}
			}
			want = answered1(set.With(nil, down), 0)
		default:
			spare := make([]Duty, len(duties))
			copy(spare[4:], duties[4:])
			want = answered1(set.WithDuties(nil, h, Duties{spare}), 0)
		}
		if got != want {
			t.Fatalf("pick %d, all_down %d, min_up %d, drained %06b, up %06b: got %s, want %s", p.Pick, p.AllDown, p.MinUp, mask, up, got, want)
		}
	}
}

// TestForcedOverridesChecks holds that a forced state is as if the checks said so, pending and unprobed ones too.
func TestForcedOverridesChecks(t *testing.T) {
	set := mustCompile(t, smallWorld(), ladder())
	for n := range 3 * 3 * 3 * 3 {
		for _, states := range []string{"UUUU", "DDDD", "UDPN", "P?DU"} {
			duties, want := make([]Duty, 4), []byte(states)
			for i, div := range []int{1, 3, 9, 27} {
				duties[i].Force = Force(n / div % 3)
				if f := duties[i].Force; f != Auto {
					want[i] = " UD"[f]
				}
			}
			got := answered1(set.WithDuties(nil, statesOf(states), Duties{duties}), 0)
			if w := answered1(set.With(nil, statesOf(string(want))), 0); got != w {
				t.Fatalf("%s forced to %s: got %s, want %s", states, want, got, w)
			}
		}
	}
}

// TestDutiesRebuildTheirPools holds that a change of duties reaches exactly the pools concerned, and is undone.
func TestDutiesRebuildTheirPools(t *testing.T) {
	a, b := ladder(), ladder()
	a.Name, b.Name = "one", "two"
	set := mustCompile(t, smallWorld(), a, b)
	h := statesOf("UUUU")
	plain := set.With(nil, h)
	drain := Duties{nil, {{Drained: true, Why: "kernel"}}}
	with := set.WithDuties(plain, h, drain)
	if with.pools[0] != plain.pools[0] || with.pools[1] == plain.pools[1] {
		t.Error("the wrong pools were rebuilt")
	}
	if got := answered1(with, 1); got != "0 false [192.0.2.2]" {
		t.Errorf("drained: %s", got)
	}
	if again := set.WithDuties(with, h, drain); again.pools[1] != with.pools[1] {
		t.Error("rebuilt without a change")
	}
	if got := answered1(set.WithDuties(with, h, nil), 1); got != answered1(plain, 1) {
		t.Errorf("released: %s", got)
	}
	lines := strings.Join(with.Explain(Ref{1, -1}, clientOf("81.0.0.1", ""), typeA).Lines(60), "\n")
	if !strings.Contains(lines, "drained (kernel); 192.0.2.1 up") {
		t.Errorf("not explained:\n%s", lines)
	}
}
