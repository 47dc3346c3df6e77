package coverage

import (
	"cmp"
	"math"
	"slices"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/steer"
)

// Source is what a map is taken from.
type Source struct {
	Survey *steer.Survey
	// Region is the subdivision of a place, where rules name any and the geo database tells them; nil: they are not known.
	Region func(geo.Code, geo.Point) geo.Subdivision
	Down   []string // servers assumed down
	Live   bool     // the survey knows the states of checks
}

// Map is whom the world is served by. Make it with Take.
type Map struct {
	pool  *steer.Pool
	posts []steer.Standpoint
	down  []string
	live  bool
	sites []site
	lands []land
	home  []int // by server: its site
	notes []string

	several bool // somewhere the servers of several sites are answered

	sums []tally // by server
	area float64
}

// land is a country as it is served.
type land struct {
	*country
	servers []tally // those that serve some of it, by server
	none    float64 // the share that gets no answer
	km      float64 // mean distance; NaN: not known
	median  float64
	parts   []landPart
	weight  float64
}

// landPart is what one site, or nobody (-1), serves of a country.
type landPart struct {
	who  int
	path string // "": all of the country
}

// tally is how much a server serves: an area, and how far that is.
type tally struct {
	server    int
	weight    float64
	km        float64 // times the area it is known of
	measured  float64 // that area
	farthest  float64
	countries int
}

func (t *tally) add(weight, km float64) {
	t.weight += weight
	if !math.IsNaN(km) {
		t.km, t.measured = t.km+weight*km, t.measured+weight
		t.farthest = max(t.farthest, km)
	}
}

// mean is the mean distance; NaN if none is known.
func (t *tally) mean() float64 { return t.km / t.measured }

// surveyor takes a map.
type surveyor struct {
	*Map
	Source
	near neighbours
}

// Take surveys the world.
func Take(s Source) (*Map, error) {
	a, err := world()
	if err != nil {
		return nil, err
	}
	m := &Map{pool: s.Survey.Pool(), posts: s.Survey.Standpoints(), down: s.Down, live: s.Live}
	m.settle()
	m.sums = make([]tally, len(m.posts))
	for i := range m.sums {
		m.sums[i].server = i
	}
	t := &surveyor{m, s, neighbours{}}
	for i := range a.countries {
		m.lands = append(m.lands, t.country(&a.countries[i]))
	}
	m.colour(t.near)
	m.note()
	return m, nil
}

// country looks from every cell of a country, and then for where one site's area ends.
func (t *surveyor) country(c *country) land {
	l := land{country: c}
	tallies := make([]tally, len(t.posts))
	var far []cell // distances and weights
	for _, from := range c.cells {
		place := t.place(c, from.lat, from.lon)
		s := t.Survey.At(&place)
		l.weight += from.weight
		if len(s.Servers) == 0 {
			l.none += from.weight
			continue
		}
		t.near.add(from.lat, from.lon, t.home[t.first(s)])
		km := 0.0
		for i, server := range s.Servers {
			t.several = t.several || t.home[t.index(s, server)] != t.home[t.index(s, s.Servers[0])]
			tallies[t.index(s, server)].add(from.weight*s.Shares[i], s.KM[i])
			km += s.Shares[i] * s.KM[i]
		}
		if !math.IsNaN(km) {
			far = append(far, cell{km, 0, from.weight})
		}
	}
	l.sum(t.Map, tallies, far)
	l.parts = t.parts(c)
	return l
}

// sum takes over what the cells of a country came to.
func (l *land) sum(m *Map, tallies []tally, far []cell) {
	for i := range tallies {
		if t := &tallies[i]; t.weight > 0 {
			t.server = i
			l.servers = append(l.servers, *t)
			all := &m.sums[i]
			all.weight, all.km, all.measured = all.weight+t.weight, all.km+t.km, all.measured+t.measured
			all.farthest = max(all.farthest, t.farthest)
			all.countries++
		}
	}
	slices.SortStableFunc(l.servers, func(a, b tally) int { return cmp.Compare(b.weight, a.weight) })
	m.area += l.weight
	l.none /= l.weight
	l.km, l.median = middle(far)
}

// middle is the mean and the median of weighted values, which stand in place of latitudes.
func middle(values []cell) (mean, median float64) {
	if len(values) == 0 {
		return math.NaN(), math.NaN()
	}
	slices.SortFunc(values, func(a, b cell) int { return cmp.Compare(a.lat, b.lat) })
	var sum, weight float64
	for _, v := range values {
		sum, weight = sum+v.lat*v.weight, weight+v.weight
	}
	below := 0.0
	for _, v := range values {
		if below += v.weight; below*2 >= weight {
			return sum / weight, v.lat
		}
	}
	return sum / weight, values[len(values)-1].lat
}

// place is what is known of a client in a country.
func (t *surveyor) place(c *country, lat, lon float64) geo.Place {
	p := c.place
	if lon > 180 {
		lon -= 360
	}
	p.Lat, p.Lon = float32(lat), float32(lon)
	if t.Region != nil {
		p.Subdivision = t.Region(c.code, geo.Point{Lat: lat, Lon: lon})
	}
	return p
}

// index is where a server of a sight stands among all posts.
func (t *surveyor) index(s *steer.Sight, server int) int {
	if s.Spare {
		return len(t.pool.Servers) + server
	}
	return server
}

// first is the server that stands for a sight of several: the first where their order counts, else the one that most
// clients go to, of equals the nearest.
func (t *surveyor) first(s *steer.Sight) int {
	best := 0
	for i := range s.Servers {
		more, equal := s.Shares[i] > s.Shares[best]+1e-9, s.Shares[i] > s.Shares[best]-1e-9
		if more || equal && t.pool.Pick != steer.First && s.KM[i] < s.KM[best] {
			best = i
		}
	}
	return t.index(s, s.Servers[best])
}

// parts cuts a country into the areas of sites.
func (t *surveyor) parts(c *country) []landPart {
	f := newField(c.rings, func(lat, lon float64) int {
		place := t.place(c, lat, lon)
		s := t.Survey.At(&place)
		if len(s.Servers) == 0 {
			return -1
		}
		return t.home[t.first(s)]
	})
	if len(c.rings) == 0 {
		return []landPart{{who: f.ask(c.cells[0].lat, c.cells[0].lon)}}
	}
	m, all := newMesh(), map[int]bool{}
	f.split(c.rings, func(who int, rings []ring) {
		all[who] = true
		m.add(who, rings)
	})
	var list []landPart
	for who := range all {
		list = append(list, landPart{who: who})
	}
	slices.SortFunc(list, func(a, b landPart) int { return a.who - b.who })
	if len(list) < 2 {
		return list
	}
	rings := m.rings()
	for i := range list {
		var p path
		for _, r := range rings[list[i].who] {
			p.ring(r)
		}
		list[i].path = p.String()
	}
	return slices.DeleteFunc(list, func(p landPart) bool { return p.path == "" })
}
