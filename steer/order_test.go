package steer

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/geo"
)

// tiersText writes a ranking as "a b | c".
func tiersText(seq []uint16, servers []Server) string {
	var b strings.Builder
	for i, s := range seq {
		b.WriteString(servers[s&^tierEnd].Name)
		if s&tierEnd != 0 && i < len(seq)-1 {
			b.WriteString(" |")
		}
		if i < len(seq)-1 {
			b.WriteString(" ")
		}
	}
	return b.String()
}

// along makes servers on the equator, so many kilometres east of 0,0; NaN has no location.
func along(km ...float64) []Server {
	var out []Server
	for i, d := range km {
		s := Server{Name: string(rune('a' + i)), Located: !math.IsNaN(d)}
		if s.Located {
			s.At.Lon = d / earthKM * 180 / math.Pi
		}
		out = append(out, s)
	}
	return out
}

func TestOrder(t *testing.T) {
	nan := math.NaN()
	here := geo.Place{Located: true}
	for _, c := range []struct {
		name    string
		order   Order
		pick    Pick
		servers []Server
		tiers   [][]int
		fence   bool
		place   geo.Place
		want    string
	}{
		{name: "by distance", servers: along(900, 300, 600), place: here, want: "b | c | a"},
		{name: "50 km more is as near", servers: along(149.9, 100, 150.1), place: here, want: "a b | c"},
		{name: "5 percent more is as near", servers: along(2101, 2000, 2099), place: here, want: "b c | a"},
		{name: "a band opens at its nearest, not at the last one in it", servers: along(100, 140, 180), place: here, want: "a b | c"},
		{name: "exactly 5 percent is as near", servers: along(2100, 2000), place: here, want: "a b"},
		{name: "exactly 50 km is as near", pick: First, servers: along(150, 100), place: here, want: "b a"},
		{name: "east and west are a tie", pick: First, servers: along(-1234.5, 1234.5, -1234.5), place: here, want: "a b c"},
		{name: "the same place is a tie", servers: along(5000, 5000), place: here, want: "a b"},
		{name: "at the place itself", servers: along(0, 49, 51), place: here, want: "a b | c"},
		{name: "near the antipode all is as near", servers: along(19900, 20000, 19100), place: here, want: "a b c"},
		{name: "just short of that", servers: along(20000, 18000, 19100), place: here, want: "b | a c"},
		{name: "within a tier file order", servers: along(40, 20, 0), place: here, want: "a b c"},
		{name: "but first picks the nearest", pick: First, servers: along(40, 20, 0), place: here, want: "c b a"},
		{name: "without a location behind all", servers: along(nan, 9000, nan, 10), place: here, want: "d | b | a | c"},
		{name: "coordinates that are no numbers", servers: along(3, 2), place: geo.Place{Located: true, Lat: float32(nan)}, want: "a | b"},
		{name: "a server at infinity", servers: along(math.Inf(1), 2), place: here, want: "b | a"},
		{name: "an unknown place", servers: along(900, 300, 600), want: "a | b | c"},
		{name: "an unknown place, within tiers", servers: along(9, 3, 6, 1), tiers: [][]int{{3, 1}, {2}}, want: "b | d | c | a"},
		{name: "the rest is a last tier, ordered", servers: along(900, 300, 600), tiers: [][]int{{0}}, place: here, want: "a | b | c"},
		{name: "fence", servers: along(900, 300, 600), tiers: [][]int{{0}, {2}}, fence: true, place: here, want: "a | c"},
		{name: "named twice counts once", servers: along(900, 300), tiers: [][]int{{0}, {0, 1}}, place: here, want: "a | b"},
		{name: "tiers of a rule stay apart", servers: along(0, 1, 2), tiers: [][]int{{2}, {1}}, place: here, want: "c | b | a"},
		{name: "listed", order: Listed, servers: along(9, 3, 6), place: here, want: "a | b | c"},
		{name: "listed by the rule", order: Listed, servers: along(9, 3, 6), tiers: [][]int{{2, 0}}, place: here, want: "c | a | b"},
		{name: "together", order: Together, servers: along(9000, 3, 6), place: here, want: "a b c"},
		{name: "together, two tiers", order: Together, servers: along(9, 3, 6), tiers: [][]int{{2, 0}}, place: here, want: "a c | b"},
		{name: "together, in the rule's order", order: Together, pick: First, servers: along(9, 3, 6), tiers: [][]int{{2, 0}}, want: "c a | b"},
		{
			name: "tiers until 8 are named, then file order", place: here,
			servers: along(9900, 9000, 100, 1000, 2000, 3000, 4000, 5000, 6000, 7000, 9500),
			want:    "c | d | e | f | g | h | i | j | a | b | k",
		},
		{
			name: "a band over 8 stays whole", place: here, servers: along(9000, 1, 2, 3, 4, 5, 6, 7, 8, 9, 8000),
			want: "b c d e f g h i j | a | k",
		},
		{
			name: "the eighth counts over the tiers of a rule", place: here, tiers: [][]int{{9, 8, 7, 6, 5, 4, 3, 2}},
			servers: along(9000, 100, 2, 3, 4, 5, 6, 7, 8, 9), want: "c d e f g h i j | a | b",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Pool{Servers: c.servers, Order: c.order, Pick: c.pick, Rules: []Rule{{Tiers: c.tiers, Fence: c.fence}}}
			seq := newRanker(newOrdering(&p)).rank(0, placePoint(&c.place))
			if got := tiersText(seq, c.servers); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// TestOrderWithinTiersCountsOnlyWhereItMatters holds that rankings are not told apart for nothing.
func TestOrderWithinTiersCountsOnlyWhereItMatters(t *testing.T) {
	two := []Server{server("a", "192.0.2.1", "192.0.2.2"), server("b", "192.0.2.3")}
	for _, c := range []struct {
		p    Pool
		want bool
	}{
		{Pool{Servers: two}, false},
		{Pool{Servers: two, N: 3}, false},
		{Pool{Servers: two, N: 2}, true},
		{Pool{Servers: two, Pick: First}, true},
		{Pool{Servers: two, Pick: Weighted}, false},
		{Pool{Servers: two, Pick: Sticky}, false},
		{Pool{Servers: append([]Server{{Name: "c", CNAME: "c."}}, two...)}, true},
		{Pool{Servers: append([]Server{{Name: "c", CNAME: "c."}}, two...), Pick: Weighted}, false},
	} {
		if got := exactWithinTiers(&c.p); got != c.want {
			t.Errorf("%+v: %v", c.p, got)
		}
	}
}

func TestBandsAreBands(t *testing.T) {
	b, r := newBands(), random(t, 4)
	for i := range 200000 {
		nearest := 4 * r.Float64() * r.Float64()
		switch i {
		case 0:
			nearest = 0
		case 1:
			nearest = 4
		}
		limit := band(nearest)
		for _, chord := range []float64{nearest, limit, math.Nextafter(limit, 9), limit * (1 + 1e-9), limit * r.Float64() * 1.1, 4} {
			if got := b.near(nearest, chord); got != (chord <= limit) {
				t.Fatalf("nearest %v, chord %v, limit %v: %v", nearest, chord, limit, got)
			}
		}
	}
}

func TestDistanceIsGreatCircle(t *testing.T) {
	r := random(t, 2)
	for range 2000 {
		p := geo.Place{Located: true, Lat: float32(r.Float64()*180 - 90), Lon: float32(r.Float64()*360 - 180)}
		at := geo.Point{Lat: r.Float64()*180 - 90, Lon: r.Float64()*360 - 180}
		if r.IntN(4) == 0 { // almost the antipode
			at = geo.Point{Lat: -float64(p.Lat) + r.Float64()*1e-6, Lon: float64(p.Lon) + 180}
		}
		got := kilometres(placePoint(&p).chord(pointAt(at.Lat, at.Lon)))
		want := geo.DistanceKM(geo.Point{Lat: float64(p.Lat), Lon: float64(p.Lon)}, at)
		if math.Abs(got-want) > 2e-3 {
			t.Fatalf("%v to %v: %f km, want %f", p, at, got, want)
		}
	}
}

func server(name string, addrs ...string) Server {
	s := Server{Name: name, Weight: 1, Slot: -1}
	for _, a := range addrs {
		s.Addrs = append(s.Addrs, Address{addr(a), -1})
	}
	return s
}

func TestRankingsAreNumberedOnce(t *testing.T) {
	r := newRankings(2)
	for i, c := range []struct {
		seq  []uint16
		want string
	}{
		{[]uint16{1, 2 | tierEnd}, "0 true"}, {[]uint16{1 | tierEnd, 2 | tierEnd}, "1 true"},
		{[]uint16{1, 2 | tierEnd}, "0 true"}, {[]uint16{1 | tierEnd}, "0 false"}, {[]uint16{1 | tierEnd, 2 | tierEnd}, "1 true"},
	} {
		id, ok := r.id(c.seq)
		if got := fmt.Sprint(id, ok); got != c.want {
			t.Errorf("%d: %v: got %s, want %s", i, c.seq, got, c.want)
		}
	}
	if got := fmt.Sprint(r.at(0), r.at(1)); got != fmt.Sprint([]uint16{1, 2 | tierEnd}, []uint16{1 | tierEnd, 2 | tierEnd}) {
		t.Error(got)
	}
}
