package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// minPopulation is that of the smallest city which is listed for its size.
const minPopulation = 100_000

// centroid is a mean of places on the sphere, so that the date line does no
// harm.
type centroid struct{ x, y, z float64 }

func (c *centroid) add(lat, lon, weight float64) {
	slat, clat := math.Sincos(lat * math.Pi / 180)
	slon, clon := math.Sincos(lon * math.Pi / 180)
	c.x += weight * clat * clon
	c.y += weight * clat * slon
	c.z += weight * slat
}

func (c *centroid) point() (lat, lon float64) {
	return math.Atan2(c.z, math.Hypot(c.x, c.y)) * 180 / math.Pi, math.Atan2(c.y, c.x) * 180 / math.Pi
}

// weight is how much a town counts in a centre. Parts of towns, and those
// abandoned, do not; a capital without a figure does a little.
func (t town) weight() float64 {
	if slices.Contains([]string{"PPLX", "PPLH", "PPLQ", "PPLW"}, t.kind) {
		return 0
	}
	return float64(t.population) + 1
}

// centres returns the population-weighted means of the towns by key.
func centres(towns []town, keys func(town) []string) map[string]*centroid {
	out := make(map[string]*centroid)
	for _, t := range towns {
		if t.weight() == 0 {
			continue
		}
		for _, key := range keys(t) {
			if out[key] == nil {
				out[key] = &centroid{}
			}
			out[key].add(t.lat, t.lon, t.weight())
		}
	}
	return out
}

func countryTable(k *knowledge, towns []town) (string, error) {
	found := centres(towns, func(t town) []string { return []string{t.country} })
	for country, p := range k.centre {
		if found[country] != nil {
			return "", fmt.Errorf("%s has towns, its centre is superfluous", country)
		}
		found[country] = &centroid{}
		found[country].add(p[0], p[1], 1)
	}
	var b strings.Builder
	for _, country := range slices.Sorted(maps.Keys(k.continent)) {
		if found[country] == nil {
			return "", fmt.Errorf("%s has no centre", country)
		}
		lat, lon := found[country].point()
		fmt.Fprintf(&b, "%s %s %6.2f %7.2f\n", country, k.continent[country], lat, lon)
	}
	return b.String(), nil
}

func subdivisionTable(k *knowledge, towns []town) (string, error) {
	found := centres(towns, func(t town) []string {
		current, older := k.subdivision(t)
		return slices.DeleteFunc([]string{current, older}, func(s string) bool { return s == "" })
	})
	var b strings.Builder
	for _, s := range slices.Sorted(maps.Keys(found)) {
		if len(s) > 6 {
			return "", fmt.Errorf("%s is no ISO 3166-2 code", s)
		}
		lat, lon := found[s].point()
		fmt.Fprintf(&b, "%-6s %6.2f %7.2f\n", s, lat, lon)
	}
	return b.String(), nil
}

func cityTable(k *knowledge, towns []town) (string, error) {
	unused := make(map[string]bool)
	for key := range k.aliases {
		unused[key] = true
	}
	chosen, err := k.chosen(towns)
	if err != nil {
		return "", err
	}
	var lines []string
	divided := 0
	for i, t := range towns {
		if !chosen[i] && !large(t) {
			continue
		}
		key := t.country + " " + plain(t.name)
		delete(unused, key)
		division, _ := k.subdivision(t)
		if division != "" {
			divided++
		}
		lines = append(lines, fmt.Sprintf("%s|%s|%s|%s|%.2f|%.2f|%d\n", plain(t.name), strings.Join(k.aliases[key], ";"),
			t.country, strings.TrimPrefix(division, t.country+"-"), t.lat, t.lon, t.population))
	}
	if len(unused) > 0 {
		return "", fmt.Errorf("no city for the names of %q", slices.Sorted(maps.Keys(unused)))
	}
	slices.Sort(lines)
	fmt.Printf("%d cities, %d of them with a subdivision\n", len(lines), divided)
	return strings.Join(lines, ""), nil
}

// chosen finds the towns of extra.txt: the largest of each name in its division.
func (k *knowledge) chosen(towns []town) (map[int]bool, error) {
	largest := make(map[string]int)
	for i, t := range towns {
		division, _ := k.subdivision(t)
		place := cmp.Or(division, t.country) + " " + t.name
		if best, found := largest[place]; k.extra[place] && (!found || t.population > towns[best].population) {
			largest[place] = i
		}
	}
	chosen := make(map[int]bool)
	for place := range k.extra {
		i, found := largest[place]
		if !found {
			return nil, fmt.Errorf("no town %q", place)
		}
		chosen[i] = true
	}
	return chosen, nil
}

// large says whether a town is listed for its size or as a capital.
func large(t town) bool {
	return t.weight() > 0 && (t.population >= minPopulation || t.kind == "PPLC")
}
