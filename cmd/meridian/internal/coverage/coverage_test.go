package coverage

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
)

// nowhere is an address space of which nothing is known: a map asks of places, not of addresses.
func nowhere() *geo.Partition {
	return &geo.Partition{
		Places: []geo.Place{{}, {Special: true}},
		V4:     geo.NewAtoms(24, []uint64{0}, []geo.PlaceID{0}, nil),
		V6:     geo.NewAtoms(56, []uint64{0}, []geo.PlaceID{0}, nil),
	}
}

// server makes one without a check.
func server(i int, name, site string, lat, lon float64) steer.Server {
	addr := netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})
	return steer.Server{Name: name, Site: site, At: geo.Point{Lat: lat, Lon: lon}, Located: true, Weight: 1,
		Addrs: []steer.Address{{Addr: addr, Slot: healthcheck.NoCheck}}}
}

// three is a pool of Paris, New York and Sydney.
func three() steer.Pool {
	return steer.Pool{Name: "web", Servers: []steer.Server{
		server(1, "europe", "europe", 48.86, 2.35), server(2, "america", "america", 40.71, -74.01),
		server(3, "sydney", "sydney", -33.87, 151.21),
	}}
}

func take(t testing.TB, p steer.Pool, d steer.Duties, down ...string) *Map {
	t.Helper()
	set, err := steer.Compile(nil, nowhere(), []steer.Pool{p})
	if err != nil {
		t.Fatal(err)
	}
	m, err := Take(Source{Survey: set.WithDuties(nil, nil, d).Survey(steer.Ref{Server: -1}, down), Down: down})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// slow skips what takes seconds, and many of them under the race detector; nothing here runs side by side.
func slow(t *testing.T) {
	if testing.Short() {
		t.Skip("draws for seconds")
	}
}

// by is who serves a country, and the share of the first.
func by(t *testing.T, c admin.Coverage, code string) (servers string, share float64) {
	t.Helper()
	for _, l := range c.Countries {
		if l.Code == code {
			var names []string
			for _, s := range l.Servers {
				names = append(names, s.Server)
			}
			return strings.Join(names, " "), l.Servers[0].Share
		}
	}
	t.Fatalf("no country %s", code)
	return "", 0
}

func TestAreasMove(t *testing.T) {
	t.Parallel()
	drained := steer.Duties{{{Drained: true}}}
	rule := func(fence bool, token steer.Token, tiers ...[]int) steer.Pool {
		p := three()
		p.Rules = []steer.Rule{{Tokens: []steer.Token{token}, Tiers: tiers, Fence: fence}}
		return p
	}
	germany := steer.Token{Kind: steer.Country, Code: geo.Code{'D', 'E'}}
	europe := steer.Token{Kind: steer.Continent, Code: geo.Code{'E', 'U'}}
	weighted := three()
	weighted.Pick, weighted.Order = steer.Weighted, steer.Together
	weighted.Servers[2].Weight = 3
	for _, c := range []struct {
		name   string
		m      *Map
		code   string
		want   string
		within [2]float64
	}{
		{"nearest", take(t, three(), nil), "DE", "europe", [2]float64{1, 1}},
		{"its server down", take(t, three(), nil, "europe"), "DE", "america", [2]float64{1, 1}},
		{"its server drained", take(t, three(), drained), "DE", "america", [2]float64{1, 1}},
		{"two down", take(t, three(), nil, "europe", "america"), "MT", "sydney", [2]float64{1, 1}},
		{"all down", take(t, three(), nil, "europe", "america", "sydney"), "DE", "europe", [2]float64{1, 1}},
		{"split", take(t, three(), nil), "CN", "europe sydney", [2]float64{0.5, 0.9}},
		{"rule", take(t, rule(false, germany, []int{2}), nil), "DE", "sydney", [2]float64{1, 1}},
		{"rule, neighbour", take(t, rule(false, germany, []int{2}), nil), "AT", "europe", [2]float64{1, 1}},
		{"rule, down", take(t, rule(false, germany, []int{2}), nil, "sydney"), "DE", "europe", [2]float64{1, 1}},
		{"fence, down", take(t, rule(true, germany, []int{2}), nil, "sydney"), "DE", "sydney", [2]float64{1, 1}},
		{"continent", take(t, rule(false, europe, []int{1}), nil), "SM", "america", [2]float64{1, 1}},
		{"weights", take(t, weighted, nil), "DE", "sydney europe america", [2]float64{0.6, 0.6}},
		{"no outline", take(t, three(), nil), "TV", "sydney", [2]float64{1, 1}},
	} {
		got, share := by(t, c.m.Coverage(), c.code)
		if got != c.want || share < c.within[0] || share > c.within[1] {
			t.Errorf("%s: %s is served by %s (%v), want %s (%v)", c.name, c.code, got, share, c.want, c.within)
		}
	}
}

func TestDistances(t *testing.T) {
	t.Parallel()
	c := take(t, three(), nil).Coverage()
	total := 0.0
	for _, s := range c.Servers {
		total += s.Share
	}
	if math.Abs(total-1) > 0.001 {
		t.Errorf("the shares of servers come to %v", total)
	}
	for _, l := range c.Countries {
		if l.Code == "LU" && (l.KM == nil || math.Abs(*l.KM-290) > 25 || math.Abs(*l.MedianKM-*l.KM) > 25) {
			t.Errorf("Luxembourg is %v km, in the median %v, from Paris", *l.KM, *l.MedianKM)
		}
	}
}

// TestEveryCountry holds that each that a rule can name is on the map, once.
func TestEveryCountry(t *testing.T) {
	seen := map[string]int{}
	for _, l := range take(t, three(), nil).Coverage().Countries {
		seen[l.Code]++
		if l.Name == "" || strings.HasSuffix(l.Name, ".") {
			t.Errorf("%s has the name %q", l.Code, l.Name)
		}
	}
	for a := byte('A'); a <= 'Z'; a++ {
		for b := byte('A'); b <= 'Z'; b++ {
			code := geo.Code{a, b}
			want := 0
			if geo.IsCountry(code.String()) && code.String() != "AQ" {
				want = 1
			}
			if got := seen[code.String()]; got != want {
				t.Errorf("%s stands %d times, want %d", code, got, want)
			}
		}
	}
}

// TestWhatIsWhere looks up places that outlines of the world have at different countries. Rules by country mean those of
// the geo databases, which go by ISO 3166.
func TestWhatIsWhere(t *testing.T) {
	a, err := world()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		place    string
		lat, lon float64
		want     string
	}{
		{"Cayenne", 4.8, -52.4, "GF"}, {"Simferopol", 45, 34.1, "UA"}, {"Hargeysa", 9.5, 44.1, "SO"}, {"Spitsbergen", 78.8, 17, "SJ"},
		{"Pristina", 42.6, 21, "XK"}, {"Taipei", 24.9, 121.4, "TW"}, {"Anadyr", 64.8, 177, "RU"}, {"Uelen", 66, -171 + 360, "RU"},
		{"Vanua Levu", -16.6, 179.2, "FJ"}, {"Corsica", 42.2, 9.1, "FR"}, {"Hammerfest", 70.1, 25, "NO"}, {"Alaska", 65, -150, "US"},
	} {
		var in []string
		for i := range a.countries {
			f := figure{}
			for _, r := range a.countries[i].rings {
				f.rings = append(f.rings, unitsOf(r))
			}
			if f.holds(c.lon*steps, c.lat*steps) {
				in = append(in, a.countries[i].code.String())
			}
		}
		if len(in) != 1 || in[0] != c.want {
			t.Errorf("%s lies in %q, want %s", c.place, in, c.want)
		}
	}
}

