package coverage

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/geo"
)

// Coverage tells the map in numbers, countries by name.
func (m *Map) Coverage() admin.Coverage {
	c := admin.Coverage{Pool: m.pool.Name, Down: append([]string{}, m.down...), HealthKnown: m.live,
		Notes: append([]string{}, m.notes...), Servers: []admin.CoverageServer{}, Countries: []admin.CoverageCountry{}}
	for i, p := range m.posts {
		s, t := &m.sites[m.home[i]], &m.sums[i]
		c.Servers = append(c.Servers, admin.CoverageServer{
			Name: p.Name, Site: p.Site, State: levelOf(p), Fallback: p.Spare, Colour: s.ink,
			Share: round(t.weight/m.area, 4), Countries: t.countries, KM: km(t.mean()), FarthestKM: km(t.farthest),
		})
	}
	for i := range m.lands {
		if l := &m.lands[i]; l.code != (geo.Code{}) {
			c.Countries = append(c.Countries, m.tell(l))
		}
	}
	slices.SortFunc(c.Countries, func(a, b admin.CoverageCountry) int { return strings.Compare(folded(a.Name), folded(b.Name)) })
	return c
}

// folded puts the few names with accents at the beginning where a reader looks for them.
func folded(name string) string {
	return strings.NewReplacer("Å", "A", "É", "E", "Ô", "O").Replace(name)
}

func (m *Map) tell(l *land) admin.CoverageCountry {
	c := admin.CoverageCountry{Code: l.code.String(), Name: l.name, KM: km(l.km), MedianKM: km(l.median),
		Unanswered: round(l.none, 4), Servers: []admin.CoverageShare{}}
	for _, t := range l.servers {
		c.Servers = append(c.Servers, admin.CoverageShare{
			Server: m.posts[t.server].Name, Share: round(t.weight/l.weight, 4), KM: km(t.mean()),
		})
	}
	return c
}

// km is a distance for people; nil if it is not known.
func km(v float64) *float64 {
	if math.IsNaN(v) {
		return nil
	}
	v = round(v, 0)
	return &v
}

func round(v float64, digits int) float64 {
	p := math.Pow10(digits)
	return math.Round(v*p) / p
}

// mostNamed is how many sites are named for a country.
const mostNamed = 3

// about says who serves a country, for somebody who points at it.
func (m *Map) about(l *land) string {
	by := m.bySite(l)
	var words []string
	for _, t := range by[:min(len(by), mostNamed)] {
		w := m.sites[t.server].name
		if len(by) > 1 || l.none > 0 {
			w += fmt.Sprintf(" %.0f %%", 100*t.weight/l.weight)
		}
		if mean := t.mean(); !math.IsNaN(mean) {
			w += " " + thousands(mean) + " km"
		}
		words = append(words, w)
	}
	if len(by) > mostNamed {
		words = append(words, fmt.Sprintf("%d more", len(by)-mostNamed))
	}
	if l.none > 0 {
		words = append(words, fmt.Sprintf("%.0f %% no answer", 100*l.none))
	}
	return l.name + ": " + strings.Join(words, ", ")
}

// bySite is what the sites serve of a country, the greatest share first.
func (m *Map) bySite(l *land) []tally {
	var by []tally
	for _, t := range l.servers {
		at := slices.IndexFunc(by, func(s tally) bool { return s.server == m.home[t.server] })
		if at < 0 {
			at = len(by)
			by = append(by, tally{server: m.home[t.server]})
		}
		s := &by[at]
		s.weight, s.km, s.measured = s.weight+t.weight, s.km+t.km, s.measured+t.measured
	}
	slices.SortStableFunc(by, func(a, b tally) int { return cmp.Compare(b.weight, a.weight) })
	return by
}

// thousands writes a whole number with commas.
func thousands(v float64) string {
	s := fmt.Sprintf("%.0f", v)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
