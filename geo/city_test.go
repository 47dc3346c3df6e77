package geo

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFindCity(t *testing.T) {
	tests := []struct {
		query, name, where string
		near               Point
	}{
		{"Paris", "Paris", "FR-IDF", Point{48.86, 2.35}},
		{"New York", "New York City", "US-NY", Point{40.71, -74.01}},
		{"London", "London", "GB-ENG", Point{51.51, -0.13}},
		{"London, CA", "London", "CA-ON", Point{42.98, -81.25}},
		{"Sydney", "Sydney", "AU-NSW", Point{-33.87, 151.21}},
		{"Sydney, AU", "Sydney", "AU-NSW", Point{-33.87, 151.21}},
		{"sydney,au-nsw", "Sydney", "AU-NSW", Point{-33.87, 151.21}},
		{"Portland, US-OR", "Portland", "US-OR", Point{45.52, -122.68}},
		{"frankfurt", "Frankfurt am Main", "DE-HE", Point{50.11, 8.68}},
		{"Frankfurt am Main", "Frankfurt am Main", "DE-HE", Point{50.11, 8.68}},
		{"Saint Petersburg", "Saint Petersburg", "RU-SPE", Point{59.94, 30.31}},
		{"St. Petersburg", "Saint Petersburg", "RU-SPE", Point{59.94, 30.31}},
		{"São Paulo", "São Paulo", "BR-SP", Point{-23.55, -46.64}},
		{"sao paulo", "São Paulo", "BR-SP", Point{-23.55, -46.64}},
		{"Sa\u0303o Paulo", "São Paulo", "BR-SP", Point{-23.55, -46.64}},
		{"  Zuerich ", "Zürich", "CH-ZH", Point{47.37, 8.55}},
		{"Muenchen", "Munich", "DE-BY", Point{48.14, 11.58}},
		{"COLOGNE", "Köln", "DE-NW", Point{50.94, 6.96}},
		{"Bombay", "Mumbai", "IN-MH", Point{19.07, 72.88}},
		{"Washington, D.C.", "Washington, D.C.", "US-DC", Point{38.9, -77.04}},
		{"Washington DC", "Washington, D.C.", "US-DC", Point{38.9, -77.04}},
		{"Washington, US", "Washington, D.C.", "US-DC", Point{38.9, -77.04}},
		{"Kansas City", "Kansas City", "US-MO", Point{39.1, -94.58}}, // that in Kansas is across the river
		{"Kansas City, US-KS", "Kansas City", "US-KS", Point{39.11, -94.63}},
		{"'s-Hertogenbosch", "'s-Hertogenbosch", "NL-NB", Point{51.7, 5.3}},
		{"Ashburn", "Ashburn", "US-VA", Point{39.04, -77.49}},
		{"Luxembourg", "Luxembourg", "LU", Point{49.61, 6.13}},
		{"Singapore", "Singapore", "SG", Point{1.29, 103.85}},
		{"Tokyo", "Tokyo", "JP-13", Point{35.69, 139.69}},
		{"İstanbul", "Istanbul", "TR", Point{41.01, 28.95}},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			c, err := FindCity(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			where := c.Subdivision
			if where == "" {
				where = c.Country.String()
			}
			if c.Name != tt.name || where != tt.where || DistanceKM(c.Point, tt.near) > 5 || c.Population < 1000 {
				t.Errorf("got %+v", c)
			}
		})
	}
}

func TestFindCityErrors(t *testing.T) {
	tests := []struct{ query, want string }{
		{"Birmingham", `city "Birmingham" is ambiguous, write one of: "Birmingham, GB" (pop 984k); "Birmingham, US" (pop 212k)`},
		{"Springfield, US", `city "Springfield, US" is ambiguous, write one of: "Springfield, US-MO" (pop 166k); ` +
			`"Springfield, US-MA" (pop 154k); "Springfield, US-IL" (pop 116k)`},
		{"Newcastle", `city "Newcastle" is ambiguous, write one of: "Newcastle, ZA" (pop 404k); ` +
			`"Newcastle, AU" (pop 308k); "Newcastle upon Tyne, GB" (pop 192k)`},
		{"Los Angeles, CA", `no city "Los Angeles" in "CA"; a country or subdivision is written as in: ` +
			`"Los Angeles, US" (pop 4.0M); "Los Ángeles, CL" (pop 125k)`},
		{"Sydney, Australia", `no city "Sydney" in "Australia"; a country or subdivision is written as in: ` +
			`"Sydney, AU" (pop 4.6M); "Sydney, CA" (pop 105k)`},
		{"Frankfrut", `no city of over 100,000 people is called "Frankfrut"; did you mean "Frankfurt am Main, DE" (pop 650k)? ` +
			`Or coordinates do for any place: [48.86, 2.35]`},
		{"Hague", `no city of over 100,000 people is called "Hague"; did you mean "The Hague, NL" (pop 474k); ` +
			`"Prague, CZ" (pop 1.2M); "Ibagué, CO" (pop 421k)? Or coordinates do for any place: [48.86, 2.35]`},
		{"Xyzzyq, DE", `no city of over 100,000 people is called "Xyzzyq, DE"; coordinates do for any place: [48.86, 2.35]`},
		{"東京", `no city of over 100,000 people is called "東京"; coordinates do for any place: [48.86, 2.35]`},
		{"", `city "" has no name`},
		{" , DE", `city "" has no name`},
		{"|", `city "|" has no name`},
	}
	for _, tt := range tests {
		c, err := FindCity(tt.query)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%q: got %+v, %v\nwant %s", tt.query, c, err, tt.want)
		}
	}
}

