package main

import "math"

// cell is a field of the grid within one country: a border must not vanish in
// it, since rules speak of countries.
type cell struct {
	row, column int16
	country     country
}

type country [2]byte

// grid numbers the cells in order of appearance and averages the places that
// fall into each, by weight: where the people are is a better answer than the
// middle of the field. Not safe for concurrent use.
type grid struct {
	side  float64 // degrees
	ids   map[cell]uint32
	cells []cell
	sums  []sum
}

type sum struct{ lat, lon, weight float64 }

func newGrid(side float64) *grid {
	return &grid{side: side, ids: make(map[cell]uint32)}
}

// locate returns the number of the cell that holds a place.
func (g *grid) locate(lat, lon float64, in country) uint32 {
	c := cell{int16(math.Floor(lat / g.side)), int16(math.Floor(lon / g.side)), in}
	id, known := g.ids[c]
	if !known {
		id = uint32(len(g.cells))
		g.ids[c] = id
		g.cells = append(g.cells, c)
		g.sums = append(g.sums, sum{})
	}
	return id
}

func (g *grid) weigh(id uint32, lat, lon, weight float64) {
	s := &g.sums[id]
	s.lat += lat * weight
	s.lon += lon * weight
	s.weight += weight
}

// chart returns the places of the cells, by number.
func (g *grid) chart() chart {
	c := make(chart, len(g.cells))
	for i, s := range g.sums {
		c[i] = newPlace(s.lat/s.weight, s.lon/s.weight, g.cells[i].country)
	}
	return c
}

// place is what the embedded world says of a network.
type place struct {
	lat, lon float64 // degrees, two decimals
	country  country
	unit     [3]float64 // on the unit sphere
}

func newPlace(lat, lon float64, in country) place {
	lat, lon = math.Round(lat*100)/100, math.Round(lon*100)/100
	slat, clat := math.Sincos(lat * math.Pi / 180)
	slon, clon := math.Sincos(lon * math.Pi / 180)
	return place{lat, lon, in, [3]float64{clat * clon, clat * slon, slat}}
}

// chart tells how far cells are from each other. Immutable.
type chart []place

const earthRadius = 6371.0088 // km, mean

// km returns the distance along a great circle.
func (c chart) km(a, b uint32) float64 {
	if a == b {
		return 0
	}
	var square float64
	for i, x := range c[a].unit {
		d := x - c[b].unit[i]
		square += d * d
	}
	return 2 * earthRadius * math.Asin(min(1, math.Sqrt(square)/2))
}

// near says whether one cell may stand for the other.
func (c chart) near(a, b uint32) bool {
	return a == b || c[a].country == c[b].country && c.km(a, b) <= tolerance
}
