package coverage

import (
	"math"
	"slices"
	"strconv"
)

// The map is drawn in units, four to a dot of a picture of the width 1440.
const (
	dot     = 4
	width   = 1440 * dot
	margin  = 6 * dot
	northmo = 84.0 // latitudes of the edges; south of it there is only Antarctica
	southmo = -57.0
	west    = -169.0 // longitude of the left edge: between Asia and America
	// smallest is the area of land that needs no ring to be found, in units: a square of three and a half dots.
	smallest = 12 * dot * dot
)

// Equal Earth (Šavrič, Patterson and Jenny 2018): areas are true, and the outline is that of a globe one looks at.
const (
	ee1, ee2, ee3, ee4 = 1.340264, -0.081106, 0.000893, 0.003796
)

func equalEarth(lat, lon float64) (x, y float64) {
	m := math.Sqrt(3) / 2
	t := math.Asin(m * math.Sin(lat*math.Pi/180))
	t2 := t * t
	t6 := t2 * t2 * t2
	x = lon * math.Pi / 180 * math.Cos(t) / (m * (ee1 + 3*ee2*t2 + t6*(7*ee3+9*ee4*t2)))
	return x, t * (ee1 + ee2*t2 + t6*(ee3+ee4*t2))
}

// project gives units from the top left.
func project(lat, lon float64) (x, y float64) {
	edge, _ := equalEarth(0, 180)
	scale := (width - 2*margin) / (2 * edge)
	_, top := equalEarth(northmo, 0)
	x, y = equalEarth(lat, lon-west-180)
	return width/2 + x*scale, margin + (top-y)*scale
}

// height is that of the map without a legend.
func height() float64 {
	_, y := project(southmo, 0)
	return y + margin
}

// eastward is the longitude as it counts from the left edge of the map on.
func eastward(lon float64) float64 {
	if lon < west {
		return lon + 360
	}
	return lon
}

// unit is a point in whole units.
type unit struct{ x, y int }

func unitOf(lat, lon float64) unit {
	x, y := project(lat, lon)
	return unit{int(math.Round(x)), int(math.Round(y))}
}

func (p point) unit() unit { return unitOf(p.lat(), p.lon()) }

// path is the data of a path, in steps from point to point.
type path struct {
	text []byte
	at   unit
}

// ring draws a ring, unless it is too small to be seen, and returns its area.
func (p *path) ring(r ring) float64 {
	units := trace(r)
	if n := len(units); n > 1 && units[0] == units[n-1] {
		units = units[:n-1]
	}
	if len(units) < 3 {
		return 0
	}
	p.draw(units)
	p.text = append(p.text, 'z')
	p.at = units[0]
	return area(units)
}

func (p *path) line(points []point) {
	if units := trace(points); len(units) > 1 {
		p.draw(units)
	}
}

// trace projects points, and leaves those out that nobody would miss.
func trace(points []point) []unit {
	var units []unit
	for _, q := range points {
		u := q.unit()
		n := len(units)
		switch {
		case n > 0 && u == units[n-1]:
			continue
		case n > 1 && straight(units[n-2], units[n-1], u):
			units[n-1] = u
			continue
		}
		units = append(units, u)
	}
	return units
}

// straight says that b lies on the way from a to c.
func straight(a, b, c unit) bool {
	ux, uy, vx, vy := b.x-a.x, b.y-a.y, c.x-b.x, c.y-b.y
	return ux*vy == uy*vx && ux*vx+uy*vy > 0
}

func area(units []unit) float64 {
	sum := 0
	for i, a := range units {
		b := units[(i+1)%len(units)]
		sum += a.x*b.y - a.y*b.x
	}
	return math.Abs(float64(sum)) / 2
}

func (p *path) draw(units []unit) {
	p.step('m', units[0])
	for i, u := range units[1:] {
		letter := byte(' ')
		if i == 0 {
			letter = 'l'
		}
		p.step(letter, u)
	}
}

// step goes to a point: a letter and two numbers, with nothing between them that is not needed.
func (p *path) step(letter byte, to unit) {
	dx, dy := to.x-p.at.x, to.y-p.at.y
	if letter != ' ' || dx >= 0 {
		p.text = append(p.text, letter)
	}
	p.text = strconv.AppendInt(p.text, int64(dx), 10)
	if dy >= 0 {
		p.text = append(p.text, ' ')
	}
	p.text = strconv.AppendInt(p.text, int64(dy), 10)
	p.at = to
}

// String is the data: in a path that begins, the first step is from the origin.
func (p *path) String() string { return string(p.text) }

// sphere is the outline of the map.
func sphere() string {
	var left, right []point
	for lat := int(northmo); lat >= int(southmo); lat -= 3 {
		left = append(left, point{west * steps, lat * steps})
		right = append(right, point{(west + 360) * steps, lat * steps})
	}
	slices.Reverse(left)
	var p path
	p.ring(append(right, left...))
	return p.String()
}

// graticule is the lines of every 30 degrees.
func graticule() string {
	var p path
	for lon := -150; lon <= 180; lon += 30 {
		var line []point
		for lat := int(northmo); lat >= int(southmo); lat -= 3 {
			line = append(line, point{lon * steps, lat * steps})
		}
		p.line(line)
	}
	for lat := -30; lat <= 60; lat += 30 {
		p.line([]point{{west * steps, lat * steps}, {(west + 360) * steps, lat * steps}})
	}
	return p.String()
}
