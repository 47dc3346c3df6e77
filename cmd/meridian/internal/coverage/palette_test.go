package coverage

import (
	"math"
	"strconv"
	"testing"

	"github.com/meridian-dns/meridian/geo"
)

// eyes are how colours look to those that lack one kind of cone, as linear light (Machado, Oliveira and Fernandes 2009),
// and to others.
var eyes = map[string][3][3]float64{
	"all cones":      {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
	"no red cones":   {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
	"no green cones": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	"no blue cones":  {{1.255528, -0.076749, -0.178779}, {-0.078411, 0.930809, 0.147602}, {0.004733, 0.691367, 0.303900}},
}

// lab is a colour as such eyes see it, in CIELAB.
func lab(t *testing.T, hex string, eye [3][3]float64) (l [3]float64) {
	t.Helper()
	v, err := strconv.ParseUint(hex[1:], 16, 32)
	if err != nil || len(hex) != 7 {
		t.Fatalf("%q is no colour", hex)
	}
	var light, seen [3]float64
	for i := range light {
		c := float64(v>>(16-8*i)&0xff) / 255
		if light[i] = c / 12.92; c > 0.04045 {
			light[i] = math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	for i, row := range eye {
		seen[i] = min(max(row[0]*light[0]+row[1]*light[1]+row[2]*light[2], 0), 1)
	}
	f := func(x float64) float64 {
		if x > 0.008856 {
			return math.Cbrt(x)
		}
		return 7.787*x + 16.0/116
	}
	x := f((0.4124*seen[0] + 0.3576*seen[1] + 0.1805*seen[2]) / 0.9505)
	y := f(0.2126*seen[0] + 0.7152*seen[1] + 0.0722*seen[2])
	z := f((0.0193*seen[0] + 0.1192*seen[1] + 0.9505*seen[2]) / 1.089)
	return [3]float64{116*y - 16, 500 * (x - y), 200 * (y - z)}
}

// TestPalette holds that all colours differ to all eyes, in light and in dark: 2.3 is what can just be told apart.
func TestPalette(t *testing.T) {
	colours := palette()
	for name, eye := range eyes {
		for mode := range 2 {
			for i, a := range colours {
				for _, b := range colours[:i] {
					p, q := lab(t, a[mode], eye), lab(t, b[mode], eye)
					if d := math.Hypot(math.Hypot(p[0]-q[0], p[1]-q[1]), p[2]-q[2]); d < 14 {
						t.Errorf("%s and %s are %.1f apart with %s", a[mode], b[mode], d, name)
					}
				}
			}
		}
	}
}

// TestRegions asks for the subdivisions of places from a geo database that knows only two cities.
func TestRegions(t *testing.T) {
	ca, _ := geo.ParseSubdivision("US-CA")
	ny, _ := geo.ParseSubdivision("US-NY")
	region := Regions([]geo.Place{
		{}, {Special: true}, {Country: geo.Code{'U', 'S'}, Subdivision: ca, Located: true, Lat: 34, Lon: -118},
		{Country: geo.Code{'U', 'S'}, Subdivision: ny, Located: true, Lat: 40.7, Lon: -74},
	})
	for _, c := range []struct {
		country  geo.Code
		lat, lon float64
		want     geo.Subdivision
	}{
		{geo.Code{'U', 'S'}, 37, -120, ca}, {geo.Code{'U', 'S'}, 43, -75, ny}, {geo.Code{'U', 'S'}, 45, -98, geo.Subdivision{}},
		{geo.Code{'M', 'X'}, 32.5, -116, geo.Subdivision{}}, {geo.Code{'C', 'A'}, 44, -76, geo.Subdivision{}},
	} {
		if got := region(c.country, geo.Point{Lat: c.lat, Lon: c.lon}); got != c.want {
			t.Errorf("%s %v %v: %q, want %q", c.country, c.lat, c.lon, got, c.want)
		}
	}
}