// unitsOf takes the coordinates of a ring for units.
func unitsOf(r ring) (units []unit) {
	for _, p := range r {
		units = append(units, unit(p))
	}
	return units
}

// figure is a part of a picture: its class, and those of the groups around it, and its rings.
type figure struct {
	class string
	rings [][]unit
}

// figures reads a picture as a browser would, and holds that it is well formed and that nothing in it can act.
func figures(t *testing.T, svg []byte, bare bool) (list []figure, texts []string) {
	t.Helper()
	elements := []string{"svg", "title", "desc", "g", "path", "circle", "text"}
	attributes := []string{"xmlns", "class", "viewBox", "role", "aria-label", "d", "cx", "cy", "r", "x", "y", "transform"}
	if !bare {
		elements, attributes = append(elements, "style", "rect"), append(attributes, "width", "height")
	}
	var classes []string
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list, texts
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if !slices.Contains(elements, e.Name.Local) {
				t.Errorf("an element %s", e.Name.Local)
			}
			class, data := "", ""
			for _, a := range e.Attr {
				if !slices.Contains(attributes, a.Name.Local) {
					t.Errorf("an attribute %s of %s", a.Name.Local, e.Name.Local)
				}
				switch a.Name.Local {
				case "class":
					class = a.Value
				case "d":
					data = a.Value
				}
			}
			classes = append(classes, class)
			if data != "" {
				list = append(list, figure{strings.TrimSpace(strings.Join(classes[1:], " ")), ringsOf(t, data)})
			}
		case xml.EndElement:
			classes = classes[:len(classes)-1]
		case xml.CharData:
			texts = append(texts, string(e))
		}
	}
}

