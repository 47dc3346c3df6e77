package geo

import (
	_ "embed"
	"sort"
	"strconv"
	"strings"
)

//go:generate go run ./internal/gencities -out gazetteer

// countries has a line for every country: code, continent, latitude and
// longitude of its centre.
//
//go:embed gazetteer/countries.txt
var countries string

// subdivisions has a line for first-level divisions: code, latitude, longitude
// of the centre.
//
//go:embed gazetteer/subdivisions.txt
var subdivisions string

// IsCountry says whether s is an ISO 3166-1 code, in either case, or XK
// (Kosovo), which databases use though it is not in the standard.
func IsCountry(s string) bool {
	c, err := ParseCode(s)
	if err != nil {
		return false
	}
	_, ok := ContinentOf(c)
	return ok
}

// IsContinent says whether s is one of AF, AN, AS, EU, NA, OC and SA, in either
// case.
func IsContinent(s string) bool {
	switch strings.ToUpper(s) {
	case "AF", "AN", "AS", "EU", "NA", "OC", "SA":
		return true
	}
	return false
}

// ContinentOf returns the continent of a country as GeoNames and MaxMind have
// it: Cyprus in Europe, Turkey and the Caucasus in Asia, all of Russia in
// Europe.
func ContinentOf(country Code) (Code, bool) {
	fields := row(countries, country.String())
	if len(fields) != 4 {
		return Code{}, false
	}
	c, err := ParseCode(fields[1])
	return c, err == nil
}

// Centre returns where a country's people are: the mean of its towns, weighted
// by population. For steering that is better than the middle of its area, which
// in Canada or Russia is where nobody lives.
func Centre(country Code) (Point, bool) {
	fields := row(countries, country.String())
	if len(fields) != 4 {
		return Point{}, false
	}
	return parsePoint(fields[2], fields[3])
}

// SubdivisionCentre returns where the people of a first-level division are. The
// 46 countries it knows are the larger ones; for others ok is false.
func SubdivisionCentre(s Subdivision) (p Point, ok bool) {
	fields := row(subdivisions, s.String())
	if len(fields) != 3 {
		return Point{}, false
	}
	return parsePoint(fields[1], fields[2])
}

// row finds the fields of the line that starts with key, in a table of lines of
// one length in ascending order.
func row(table, key string) []string {
	width := strings.IndexByte(table, '\n') + 1
	line := func(i int) string { return table[i*width : (i+1)*width] }
	head := func(i int) string { return line(i)[:strings.IndexByte(line(i), ' ')] }
	i, found := sort.Find(len(table)/width, func(i int) int { return strings.Compare(key, head(i)) })
	if !found {
		return nil
	}
	return strings.Fields(line(i))
}

func parsePoint(lat, lon string) (Point, bool) {
	y, err := strconv.ParseFloat(lat, 64)
	if err != nil {
		return Point{}, false
	}
	x, err := strconv.ParseFloat(lon, 64)
	return Point{Lat: y, Lon: x}, err == nil
}
