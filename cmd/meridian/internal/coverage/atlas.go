package coverage

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/meridian-dns/meridian/geo"
)

//go:embed atlas.bin
var packed []byte

// steps is how many there are to a degree in the coordinates of a point.
const steps = 40

// point is a longitude and a latitude in steps.
type point struct{ x, y int }

func (p point) lon() float64 { return float64(p.x) / steps }
func (p point) lat() float64 { return float64(p.y) / steps }

// ring is closed: the first point follows the last.
type ring []point

// country is one that has a code in ISO 3166-1, or land without one.
type country struct {
	code  geo.Code
	name  string
	place geo.Place // what is known of all clients in it; coordinates are those of its people
	rings []ring    // of all its polygons, holes too: what an odd number of them holds is land
	cells []cell
	path  string // of the rings
	small bool   // too small to be seen without help
}

// atlas is the outlines of the world's countries.
type atlas struct {
	arcs      [][]point
	countries []country
	border    string // the path of all borders between two countries
}

// world is the embedded atlas.
var world = sync.OnceValues(func() (*atlas, error) { return unpack(packed) })

// unpack reads what genatlas wrote.
func unpack(data []byte) (*atlas, error) {
	_, body, _ := bytes.Cut(data, []byte("\n"))
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(body)))
	if err != nil {
		return nil, err
	}
	r, a := &unpacker{rest: text}, &atlas{}
	for range r.count() {
		a.arcs = append(a.arcs, r.arc())
	}
	users := make([]geo.Code, len(a.arcs))
	var borders []int
	for range r.count() {
		c := country{name: ""}
		copy(c.code[:], r.text())
		c.name = r.text()
		for range r.count() {
			for range r.count() {
				c.rings = append(c.rings, r.ring(a, func(arc int) {
					if u := users[arc]; u != (geo.Code{}) && u != c.code {
						borders = append(borders, arc)
					}
					users[arc] = c.code
				}))
			}
		}
		a.countries = append(a.countries, c)
	}
	if r.bad {
		return nil, errors.New("the embedded atlas is damaged")
	}
	for i := range a.countries {
		a.countries[i].settle()
	}
	a.border = a.draw(borders)
	return a, nil
}

// draw is the path of some arcs.
func (a *atlas) draw(arcs []int) string {
	var p path
	for _, i := range arcs {
		p.line(a.arcs[i])
	}
	return p.String()
}

// settle works out what all maps need of a country.
func (c *country) settle() {
	c.place = geo.Place{Country: c.code}
	c.place.Continent, _ = geo.ContinentOf(c.code)
	centre, known := geo.Centre(c.code)
	if !known && len(c.rings) > 0 {
		b := boxOf(c.rings[:1])
		centre = geo.Point{Lat: point{0, (b.y0 + b.y1) * leaf / 2}.lat(), Lon: point{(b.x0 + b.x1) * leaf / 2, 0}.lon()}
	}
	c.place.Lat, c.place.Lon, c.place.Located = float32(centre.Lat), float32(centre.Lon), true
	c.cells = cellsOf(c.rings)
	if len(c.cells) == 0 {
		c.cells = []cell{{centre.Lat, centre.Lon, 0.001}}
	}
	var p path
	most := 0.0
	for _, r := range c.rings {
		most = max(most, p.ring(r))
	}
	c.path, c.small = p.String(), most < smallest
}

// unpacker reads numbers of varying length.
type unpacker struct {
	rest []byte
	bad  bool
}

func (r *unpacker) took(n int) {
	if n <= 0 {
		r.bad, n = true, len(r.rest)
	}
	r.rest = r.rest[n:]
}

func (r *unpacker) count() int {
	v, n := binary.Uvarint(r.rest)
	r.took(n)
	if v > uint64(len(r.rest)) {
		r.bad = true
		return 0
	}
	return int(v)
}

func (r *unpacker) number() int {
	v, n := binary.Varint(r.rest)
	r.took(n)
	return int(v)
}

func (r *unpacker) text() string {
	n := r.count()
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *unpacker) arc() []point {
	arc := make([]point, r.count())
	var at point
	for i := range arc {
		at = point{at.x + r.number(), at.y + r.number()}
		arc[i] = at
	}
	return arc
}

// ring joins arcs; ^i stands for arc i backwards.
func (r *unpacker) ring(a *atlas, use func(arc int)) ring {
	var out ring
	for range r.count() {
		i := r.number()
		if max(i, ^i) >= len(a.arcs) {
			r.bad = true
			return nil
		}
		arc := a.arcs[max(i, ^i)]
		if len(arc) < 2 {
			r.bad = true
			return nil
		}
		use(max(i, ^i))
		for k := range arc[:len(arc)-1] { // the last is the next one's first
			if i < 0 {
				k = len(arc) - 1 - k
			}
			out = append(out, arc[k])
		}
	}
	return out
}