// ringsOf reads the data of a path of straight lines; others have none.
func ringsOf(t *testing.T, data string) [][]unit {
	t.Helper()
	var rings [][]unit
	var at unit
	for _, part := range strings.Split(strings.TrimPrefix(data, "m"), "m") {
		var ring []unit
		part = strings.ReplaceAll(strings.TrimSuffix(part, "z"), "-", " -")
		words := strings.FieldsFunc(part, func(r rune) bool { return r == ' ' || r == 'l' })
		for i := 0; i+1 < len(words); i += 2 {
			dx, err := strconv.Atoi(words[i])
			dy, bad := strconv.Atoi(words[i+1])
			if err != nil || bad != nil {
				return nil
			}
			at = unit{at.x + dx, at.y + dy}
			ring = append(ring, at)
		}
		if len(ring) > 0 {
			at = ring[0]
			rings = append(rings, ring)
		}
	}
	return rings
}

// holds says whether a point lies in a figure.
func (f *figure) holds(x, y float64) bool {
	odd := false
	for _, r := range f.rings {
		for i, a := range r {
			b := r[(i+1)%len(r)]
			ay, by := float64(a.y), float64(b.y)
			if (ay > y) != (by > y) && x < float64(a.x)+(y-ay)/(by-ay)*float64(b.x-a.x) {
				odd = !odd
			}
		}
	}
	return odd
}

// TestAreasTile asks of places on land whether exactly one area holds them, that of the server they are answered, and of
// places at sea whether none does. Places next to another area or to the sea are left out.
func TestAreasTile(t *testing.T) {
	slow(t)
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	odd := three()
	odd.Rules = []steer.Rule{{Tokens: []steer.Token{{Kind: steer.Country, Code: geo.Code{'R', 'U'}}}, Tiers: [][]int{{1}}}}
	for _, p := range []steer.Pool{three(), odd, many(20, 1)} {
		m := take(t, p, nil)
		all, _ := figures(t, m.SVG(Options{Bare: true}), true)
		areas := slices.DeleteFunc(all, func(f figure) bool { return !strings.HasPrefix(f.class, "area ") })
		if len(areas) < 230 {
			t.Fatalf("%d areas", len(areas))
		}
		tileLand(t, m, areas, rng)
		for _, sea := range [][2]float64{
			{30, -40}, {-30, -20}, {-20, 80}, {-40, 100}, {0, -140}, {40, -150}, {20, 140}, {-45, -120}, {35, 18}, {43, 35},
			{15, -75}, {25, -90}, {58, -86}, {75, -5}, {65, -25}, {15, 65}, {15, 88}, {55, -147}, {58, 3}, {42, 50.5}, {-30, 160},
		} {
			x, y := project(sea[0], eastward(sea[1]))
			for _, a := range areas {
				if a.holds(x, y) {
					t.Errorf("the sea at %v lies in an area", sea)
				}
			}
		}
	}
}

