package main

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// message encodes a town as the source does; its coordinates are differences.
func message(t town, dlat, dlon int64) []byte {
	var b []byte
	text := func(field uint64, s string) {
		b = binary.AppendUvarint(b, field<<3|2)
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	number := func(field, v uint64) { b = binary.AppendUvarint(binary.AppendUvarint(b, field<<3), v) }
	number(1, 4242)
	text(fieldName, t.name)
	text(fieldCountry, t.country)
	text(fieldKind, t.kind)
	text(fieldAdmin1, t.admin1)
	number(fieldPopulation, uint64(t.population))
	number(fieldLon, uint64(dlon<<1^dlon>>63))
	number(fieldLat, uint64(dlat<<1^dlat>>63))
	return append(binary.AppendUvarint(nil, uint64(len(b))), b...)
}

func TestDecodeTowns(t *testing.T) {
	want := []town{
		{name: "Paris", country: "FR", admin1: "11", kind: "PPLC", population: 2138551, lat: 48.85341, lon: 2.3488},
		{name: "Tonga", country: "TO", admin1: "02", kind: "PPL", population: 1, lat: -21.2, lon: -175.2},
	}
	file := append(message(want[0], 4885341, 234880), message(want[1], -2120000-4885341, -17520000-234880)...)
	got, err := decodeTowns(file)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("got %+v, %v", got, err)
	}
	bounds := map[int]bool{0: true, len(message(want[0], 4885341, 234880)): true}
	for cut := range file {
		if _, err := decodeTowns(file[:cut]); (err == nil) != bounds[cut] {
			t.Errorf("%d of %d bytes: %v", cut, len(file), err)
		}
	}
	if _, err := decodeTowns([]byte{2, 1<<3 | 5, 0}); err == nil {
		t.Error("a wire type of 5 was accepted")
	}
}

func TestKnowledge(t *testing.T) {
	k, err := readKnowledge()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(k.continent); n != 250 {
		t.Errorf("%d countries, want the 249 of ISO 3166-1 and XK", n)
	}
	for country, codes := range k.divisions {
		if k.continent[country] == "" {
			t.Errorf("divisions of %q", country)
		}
		seen := map[string]string{}
		for admin1, c := range codes {
			if other, twice := seen[c.current]; twice && country+c.current != "INDH" { // two territories became one
				t.Errorf("%s: both %s and %s are %q", country, admin1, other, c.current)
			}
			seen[c.current] = admin1
			if len(c.current) > 3 || len(c.older) > 3 || strings.ToUpper(c.current+c.older) != c.current+c.older {
				t.Errorf("%s: bad code %+v", country, c)
			}
		}
	}
	for _, tt := range []struct {
		town            town
		current, former string
	}{
		{town{country: "DE", admin1: "02"}, "DE-BY", ""},
		{town{country: "US", admin1: "CA"}, "US-CA", ""},
		{town{country: "US"}, "", ""},
		{town{country: "IN", admin1: "21"}, "IN-OD", "IN-OR"},
		{town{country: "TR", admin1: "34"}, "", ""},
		{town{country: "NO", admin1: "30"}, "", ""},
	} {
		if current, older := k.subdivision(tt.town); current != tt.current || older != tt.former {
			t.Errorf("%+v: %q, %q", tt.town, current, older)
		}
	}
}

func TestKnowledgeErrors(t *testing.T) {
	k := &knowledge{map[string]string{"DE": "EU"}, map[string][2]float64{}, map[string]map[string]code{}, map[string][]string{}, map[string]bool{}}
	for name, err := range map[string]error{
		"country twice":    k.addContinent("AS", "FR DE"),
		"no latitude":      k.addCentre("BV", "x 1"),
		"no longitude":     k.addCentre("BV", "1"),
		"division twice":   k.addDivisions("DE", "01=A 01=B"),
		"no code":          k.addDivisions("DE", "01"),
		"alias of nothing": k.addAliases("DE", "Munich München"),
	} {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestCityTable(t *testing.T) {
	k := &knowledge{
		divisions: map[string]map[string]code{"US": {"": {}}},
		aliases:   map[string][]string{"US Big'un": {"Biggun", "BG"}},
		extra:     map[string]bool{"US-VA Ashburn": true},
	}
	towns := []town{
		{name: "Big’un", country: "US", admin1: "CA", kind: "PPL", population: 100_000, lat: 1.234, lon: -5},
		{name: "Small", country: "US", admin1: "CA", kind: "PPL", population: 99_999},
		{name: "Capital", country: "LU", kind: "PPLC", population: 5},
		{name: "Quarter", country: "US", admin1: "CA", kind: "PPLX", population: 900_000},
		{name: "Ashburn", country: "US", admin1: "VA", kind: "PPL", population: 10},
		{name: "Ashburn", country: "US", admin1: "VA", kind: "PPL", population: 43_511},
		{name: "Ashburn", country: "US", admin1: "GA", kind: "PPL", population: 50_000},
	}
	got, err := cityTable(k, towns)
	want := "Ashburn||US|VA|0.00|0.00|43511\nBig'un|Biggun;BG|US|CA|1.23|-5.00|100000\nCapital||LU||0.00|0.00|5\n"
	if err != nil || got != want {
		t.Errorf("got %s%v\nwant %s", got, err, want)
	}
	if _, err := cityTable(k, towns[:3]); err == nil {
		t.Error("a missing town was not noticed")
	}
	if _, err := cityTable(k, towns[1:]); err == nil {
		t.Error("an alias without its city was not noticed")
	}
}

func TestCountryTable(t *testing.T) {
	k := &knowledge{
		continent: map[string]string{"FJ": "OC", "BV": "AN"},
		centre:    map[string][2]float64{"BV": {-54.42, 3.36}},
	}
	towns := []town{
		{country: "FJ", lat: 0, lon: 179, population: 2999, kind: "PPL"},
		{country: "FJ", lat: 0, lon: -177, population: 999, kind: "PPL"},
		{country: "FJ", lat: 50, lon: 0, population: 1e9, kind: "PPLX"},
	}
	got, err := countryTable(k, towns)
	if want := "BV AN -54.42    3.36\nFJ OC   0.00  180.00\n"; err != nil || got != want {
		t.Errorf("got %q, %v\nwant %q", got, err, want)
	}
	if _, err := countryTable(k, nil); err == nil {
		t.Error("a country without a centre was not noticed")
	}
	if _, err := countryTable(k, append(towns, town{country: "BV"})); err == nil {
		t.Error("a superfluous centre was not noticed")
	}
}

func TestGenerateErrors(t *testing.T) {
	dir := t.TempDir()
	if err := run(dir, dir); err == nil {
		t.Error("a folder without the source was accepted")
	}
	if err := os.WriteFile(filepath.Join(dir, sourceFile), []byte{200}, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := run(dir, dir); err == nil || !strings.Contains(err.Error(), sourceFile) {
		t.Errorf("a damaged source: %v", err)
	}
}
