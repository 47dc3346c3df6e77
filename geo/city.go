package geo

import (
	"cmp"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// cities has a line for every city: name, other names, country, code of its
// subdivision within the country, latitude, longitude, population.
//
//go:embed gazetteer/cities.txt
var cities string

// City is a city of the embedded list: those of over 100,000 people, the
// capitals, and some smaller towns known for their data centres.
type City struct {
	Name        string // "Portland"
	Country     Code
	Subdivision string // ISO 3166-2, "US-OR"; "" where the list does not know it
	Point
	Population int // may be years old
}

const (
	// outranks is how many times larger than all others of its name a city must
	// be to be meant by the name alone.
	outranks = 10
	// sameTown is how far apart, in km, two entries of one name and country may
	// be and still be one town.
	sameTown = 50
	// maxSuggestions bounds the list in an error.
	maxSuggestions = 8
)

// FindCity finds a city by its name, with or without country or subdivision:
// "Paris", "Sydney, AU", "Portland, US-OR". Case, accents and punctuation do
// not matter, and many cities have further names ("Cologne", "Bombay").
//
// A name that several cities bear is an error, unless one is ten times as large
// as every other of them: "London" is that of England, but "Birmingham" needs a
// country. Errors list what could have been meant in the form to write.
func FindCity(q string) (City, error) { return listed().find(q) }

// listed is the embedded list, read when it is first needed.
var listed = sync.OnceValue(func() gazetteer { return parseCities(cities) })

// gazetteer is a list of cities, the largest first.
type gazetteer []entry

type entry struct {
	City
	names string // folded, each between two bars
}

func parseCities(text string) gazetteer {
	g := make(gazetteer, 0, strings.Count(text, "\n"))
	for line := range strings.Lines(text) {
		if e, ok := parseCity(strings.TrimSuffix(line, "\n")); ok {
			g = append(g, e)
		}
	}
	slices.SortStableFunc(g, func(a, b entry) int { return cmp.Compare(b.Population, a.Population) })
	return g
}

func parseCity(line string) (entry, bool) {
	f := strings.Split(line, "|")
	if len(f) != 7 {
		return entry{}, false
	}
	country, err := ParseCode(f[2])
	if err != nil {
		return entry{}, false
	}
	at, ok := parsePoint(f[4], f[5])
	population, err := strconv.Atoi(f[6])
	e := entry{City{f[0], country, "", at, population}, "|"}
	if f[3] != "" {
		e.Subdivision = f[2] + "-" + f[3]
	}
	for _, name := range append([]string{f[0]}, strings.Split(f[1], ";")...) {
		e.names += fold(name) + "|"
		if other := german(name); other != name {
			e.names += fold(other) + "|"
		}
	}
	return e, ok && err == nil
}

func (g gazetteer) find(q string) (City, error) {
	a := g.search(q)
	switch {
	case len(a.found) == 0:
		return City{}, g.unknown(a.name, a.where)
	case a.decided():
		return a.found[0], nil
	}
	return City{}, fmt.Errorf("city %q is ambiguous, write one of: %s", q, g.list(a.found))
}

// within says whether a city is in a country or subdivision.
func (c *City) within(where string) bool {
	return where == "" || strings.EqualFold(where, c.Country.String()) || strings.EqualFold(where, c.Subdivision)
}

// answer is what a query asks for and the cities that fit, the largest first.
type answer struct {
	name, where string
	found       []City
}

// search takes q for a name, and if there is none, the part after the last
// comma for a country or subdivision.
func (g gazetteer) search(q string) answer {
	a := answer{name: q, found: g.named(q, "")}
	if comma := strings.LastIndexByte(q, ','); comma >= 0 && len(a.found) == 0 {
		a.name, a.where = strings.TrimSpace(q[:comma]), strings.TrimSpace(q[comma+1:])
		a.found = g.named(a.name, a.where)
	}
	return a
}

// decided says whether only the largest can be meant.
func (a answer) decided() bool {
	if len(a.found) == 0 {
		return false
	}
	best := a.found[0]
	for _, c := range a.found[1:] {
		near := c.Country == best.Country && DistanceKM(c.Point, best.Point) <= sameTown
		if !near && c.Population*outranks > best.Population {
			return false
		}
	}
	return true
}

// named returns the cities of a name in a country or subdivision, anywhere if
// where is empty, the largest first.
func (g gazetteer) named(name, where string) []City {
	key := "|" + fold(name) + "|"
	if key == "||" {
		return nil
	}
	var found []City
	for _, e := range g {
		if strings.Contains(e.names, key) && e.within(where) {
			found = append(found, e.City)
		}
	}
	return found
}

// list writes cities as they can be asked for.
func (g gazetteer) list(found []City) string {
	more := ""
	if len(found) > maxSuggestions {
		found, more = found[:maxSuggestions], "; ..."
	}
	var out []string
	for _, c := range found {
		out = append(out, fmt.Sprintf("%s (pop %s)", g.label(c), people(c.Population)))
	}
	return strings.Join(out, "; ") + more
}

// label is the shortest query with a country that finds c, or else the
// coordinates.
func (g gazetteer) label(c City) string {
	for _, where := range []string{c.Country.String(), c.Subdivision} {
		q := c.Name + ", " + where
		if a := g.search(q); a.decided() && a.found[0] == c {
			return strconv.Quote(q)
		}
	}
	return fmt.Sprintf("[%.2f, %.2f]", c.Lat, c.Lon)
}

func people(n int) string {
	switch {
	case n >= 1_000_000:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	case n >= 1000:
		return fmt.Sprintf("%dk", n/1000)
	}
	return strconv.Itoa(n)
}

// unknown says why there is no such city and what may have been meant.
func (g gazetteer) unknown(name, where string) error {
	const form = "a country or subdivision is written as in"
	switch elsewhere := g.named(name, ""); {
	case fold(name) == "":
		return fmt.Errorf("city %q has no name", name)
	case len(elsewhere) > 0:
		return fmt.Errorf("no city %q in %q; %s: %s", name, where, form, g.list(elsewhere))
	case where != "":
		name += ", " + where
	}
	return fmt.Errorf("no city of over 100,000 people is called %q; %scoordinates do for any place: [48.86, 2.35]",
		name, g.guess(name))
}

func (g gazetteer) guess(name string) string {
	similar := g.similar(name)
	if len(similar) == 0 {
		return ""
	}
	return "did you mean " + g.list(similar) + "? Or "
}

// similar returns up to three cities whose names are nearly the one given up
// to a comma, or have a word that begins with it.
func (g gazetteer) similar(name string) []City {
	type guess struct {
		City
		off int
	}
	name, _, _ = strings.Cut(name, ",")
	key := fold(name)
	var guesses []guess
	for _, e := range g {
		if off := e.off(key); off <= 1+len(key)/5 {
			guesses = append(guesses, guess{e.City, off})
		}
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return cmp.Compare(a.off, b.off) })
	var out []City
	for _, s := range guesses[:min(3, len(guesses))] {
		out = append(out, s.City)
	}
	return out
}

// off is how far the nearest of the names is from key; one with a word that
// begins with it is one off.
func (e *entry) off(key string) int {
	slack := 2 + len(key)/5
	best := slack
	for name := range strings.SplitSeq(strings.Trim(e.names, "|"), "|") {
		if diff := len(name) - len(key); -slack <= diff && diff <= slack {
			best = min(best, distance(key, name))
		}
		if len(key) >= 4 && strings.Contains(" "+name, " "+key) {
			best = min(best, 1)
		}
	}
	return best
}
