package main

import (
	"math"
	"slices"
)

// simplify drops points that count for less than so many square degrees, as they are in the middle latitudes, and
// islands that are smaller, but of every country the greatest. Visvalingam and Whyatt 1993: the point whose triangle
// with its neighbours is the least goes first.
func (a *atlas) simplify(detail, islet float64) {
	for i := range a.countries {
		c := &a.countries[i]
		most := 0.0
		for _, p := range c.polygons {
			most = max(most, a.size(p))
		}
		c.polygons = slices.DeleteFunc(c.polygons, func(p polygon) bool { return a.size(p) < min(islet, most) })
	}
	a.drop()
	for i, arc := range a.arcs {
		a.arcs[i] = thin(arc, detail*steps*steps)
	}
}

// size is the area of a polygon in square degrees at the equator.
func (a *atlas) size(p polygon) float64 {
	ring, sum := a.ring(p[0]), 0.0
	for i := 1; i < len(ring); i++ {
		sum += triangle(point{}, ring[i-1], ring[i])
	}
	lat, _ := a.middle(p)
	return math.Abs(sum) / steps / steps * math.Cos(lat*math.Pi/180)
}

// triangle is its area, with a sign.
func triangle(a, b, c point) float64 {
	return float64((b.x-a.x)*(c.y-a.y)-(c.x-a.x)*(b.y-a.y)) / 2
}

// drop leaves out the arcs that no country has, and numbers the others anew.
func (a *atlas) drop() {
	numbers, kept := map[int]int{}, [][]point(nil)
	for _, c := range a.countries {
		for _, p := range c.polygons {
			for _, ring := range p {
				for i, arc := range ring {
					n := max(arc, ^arc)
					if _, known := numbers[n]; !known {
						numbers[n] = len(kept)
						kept = append(kept, a.arcs[n])
					}
					if ring[i] = numbers[n]; arc < 0 {
						ring[i] = ^numbers[n]
					}
				}
			}
		}
	}
	a.arcs = kept
}

// thin simplifies an arc. Its ends stay, and of a closed one enough to be a ring.
func thin(arc []point, least float64) []point {
	arc = slices.Compact(slices.Clone(arc))
	keep := 2
	if len(arc) > 0 && arc[0] == arc[len(arc)-1] {
		keep = 5
	}
	for len(arc) > keep {
		at, area := 0, math.Inf(1)
		for i := 1; i < len(arc)-1; i++ {
			t := math.Abs(triangle(arc[i-1], arc[i], arc[i+1])) * math.Cos(float64(arc[i].y)/steps*math.Pi/180)
			if t < area {
				at, area = i, t
			}
		}
		if area > least {
			break
		}
		arc = slices.Delete(arc, at, at+1)
	}
	return arc
}

func (a *atlas) points() (n int) {
	for _, arc := range a.arcs {
		n += len(arc)
	}
	return n
}
