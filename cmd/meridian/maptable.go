package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/meridian-dns/meridian/admin"
)

// printCoverage writes what each server serves, and by whom each country is served.
func printCoverage(w io.Writer, c *admin.Coverage) {
	p := painterFor(w)
	for _, note := range c.Notes {
		fmt.Fprintln(w, p.yellow(note))
	}
	rows := [][]string{{"SERVER", "STATE", "LAND", "COUNTRIES", "MEAN KM", "FARTHEST KM"}}
	for _, s := range c.Servers {
		rows = append(rows, []string{s.Name, s.State, percent(s.Share), fmt.Sprint(s.Countries), distance(s.KM), distance(s.FarthestKM)})
	}
	fmt.Fprintln(w)
	printColumns(w, p, rows, 2)
	rows = [][]string{{"COUNTRY", "", "MEAN KM", "SERVED BY"}}
	for _, l := range c.Countries {
		rows = append(rows, []string{l.Name, l.Code, distance(l.KM), servedBy(&l)})
	}
	fmt.Fprintln(w)
	printColumns(w, p, rows, 2)
}

// servedBy lists the servers of a country, with their shares if there are several.
func servedBy(l *admin.CoverageCountry) string {
	var words []string
	for i, s := range l.Servers {
		if i == 3 && len(l.Servers) > 4 {
			words = append(words, fmt.Sprintf("%d more", len(l.Servers)-i))
			break
		}
		if len(l.Servers) == 1 && l.Unanswered == 0 {
			return s.Server
		}
		words = append(words, s.Server+" "+percent(s.Share))
	}
	if l.Unanswered > 0 {
		words = append(words, "nobody "+percent(l.Unanswered))
	}
	return strings.Join(words, ", ")
}

func percent(share float64) string {
	switch {
	case share > 0 && share < 0.005:
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
