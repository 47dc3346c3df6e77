package steer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/meridian-dns/meridian/geo"
)

// TestNeighboursAreRankedAsAlone compares the rankings of places that lie close together, found along the walk, with
// those of each place by itself. Servers stand in heaps, opposite to each other and at one spot, so that bands begin and
// end everywhere.
func TestNeighboursAreRankedAsAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	saved, all := 0, 0
	for range 60 {
		p := Pool{Pick: Pick(r.IntN(4)), Order: Order(r.IntN(3)), N: 1 + r.IntN(3)}
		for i := range 2 + r.IntN(7) {
			p.Servers = append(p.Servers, someServer(r, p.Servers, i))
		}
		p.Rules = []Rule{{Tiers: [][]int{{1}, {0}}, Tokens: []Token{{Kind: Country, Code: geo.Code{'D', 'E'}}}}}
		part := &geo.Partition{Places: crowd(r)}
		m, err := newMatcher(p.Rules, newNetworks(nil))
		if err != nil {
			t.Fatal(err)
		}
		o := newOrdering(&p)
		ranks, list, err := rankPlaces(part, newWalk(part.Places), m, o, maxRankings)
		if err != nil {
			t.Fatal(err)
		}
		alone, last := newRanker(o), settled{reach: -1}
		for i := range part.Places {
			if part.Places[i].Special {
				continue // ranked by no one
			}
			at := placePoint(&part.Places[i])
			rule := m.match(&part.Places[i]).rule
			if got, want := list.at(ranks[i]), alone.rank(rule, at); !slices.Equal(got, want) {
				t.Fatalf("%+v\n%+v: ranking %v, want %v", p, part.Places[i], got, want)
			}
			if all++; last.holds(at) {
				saved++
			} else {
				last = settled{at, alone.reach(), 0}
			}
		}
	}
	if saved < all/4 {
		t.Errorf("only %d of %d places were ranked by their neighbours", saved, all)
	}
}

func someServer(r *rand.Rand, before []Server, i int) Server {
	s := Server{Name: fmt.Sprint(i), Located: r.IntN(8) > 0, Weight: 1}
	s.At = geo.Point{Lat: float64(r.IntN(7)*30 - 90), Lon: float64(r.IntN(13)*30 - 180)}
	if len(before) == 0 {
		return s
	}
	old := before[r.IntN(len(before))].At
	switch r.IntN(4) {
	case 0:
		s.At = old
	case 1:
		s.At = geo.Point{Lat: -old.Lat, Lon: old.Lon}
	case 2:
		s.At = geo.Point{Lat: min(old.Lat+r.Float64(), 90), Lon: old.Lon + r.Float64()}
	}
	return s
}

// crowd are places in heaps of a few metres to a thousand kilometres, and some that nobody knows.
func crowd(r *rand.Rand) []geo.Place {
	places := []geo.Place{{}, {Special: true}}
	for range 40 {
		lat, lon := r.Float64()*180-90, r.Float64()*360-180
		wide := []float64{1e-5, 0.01, 1, 10}[r.IntN(4)]
		for range 50 {
			p := geo.Place{Located: r.IntN(50) > 0, Lat: float32(min(90, max(-90, lat+wide*r.NormFloat64()))), Lon: float32(lon + wide*r.NormFloat64())}
			if r.IntN(3) == 0 {
				p.Country = geo.Code{'D', 'E'}
			}
			places = append(places, p)
		}
	}
	return places
}

// TestWalkIsShort holds that places which follow one another lie close together, and that none is left out.
func TestWalkIsShort(t *testing.T) {
	var places []geo.Place
	for lat := range 90 {
		for lon := range 180 {
			places = append(places, geo.Place{Located: true, Lat: float32(lat*2 - 89), Lon: float32(lon*2 - 179)})
		}
	}
	w := newWalk(append([]geo.Place{{}, {Special: true}}, places...))
	if w.place[0] != geo.Unknown || w.place[1] != geo.SpecialPlace {
		t.Errorf("the walk begins at %v", w.place[:2])
	}
	seen := map[geo.PlaceID]bool{}
	far := 0
	for i, place := range w.place {
		seen[place] = true
		if i > 2 && kilometres(w.at[i].chord(w.at[i-1])) > 700 {
			far++
		}
	}
	if len(seen) != len(places)+2 || far > len(places)/50 {
		t.Errorf("%d places of %d, %d of them far from the one before", len(seen), len(places)+2, far)
	}
}
