package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/meridian-dns/meridian/admin"
)

// printCoverage writes what each server serves, and by whom each country is served.
func printCoverage(w io.Writer, c *admin.Coverage) {
	p := painterFor(w)
	width := widthOf(w)
	for _, note := range c.Notes {
		for _, part := range wrapped(note, width) {
			fmt.Fprintln(w, p.yellow(part))
		}
	}
	rows := [][]string{{"SERVER", "STATE", "LAND", "COUNTRIES", "MEAN KM", "FARTHEST KM"}}
	for _, s := range c.Servers {
		near, far := distance(s.KM), distance(s.FarthestKM)
		if s.Share == 0 {
			near, far = "-", "-"
		}
		rows = append(rows, []string{s.Name, s.State, percent(s.Share), fmt.Sprint(s.Countries), near, far})
	}
	fmt.Fprintln(w)
	printColumns(w, p, rows, 2)
	names := calledIn(c)
	rows = [][]string{{"COUNTRY", "", "MEAN KM", "SERVED BY"}}
	for _, l := range c.Countries {
		name := l.Name
		if width > 0 && width < roomy {
			name = cut(name, narrowCountry)
		}
		rows = append(rows, []string{name, l.Code, distance(l.KM), servedBy(&l, names)})
	}
	fmt.Fprintln(w)
	printColumns(w, p, rows, 2)
}

// narrowCountry is how many characters of a country's name a narrow terminal shows.
const narrowCountry = 30

// mostNamed is how many of those that serve a country are named.
const mostNamed = 3

// servedBy lists the servers of a country, with their shares if there are several. Of a site with more than one server
// only the site is named.
func servedBy(l *admin.CoverageCountry, names map[string]string) string {
	var order []string
	shares := map[string]float64{}
	for _, s := range l.Servers {
		name := names[s.Server]
		if _, seen := shares[name]; !seen {
			order = append(order, name)
		}
		shares[name] += s.Share
	}
	if l.Unanswered > 0 {
		order = append(order, "nobody")
		shares["nobody"] = l.Unanswered
	}
	if len(order) == 1 {
		return order[0]
	}
	slices.SortStableFunc(order, func(a, b string) int { return cmp.Compare(shares[b], shares[a]) })
	var words []string
	for i, name := range order {
		if i == mostNamed && len(order) > mostNamed+1 {
			words = append(words, fmt.Sprintf("%d more", len(order)-i))
			break
		}
		words = append(words, name+" "+percent(shares[name]))
	}
	return strings.Join(words, ", ")
}

// calledIn is what the servers of a map are called where there is little room: those of a site with several by the site.
func calledIn(c *admin.Coverage) map[string]string {
	sites, names := map[string]int{}, map[string]string{}
	for _, s := range c.Servers {
		sites[s.Site]++
	}
	for _, s := range c.Servers {
		names[s.Name] = s.Name
		if s.Site != "" && sites[s.Site] > 1 {
			names[s.Name] = s.Site
		}
	}
	return names
}

func percent(share float64) string {
	if share > 0 && share < 0.005 {
		return "<1 %"
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// distance is a whole number of kilometres.
func distance(km *float64) string {
	if km == nil {
		return "?"
	}
	return fmt.Sprintf("%.0f", *km)
}

// printColumns writes rows, the first of them a heading; columns from the given one on, but the last, hold numbers, and
// end at one place.
func printColumns(w io.Writer, p painter, rows [][]string, numbers int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for n, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i >= numbers && i < len(row)-1 || i == len(row)-1 && strings.HasSuffix(rows[0][i], "KM") {
				cell = pad + cell
			} else {
				cell += pad
			}
			line.WriteString(cell + "  ")
		}
		text := strings.TrimRight(line.String(), " ")
		if n == 0 {
			text = p.named("bold", text)
		}
		fmt.Fprintln(w, text)
	}
}