func TestCityList(t *testing.T) {
	g := listed()
	if lines := strings.Count(cities, "\n"); len(g) != lines || lines < 4000 {
		t.Fatalf("%d cities of %d lines", len(g), lines)
	}
	for _, e := range g {
		if !IsCountry(e.Country.String()) || e.Lat < -90 || e.Lat > 90 || e.Lon < -180 || e.Lon > 180 || e.Population < 0 {
			t.Errorf("bad entry %+v", e)
		}
		for name := range strings.SplitSeq(strings.Trim(e.names, "|"), "|") {
			if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r >= utf8.RuneSelf }) {
				t.Errorf("%s: folded to %q", e.Name, name)
			}
		}
		if e.Subdivision == "" {
			continue
		}
		s, err := ParseSubdivision(e.Subdivision)
		if _, ok := SubdivisionCentre(s); err != nil || !ok || s.Country() != e.Country {
			t.Errorf("%s: unknown subdivision %s (%v)", e.Name, e.Subdivision, err)
		}
	}
}

// TestCityLabels holds that what an error suggests finds the city it means.
func TestCityLabels(t *testing.T) {
	g := listed()
	bearers := map[string]int{}
	for _, e := range g {
		bearers[fold(e.Name)]++
	}
	labels := 0
	for _, e := range g {
		if bearers[fold(e.Name)] == 1 {
			continue
		}
		label := g.label(e.City)
		if strings.HasPrefix(label, "[") { // one of two in a subdivision
			continue
		}
		labels++
		q, err := strconv.Unquote(label)
		if err != nil {
			t.Fatal(err)
		}
		if c, err := FindCity(q); err != nil || c != e.City {
			t.Errorf("%s finds %+v, %v, not %+v", label, c, err, e.City)
		}
	}
	if labels < 150 {
		t.Errorf("only %d cities share a name and can be told apart", labels)
	}
}

func TestFold(t *testing.T) {
	tests := map[string]string{
		"St. John's": "saint johns", "Saint-Denis": "saint denis", "Łódź": "lodz", "Ürümqi": "urumqi", "Reykjavík": "reykjavik",
		"Ho Chi Minh City": "ho chi minh city", "  A\u0301vila ": "avila", "Straßburg": "strassburg", "Ðà Lạt": "da lat",
		"Nuku‘alofa": "nukualofa", "Mülheim (Ruhr)": "mulheim ruhr", "a,b/c": "a b c", "Ft. Worth": "fort worth", "--": "",
	}
	for in, want := range tests {
		if got := fold(in); got != want {
			t.Errorf("fold(%q) = %q, want %q", in, got, want)
		}
		if got := fold(fold(in)); got != want {
			t.Errorf("fold(%q) is not stable: %q", in, got)
		}
	}
}

func TestDistance(t *testing.T) {
	tests := []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"paris", "paris", 0}, {"pairs", "paris", 1}, {"pari", "paris", 1},
		{"parris", "paris", 1}, {"peris", "paris", 1}, {"kitten", "sitting", 3}, {"frankfrut", "frankfurt", 1},
	}
	for _, tt := range tests {
		if got := distance(tt.a, tt.b); got != tt.want {
			t.Errorf("distance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func FuzzFindCity(f *testing.F) {
	for _, q := range []string{"Paris", "Portland, US-OR", "São Paulo", ",", "a,b,c", "\xff", "東京", "Springfield"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, q string) {
		if len(q) > 200 {
			return
		}
		c, err := FindCity(q)
		if err == nil && (c.Name == "" || !IsCountry(c.Country.String())) {
			t.Errorf("%q: %+v", q, c)
		}
		if err != nil && c != (City{}) {
			t.Errorf("%q: %+v beside %v", q, c, err)
		}
	})
}
