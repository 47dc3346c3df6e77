package coverage

import (
	"math"

	"github.com/meridian-dns/meridian/geo"
)

// settlement is a place whose subdivision is known.
type settlement struct {
	at     geo.Point
	region geo.Subdivision
}

// seek is how many degrees around a place are searched for the next settlement.
const seek = 12

// Regions tells the subdivision of a place in a country: that of the nearest place that a geo database knows there.
func Regions(places []geo.Place) func(geo.Code, geo.Point) geo.Subdivision {
	known := map[[2]int][]settlement{} // by degree
	for i := range places {
		p := &places[i]
		if !p.Located || p.Subdivision == (geo.Subdivision{}) {
			continue
		}
		at := square(p.Point())
		known[at] = addSettlement(known[at], settlement{p.Point(), p.Subdivision})
	}
	return func(country geo.Code, from geo.Point) geo.Subdivision {
		var best geo.Subdivision
		least := math.Inf(1)
		for ring := 0; ring <= seek && (ring < 2 || math.IsInf(least, 1)); ring++ {
			around(square(from), ring, func(at [2]int) {
				for _, s := range known[at] {
					if d := geo.DistanceKM(from, s.at); s.region.Country() == country && d < least {
						best, least = s.region, d
					}
				}
			})
		}
		return best
	}
}

// perSquare is how many settlements of a square are enough to know its subdivisions by.
const perSquare = 48

// addSettlement leaves out what lies next to one of the same subdivision.
func addSettlement(list []settlement, s settlement) []settlement {
	for _, o := range list {
		if o.region == s.region && math.Abs(o.at.Lat-s.at.Lat)+math.Abs(o.at.Lon-s.at.Lon) < 0.2 {
			return list
		}
	}
	if len(list) == perSquare {
		return list
	}
	return append(list, s)
}

func square(p geo.Point) [2]int { return [2]int{int(math.Floor(p.Lat)), int(math.Floor(p.Lon))} }

// around calls f for the squares at a distance from another.
func around(of [2]int, ring int, f func([2]int)) {
	for dy := -ring; dy <= ring; dy++ {
		for dx := -ring; dx <= ring; dx++ {
			if max(dy, -dy, dx, -dx) == ring {
				f([2]int{of[0] + dy, of[1] + dx})
			}
		}
	}
}
