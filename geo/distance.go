package geo

import "math"

// Point is a place on the earth in degrees, north and east positive. Latitudes
// reach from -90 to 90; any longitude will do.
type Point struct{ Lat, Lon float64 }

// earthRadiusKM is the mean radius R1 of the earth (IUGG).
const earthRadiusKM = 6371.0088

// DistanceKM is the length of the great circle between two points in km, on a
// sphere of the earth's mean radius: off by up to 0.6 % from the true
// ellipsoid. It is exact to less than a millimetre everywhere: the angle is
// that between the chord and the chord to the antipode, neither of which
// cancels where the other one does.
func DistanceKM(a, b Point) float64 {
	u, v := a.unit(), b.unit()
	var chord, rest float64
	for i := range u {
		chord += (u[i] - v[i]) * (u[i] - v[i])
		rest += (u[i] + v[i]) * (u[i] + v[i])
	}
	return 2 * earthRadiusKM * math.Atan2(math.Sqrt(chord), math.Sqrt(rest))
}

// unit is the point on the unit sphere.
func (p Point) unit() [3]float64 {
	slat, clat := math.Sincos(p.Lat * math.Pi / 180)
	slon, clon := math.Sincos(p.Lon * math.Pi / 180)
	return [3]float64{clat * clon, clat * slon, slat}
}
