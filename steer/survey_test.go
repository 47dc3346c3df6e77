package steer

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/meridian-dns/meridian/geo"
)

// TestSurveyAgreesWithExplanations asks what the places of random address spaces are answered, once by place and once by
// an address there.
func TestSurveyAgreesWithExplanations(t *testing.T) {
	looked := 0
	for seed := range uint64(40) {
		m := newPoolMaker(t, 500+seed, 12)
		pools := []Pool{m.pool("a"), m.pool("b"), m.pool("c")}
		set, err := compileFor(m.w.part, maxRankings, pools...)
		if err != nil {
			t.Fatal(err)
		}
		for worse := range 3 {
			duties := make(Duties, len(pools))
			for i := range duties {
				for range pools[i].Servers {
					duties[i] = append(duties[i], Duty{Drained: m.one(5), Force: Force(m.IntN(7) / 5)})
				}
			}
			state := set.WithDuties(nil, m.snapshot(worse), duties)
			for i := range pools {
				looked += surveyAgrees(t, state, Ref{int32(i), -1}, fmt.Sprintf("seed %d, pool %d", seed, i))
			}
		}
	}
	if looked < 1000 {
		t.Errorf("only %d places were looked at", looked)
	}
}

func surveyAgrees(t *testing.T, state *State, r Ref, where string) (looked int) {
	t.Helper()
	part, v := state.set.part, state.Survey(r, nil)
	for i := range part.V4.Len() {
		id := part.V4.Place(i)
		if int(id) >= len(part.Places) || part.Places[id].Special {
			continue
		}
		looked++
		place := part.Places[id]
		e := state.Explain(r, Client{Resolver: addrOf(0, part.V4.Start(i))}, 0)
		s := v.At(&place)
		if s.Kind != e.Choice.Kind && !(s.Kind == Addresses && e.Choice.Kind == Alias) || s.AllDown != e.AllDown {
			t.Fatalf("%s: from %+v kind %d, all down %v; explained as %d, %v", where, place, s.Kind, s.AllDown, e.Choice.Kind, e.AllDown)
		}
		var got []string
		for _, i := range s.Servers {
			servers := v.Pool().Servers
			if s.Spare {
				servers = v.Pool().Fallback
			}
			got = append(got, servers[i].Name)
		}
		want := pickedIn(&e)
		slices.Sort(got)
		if v.Pool().Pick == Sticky { // each address picks some of them by its hash
			got = slices.DeleteFunc(got, func(name string) bool { return !slices.Contains(want, name) })
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s: from %+v %q, explained as %q\n%+v", where, place, got, want, e)
		}
	}
	return looked
}

// pickedIn lists the servers of an explanation's answer.
func pickedIn(e *Explanation) []string {
	var names []string
	tiers := e.Tiers
	if e.Fallback {
		tiers = []Tier{{Servers: e.Spare}}
	}
	for _, t := range tiers {
		for _, s := range t.Servers {
			if s.Picked {
				names = append(names, s.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}

// TestSurveyShares checks how often each of several servers is the one, and how far it is.
func TestSurveyShares(t *testing.T) {
	m := newPoolMaker(t, 1, 4)
	a, b := m.server("a"), m.server("b")
	for i, s := range []*Server{&a, &b} {
		s.CNAME, s.Addrs, s.Weight = "", []Address{m.address(0)}, 1+2*i
		s.Located, s.At = true, geo.Point{Lat: float64(10 * i)}
	}
	set, err := compileFor(m.w.part, maxRankings, Pool{Name: "p", Servers: []Server{a, b}, Pick: Weighted, Order: Together})
	if err != nil {
		t.Fatal(err)
	}
	v := set.With(nil, nil).Survey(Ref{0, -1}, nil)
	s := v.At(&geo.Place{Located: true})
	if !slices.Equal(s.Shares, []float64{0.25, 0.75}) || s.KM[0] != 0 || math.Abs(s.KM[1]-geo.DistanceKM(a.At, b.At)) > 0.01 {
		t.Errorf("%+v", s)
	}
	if s = v.At(&geo.Place{}); !math.IsNaN(s.KM[0]) {
		t.Errorf("from nowhere it is %v km", s.KM[0])
	}
	down := set.With(nil, nil).Survey(Ref{0, -1}, []string{"b"})
	if s = down.At(&geo.Place{Located: true}); !slices.Equal(s.Servers, []int{0}) || down.Standpoints()[1].Level != "down" {
		t.Errorf("with b down: %+v, %+v", s, down.Standpoints())
	}
	if set.With(nil, nil).Survey(Ref{0, 1}, nil) != nil || set.With(nil, nil).Survey(Ref{7, -1}, nil) != nil {
		t.Error("a survey of no pool")
	}
}