func tileLand(t *testing.T, m *Map, areas []figure, rng *rand.Rand) {
	t.Helper()
	set, err := steer.Compile(nil, nowhere(), []steer.Pool{*m.pool})
	if err != nil {
		t.Fatal(err)
	}
	v := &surveyor{Map: m, Source: Source{Survey: set.With(nil, nil).Survey(steer.Ref{Server: -1}, nil)}}
	tried := 0
	for range 1500 {
		l := &m.lands[rng.IntN(len(m.lands))]
		c := l.cells[rng.IntN(len(l.cells))]
		who, clear := v.around(l.country, c)
		if !clear {
			continue
		}
		tried++
		want := fmt.Sprintf("area s%d", m.sites[who].ink)
		x, y := project(c.lat, c.lon)
		var in []string
		for _, a := range areas {
			if a.holds(x, y) {
				in = append(in, a.class)
			}
		}
		if len(in) != 1 || in[0] != want {
			t.Errorf("%s at %.1f %.1f lies in %q, want %s", l.name, c.lat, c.lon, in, want)
		}
	}
	if tried < 150 {
		t.Errorf("only %d places were asked of", tried)
	}
}

// around is who serves a cell, and whether all within half a degree of it is of the same country and server.
func (t *surveyor) around(c *country, at cell) (who int, clear bool) {
	who = -1
	for i := range 17 { // the place, and two rings around it
		way, far := float64(i%8)*math.Pi/4, 0.5-0.3*float64(i/8)
		if i == 16 {
			far = 0
		}
		lat, lon := at.lat+far*math.Sin(way), at.lon+far*math.Cos(way)
		f := figure{}
		for _, r := range c.rings {
			f.rings = append(f.rings, unitsOf(r))
		}
		place := t.place(c, lat, lon)
		here := t.home[t.first(t.Survey.At(&place))]
		if !f.holds(lon*steps, lat*steps) || who >= 0 && here != who {
			return who, false
		}
		who = here
	}
	return who, true
}

// many is a pool of sites all over the world with some servers each.
func many(sites, each int) steer.Pool {
	rng := rand.New(rand.NewPCG(7, 7))
	p := steer.Pool{Name: "many"}
	for i := range sites {
		lat, lon := rng.Float64()*100-40, rng.Float64()*360-180
		for k := range each {
			p.Servers = append(p.Servers, server(i*each+k, fmt.Sprintf("s%dn%d", i, k), fmt.Sprintf("site%d", i), lat, lon))
		}
	}
	return p
}

// TestMany holds the size of a large pool's map, and that areas of one colour never touch.
func TestMany(t *testing.T) {
	slow(t)
	t.Parallel()
	m := take(t, many(40, 5), nil)
	if n := len(m.SVG(Options{Legend: true})); n > 300_000 {
		t.Errorf("%d octets", n)
	}
	seen := map[[2]int]int{}
	for i := range m.lands {
		for _, c := range m.lands[i].cells {
			p := geo.Place{Lat: float32(c.lat), Lon: float32(c.lon), Located: true}
			seen[[2]int{int(math.Round(c.lat)), int(math.Round(p.Point().Lon))}] = nearest(m, p.Point())
		}
	}
	inks := map[int]bool{}
	for at, who := range seen {
		inks[m.sites[who].ink] = true
		for _, next := range [][2]int{{at[0] + 1, at[1]}, {at[0], at[1] + 1}} {
			if other, ok := seen[next]; ok && other != who && m.sites[other].ink == m.sites[who].ink {
				t.Errorf("%s and %s meet at %v and have one colour", m.sites[who].name, m.sites[other].name, at)
			}
		}
	}
	if len(inks) < 8 {
		t.Errorf("only %d colours are used", len(inks))
	}
}

