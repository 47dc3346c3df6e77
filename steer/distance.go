package steer

import (
	"math"

	"github.com/meridian-dns/meridian/geo"
)

const (
	earthKM   = 6371.0088 // mean radius, as geo.DistanceKM
	bandKM    = 50        // servers this much farther than the nearest are as near as it
	bandRatio = 1.05      // or this many times as far
	edgeKM    = 1e-6      // what rounding may not decide at the edge of a band
)

// point is a place on the unit sphere. Distances are compared as squares of chords, which grow with the
// great circle, cost no trigonometry and are exact at both ends. The zero point is nowhere.
type point struct {
	x, y, z float64
	known   bool
}

func pointAt(lat, lon float64) point {
	sinLat, cosLat := math.Sincos(lat * math.Pi / 180)
	sinLon, cosLon := math.Sincos(lon * math.Pi / 180)
	p := point{cosLat * cosLon, cosLat * sinLon, sinLat, true}
	if math.IsNaN(p.x + p.y + p.z) {
		return point{} // of coordinates that are no numbers, which would never be in any band
	}
	return p
}

// point returns where a server is.
func (s *Server) point() point {
	if !s.Located {
		return point{}
	}
	return pointAt(s.At.Lat, s.At.Lon)
}

// placePoint returns where a place is.
func placePoint(p *geo.Place) point {
	if !p.Located {
		return point{}
	}
	return pointAt(float64(p.Lat), float64(p.Lon))
}

// chord returns the square of the chord between two points: 0 to 4. It is cut to multiples of 2^-44, the last
// bit of 256, so that points equally far are so in spite of rounding: one metre where they are close, less than
// a millimetre elsewhere.
func (p point) chord(q point) float64 {
	x, y, z := p.x-q.x, p.y-q.y, p.z-q.z
	return float64(x*x+y*y+z*z+256) - 256
}

// kilometres turns the square of a chord into the distance along the great circle.
func kilometres(chord float64) float64 {
	return 2 * earthKM * math.Asin(min(1, math.Sqrt(chord)/2))
}

// band returns the greatest squared chord that is as near as the given one.
func band(chord float64) float64 {
	d := kilometres(chord)
	far := max(bandRatio*d, d+bandKM) + edgeKM
	if far >= math.Pi*earthKM {
		return math.Inf(1)
	}
	h := 2 * math.Sin(far/(2*earthKM))
	return h * h
}

// bandSteps is the number of equal parts the squares of chords, 0 to 4, are cut into for bands.
const bandSteps = 4096

// bands bounds the band of a chord between the values at the ends of its part, so that trigonometry is needed
// only for what lies between them.
type bands [bandSteps + 2]float64

func newBands() *bands {
	b := new(bands)
	for i := range b {
		b[i] = band(4 * float64(i) / bandSteps)
	}
	return b
}

// near says whether a server is in the band that the nearest opens.
func (b *bands) near(nearest, chord float64) bool {
	i := int(nearest * (bandSteps / 4))
	return chord <= b[i] || chord <= b[i+1] && chord <= band(nearest)
}
