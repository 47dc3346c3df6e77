package steer

import (
	"math"
	"slices"

	"github.com/meridian-dns/meridian/geo"
)

// walk is the places of a partition along a path on which those that follow one another lie close together, so that
// the ranking of one is mostly that of the next. Places nobody knows come first.
type walk struct {
	place []geo.PlaceID
	at    []point
}

func newWalk(places []geo.Place) *walk {
	keys := make([]uint64, len(places))
	for i := range places {
		keys[i] = uint64(i)
		if p := &places[i]; p.Located {
			keys[i] |= uint64(curve(p.Lat, p.Lon)) << 32
		}
	}
	slices.Sort(keys)
	w := &walk{make([]geo.PlaceID, len(keys)), make([]point, len(keys))}
	for i, key := range keys {
		w.place[i] = geo.PlaceID(uint32(key))
		w.at[i] = placePoint(&places[uint32(key)])
	}
	return w
}

// curveSteps is the number of equal parts that the curve cuts latitudes and longitudes into.
const curveSteps = 1 << 16

// curve numbers positions along a Hilbert curve, which fills the map without a jump: one quadrant after the other, and
// in each of them again so, turned such that its ends touch those of its neighbours.
func curve(lat, lon float32) (along uint32) {
	x, y := part(lon, 360), part(lat, 180)
	for s := uint32(curveSteps / 2); s > 0; s /= 2 {
		right, upper := x&s != 0, y&s != 0
		switch {
		case right && upper:
			along += 2 * s * s
		case right:
			along += 3 * s * s
		case upper:
			along += s * s
		}
		if upper {
			continue
		}
		if right {
			x, y = ^x, ^y
		}
		x, y = y, x
	}
	return along
}

// part numbers the part that a coordinate lies in, of those from -whole/2 to whole/2. What is no coordinate gets one too.
func part(degrees, whole float32) uint32 {
	n := float64((degrees/whole + 0.5) * curveSteps)
	if math.IsNaN(n) {
		return 0
	}
	return uint32(min(max(n, 0), curveSteps-1))
}

// settled is a ranking and where it holds: at a point and around it.
type settled struct {
	at    point
	reach float64 // square of the chord; negative: nowhere yet
	id    uint16
}

func (s *settled) holds(at point) bool {
	return at.known == s.at.known && at.chord(s.at) <= s.reach
}
