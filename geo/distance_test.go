package geo

import (
	"math"
	"math/big"
	"testing"
)

func TestDistanceKM(t *testing.T) {
	const half = math.Pi * earthRadiusKM
	tests := []struct {
		name string
		a, b Point
		want float64 // km
		off  float64
	}{
		{"same", Point{48.86, 2.35}, Point{48.86, 2.35}, 0, 0},
		{"a metre north", Point{10, 20}, Point{10 + 0.001/earthRadiusKM*180/math.Pi, 20}, 0.001, 1e-8},
		{"a millimetre east", Point{0, 20}, Point{0, 20 + 1e-6/earthRadiusKM*180/math.Pi}, 1e-6, 1e-8},
		{"a degree of latitude", Point{0, 0}, Point{1, 0}, half / 180, 1e-9},
		{"a quarter", Point{0, 0}, Point{90, 77}, half / 2, 1e-9},
		{"the date line", Point{0, 179.5}, Point{0, -179.5}, half / 180, 1e-9},
		{"one pole, two longitudes", Point{90, 0}, Point{90, 120}, 0, 1e-9},
		{"the poles", Point{90, 0}, Point{-90, 33}, half, 1e-9},
		{"antipodes", Point{40, 20}, Point{-40, -160}, half, 1e-9},
		{"a metre from the antipode", Point{0, 0}, Point{0, 180 - 0.001/earthRadiusKM*180/math.Pi}, half - 0.001, 1e-8},
		{"longitudes beyond 180", Point{10, 190}, Point{10, -170}, 0, 1e-9},
		// Figures of airline tables, which use the ellipsoid.
		{"New York JFK to London LHR", Point{40.6398, -73.7789}, Point{51.4706, -0.4619}, 5540, 25},
		{"Sydney SYD to Johannesburg JNB", Point{-33.9461, 151.1772}, Point{-26.1392, 28.246}, 11044, 40},
		{"Madrid MAD to Wellington WLG", Point{40.4936, -3.5668}, Point{-41.3272, 174.8053}, 19855, 60},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, got := range []float64{DistanceKM(tt.a, tt.b), DistanceKM(tt.b, tt.a)} {
				if !(math.Abs(got-tt.want) <= tt.off) {
					t.Errorf("got %.9f km, want %.9f within %g", got, tt.want, tt.off)
				}
			}
		})
	}
}

// TestDistanceKMPrecise compares with the law of haversines in 200 bits, whose
// only floating-point steps are the sines of the input.
func TestDistanceKMPrecise(t *testing.T) {
	for i := range 2000 {
		f := float64(i)
		a := Point{math.Mod(f*37.1, 179) - 89.5, math.Mod(f*91.7, 360) - 180}
		scale := math.Pow(10, -float64(i%9))
		b := Point{a.Lat + scale*math.Sin(f)/10, a.Lon + scale*math.Cos(f)/10}
		if i%2 == 0 {
			b = Point{-b.Lat, b.Lon + 180}
		}
		got, want := DistanceKM(a, b), haversine(a, b)
		if math.Abs(got-want) > 1e-7 { // a tenth of a millimetre
			t.Fatalf("from %v to %v: got %.12f km, want %.12f", a, b, got, want)
		}
	}
}

func haversine(a, b Point) float64 {
	rad := func(x float64) float64 { return x * math.Pi / 180 }
	square := func(x float64) *big.Float {
		f := new(big.Float).SetPrec(200).SetFloat64(x)
		return f.Mul(f, f)
	}
	cosines := new(big.Float).SetPrec(200).SetFloat64(math.Cos(rad(a.Lat)))
	cosines.Mul(cosines, new(big.Float).SetFloat64(math.Cos(rad(b.Lat))))
	h := new(big.Float).SetPrec(200)
	h.Mul(cosines, square(math.Sin(rad(b.Lon-a.Lon)/2)))
	h.Add(h, square(math.Sin(rad(b.Lat-a.Lat)/2)))
	rest := new(big.Float).SetPrec(200)
	rest.Mul(cosines, square(math.Cos(rad(b.Lon-a.Lon)/2)))
	rest.Add(rest, square(math.Sin(rad(b.Lat+a.Lat)/2))) // 1-h, by the sum of angles
	root := func(x *big.Float) float64 { f, _ := new(big.Float).Sqrt(x).Float64(); return f }
	return 2 * earthRadiusKM * math.Atan2(root(h), root(rest))
}