func nearest(m *Map, p geo.Point) int {
	best := 0
	for i := range m.sites {
		if geo.DistanceKM(p, m.sites[i].at) < geo.DistanceKM(p, m.sites[best].at) {
			best = i
		}
	}
	return best
}

func TestUsualSize(t *testing.T) {
	for _, down := range [][]string{nil, {"europe"}} {
		if n := len(take(t, three(), nil, down...).SVG(Options{Legend: true})); n > 150_000 {
			t.Errorf("%d octets", n)
		}
	}
}

// TestNames gives servers, sites and the pool names that would do harm if they were written as they are.
func TestNames(t *testing.T) {
	slow(t)
	t.Parallel()
	evil := "a\"'><script>alert(1)</script><!--&amp;]]>\x00\x01\ufffe é 東京"
	p := three()
	p.Name = evil
	for i := range p.Servers {
		p.Servers[i].Name, p.Servers[i].Site = evil+strconv.Itoa(i), evil+strconv.Itoa(i)
	}
	want := strings.NewReplacer("\x00", "?", "\x01", "?", "\ufffe", "?").Replace(evil)
	for _, bare := range []bool{true, false} {
		_, texts := figures(t, take(t, p, nil, evil+"2").SVG(Options{Bare: bare, Legend: true}), bare)
		if n := len(slices.DeleteFunc(texts, func(s string) bool { return !strings.Contains(s, want) })); n < 200 {
			t.Errorf("the name stands in %d texts", n)
		}
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	svg := string(take(t, three(), steer.Duties{{{}, {Drained: true}}}, "europe").SVG(Options{Bare: true, Legend: true}))
	for _, want := range []string{
		`class="mark down s0"`, `class="mark drained s1"`, `class="mark up s2"`, `class="label wide">europe<`, `<circle class="ring s2"`,
		"Singapore: sydney 6,", "europe: down, 0 % of the land", "; europe is assumed down.", ">Health is not known; ",
	} {
		if !strings.Contains(labelled(svg), want) {
			t.Errorf("no %s", want)
		}
	}
	shapes := map[string]bool{shape("up"): true, shape("down"): true, shape("drained"): true}
	if len(shapes) != 3 {
		t.Error("two states have one shape")
	}
}

// labelled is a picture without the places of its texts.
func labelled(svg string) string {
	var b strings.Builder
	for line := range strings.Lines(svg) {
		if i := strings.Index(line, ` x="`); i > 0 && strings.HasPrefix(line, "<text") {
			line = line[:i] + line[strings.Index(line, ">"):]
		}
		b.WriteString(line)
	}
	return b.String()
}

// TestSame holds that the same pool in the same state gives the same octets.
func TestSame(t *testing.T) {
	slow(t)
	t.Parallel()
	first := take(t, many(6, 2), nil).SVG(Options{})
	if !bytes.Equal(first, take(t, many(6, 2), nil).SVG(Options{})) {
		t.Error("two maps of one pool differ")
	}
}

// TestDamagedAtlas cuts the atlas off and changes it everywhere: that is an error, or another atlas, but never a panic.
func TestDamagedAtlas(t *testing.T) {
	slow(t)
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		data := slices.Clone(packed)
		if rng.IntN(2) == 0 {
			data = data[:rng.IntN(len(data))]
		} else {
			data[rng.IntN(len(data))] ^= 1 << rng.IntN(8)
		}
		_, _ = unpack(data)
	}
	if _, err := unpack(packed[:len(packed)/2]); err == nil {
		t.Error("half an atlas is taken for one")
	}
}
