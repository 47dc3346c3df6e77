package coverage

import (
	"math"
	"slices"
)

// slack is how far a smooth line may lie from the stairs that it is made of, in steps.
const slack = 0.75 * leaf

// smooth turns stairs into a line: it goes through the middles of the steps. The ends stay where they are; a loop has
// none.
func smooth(points []point) []point {
	loop := points[0] == points[len(points)-1]
	var middles []point
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		n := max(1, (max(b.x-a.x, a.x-b.x, b.y-a.y, a.y-b.y)+leaf-1)/leaf)
		for k := range n {
			middles = append(middles, point{a.x + (b.x-a.x)*(2*k+1)/(2*n), a.y + (b.y-a.y)*(2*k+1)/(2*n)})
		}
	}
	if loop {
		half := len(middles) / 2
		first, second := middles[:half+1], append(slices.Clone(middles[half:]), middles[0])
		return append(thin(first), thin(second)[1:]...)
	}
	all := append([]point{points[0]}, middles...)
	return thin(append(all, points[len(points)-1]))
}

// thin drops points that lie near the line between others (Douglas and Peucker 1973).
func thin(points []point) []point {
	if len(points) < 3 {
		return points
	}
	a, b := points[0], points[len(points)-1]
	far, at := 0.0, 0
	for i, p := range points[1 : len(points)-1] {
		if d := offset(p, a, b); d > far {
			far, at = d, i+1
		}
	}
	if far <= slack {
		return []point{a, b}
	}
	return append(thin(points[:at+1]), thin(points[at:])[1:]...)
}

// offset is how far p lies from the straight from a to b.
func offset(p, a, b point) float64 {
	ux, uy := float64(b.x-a.x), float64(b.y-a.y)
	vx, vy := float64(p.x-a.x), float64(p.y-a.y)
	t := 0.0
	if l := ux*ux + uy*uy; l > 0 {
		t = min(max((vx*ux+vy*uy)/l, 0), 1)
	}
	return math.Hypot(vx-t*ux, vy-t*uy)
}

// stretch is a piece of the edge of an area, from its first point to its last.
type stretch struct {
	points []point
	used   bool
}

// assemble joins outlines and smooth chains to the rings of each server.
func assemble(outline []edge, chains []chain) map[int][]ring {
	all := map[int]map[point][]*stretch{}
	put := func(who int, points []point) {
		if all[who] == nil {
			all[who] = map[point][]*stretch{}
		}
		all[who][points[0]] = append(all[who][points[0]], &stretch{points: points})
	}
	for _, e := range outline {
		put(e.who, []point{e.a, e.b})
	}
	for _, c := range chains {
		line := smooth(c.points)
		put(c.who, line)
		back := slices.Clone(line)
		slices.Reverse(back)
		put(c.other, back)
	}
	rings := map[int][]ring{}
	for who, from := range all {
		rings[who] = rejoin(from)
	}
	return rings
}

// rejoin follows stretches until each has come back to where it began. As many begin at a point as end there.
func rejoin(from map[point][]*stretch) []ring {
	var starts []point
	for p := range from {
		starts = append(starts, p)
	}
	slices.SortFunc(starts, func(a, b point) int {
		if a.y != b.y {
			return b.y - a.y
		}
		return a.x - b.x
	})
	var rings []ring
	for _, start := range starts {
		for _, s := range from[start] {
			var r ring
			for s != nil && !s.used {
				s.used = true
				r = append(r, s.points[:len(s.points)-1]...)
				s = unused(from[s.points[len(s.points)-1]])
			}
			if len(r) > 2 {
				rings = append(rings, r)
			}
		}
	}
	return rings
}

func unused(list []*stretch) *stretch {
	for _, s := range list {
		if !s.used {
			return s
		}
	}
	return nil
}
