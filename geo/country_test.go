package geo

import (
	"slices"
	"strings"
	"testing"
)

func code(s string) Code {
	c, err := ParseCode(s)
	if err != nil {
		panic(err)
	}
	return c
}

func TestContinentOf(t *testing.T) {
	tests := map[string]string{
		"DE": "EU", "US": "NA", "BR": "SA", "KE": "AF", "JP": "AS", "AU": "OC", "AQ": "AN",
		// where conventions differ
		"CY": "EU", "TR": "AS", "GE": "AS", "AM": "AS", "AZ": "AS", "KZ": "AS", "RU": "EU", "IL": "AS", "EG": "AF",
		"TL": "OC", "ID": "AS", "PA": "NA", "TT": "NA", "GL": "NA", "GS": "AN", "TF": "AN", "XK": "EU", "SJ": "EU",
		"ZZ": "", "EU": "", "UK": "", "AN": "", "AP": "",
	}
	for country, want := range tests {
		got, ok := ContinentOf(code(country))
		if got.String() != want || ok != (want != "") {
			t.Errorf("%s: got %q, %v, want %q", country, got, ok, want)
		}
	}
	if _, ok := ContinentOf(Code{}); ok {
		t.Error("the unknown country has a continent")
	}
}

func TestIsCountryIsContinent(t *testing.T) {
	tests := []struct {
		s                  string
		country, continent bool
	}{
		{"DE", true, false}, {"de", true, false}, {"NA", true, true}, {"SA", true, true}, {"AF", true, true},
		{"AS", true, true}, {"EU", false, true}, {"eu", false, true}, {"OC", false, true}, {"ZZ", false, false},
		{"", false, false}, {"D", false, false}, {"DEU", false, false}, {"D\n", false, false}, {"  ", false, false},
		{"DE ", false, false}, {"ÄÖ", false, false},
	}
	for _, tt := range tests {
		if got := IsCountry(tt.s); got != tt.country {
			t.Errorf("IsCountry(%q) = %v", tt.s, got)
		}
		if got := IsContinent(tt.s); got != tt.continent {
			t.Errorf("IsContinent(%q) = %v", tt.s, got)
		}
	}
}

// TestTables holds what row relies on, and that every line can be read.
func TestTables(t *testing.T) {
	for _, table := range []struct {
		name, text      string
		rows, cellCount int
	}{{"countries", countries, 250, 4}, {"subdivisions", subdivisions, 973, 3}} {
		lines := slices.Collect(strings.Lines(table.text))
		if len(lines) != table.rows {
			t.Errorf("%s: %d lines, want %d", table.name, len(lines), table.rows)
		}
		if !slices.IsSorted(lines) {
			t.Errorf("%s are not sorted", table.name)
		}
		for _, line := range lines {
			if len(line) != len(lines[0]) || len(strings.Fields(line)) != table.cellCount {
				t.Errorf("%s: bad line %q", table.name, line)
			}
			key := strings.Fields(line)[0]
			if got := row(table.text, key); !slices.Equal(got, strings.Fields(line)) {
				t.Errorf("%s: %s finds %q", table.name, key, got)
			}
		}
	}
}

func TestCentre(t *testing.T) {
	continents := map[string]int{}
	for line := range strings.Lines(countries) {
		c := code(line[:2])
		p, ok := Centre(c)
		if !ok || p == (Point{}) || p.Lat < -90 || p.Lat > 90 || p.Lon < -180 || p.Lon > 180 {
			t.Errorf("%s: centre %v, %v", c, p, ok)
		}
		continent, ok := ContinentOf(c)
		if !ok || !IsContinent(continent.String()) {
			t.Errorf("%s: continent %q, %v", c, continent, ok)
		}
		continents[continent.String()]++
	}
	if len(continents) != 7 {
		t.Errorf("continents: %v", continents)
	}
	tests := []struct {
		country string
		near    Point
		km      float64
	}{
		{"DE", Point{50.5, 9.5}, 150},    // Fulda
		{"CA", Point{45.4, -75.7}, 1100}, // the south, not Nunavut
		{"RU", Point{55.8, 49.1}, 600},   // Kazan, not Siberia
		{"AU", Point{-33.9, 151.2}, 800}, // the south-east
		{"FJ", Point{-17.8, 178.2}, 150}, // across the date line
		{"NZ", Point{-39.5, 175}, 250},
		{"US", Point{38, -92}, 600},
		{"AQ", Point{-77.85, 166.67}, 50},
		{"SG", Point{1.3, 103.8}, 30},
	}
	for _, tt := range tests {
		got, _ := Centre(code(tt.country))
		if d := DistanceKM(got, tt.near); d > tt.km {
			t.Errorf("%s: %v is %.0f km from %v", tt.country, got, d, tt.near)
		}
	}
	if p, ok := Centre(Code{}); ok || p != (Point{}) {
		t.Error("the unknown country has a centre")
	}
}

// TestSubdivisions checks the mapping of codes by cities everybody knows to be
// there: each is in its division, and its division's centre is not far.
func TestSubdivisions(t *testing.T) {
	const list = `Dubai=AE-DU; Córdoba, AR=AR-X; Mendoza=AR-M; Vienna=AT-9; Graz=AT-6; Perth=AU-WA; Hobart=AU-TAS;
		Chittagong=BD-B; Brussels=BE-BRU; Antwerp=BE-VLG; Manaus=BR-AM; Recife=BR-PE; Porto Alegre=BR-RS; Calgary=CA-AB;
		Halifax, CA=CA-NS; Winnipeg=CA-MB; Geneva=CH-GE; Zürich=CH-ZH; Concepción, CL=CL-BI; Antofagasta=CL-AN; Harbin=CN-HL;
		Guangzhou=CN-GD; Xi'an=CN-SN; Lhasa=CN-XZ; Medellín=CO-ANT; Cali=CO-VAC; Brno=CZ-64; Ostrava=CZ-80; Munich=DE-BY;
		Dresden=DE-SN; Kiel=DE-SH; Århus=DK-82; Aswan=EG-ASN; Sevilla=ES-AN; Bilbao=ES-PV; Oulu=FI-14; Turku=FI-19;
		Lyon=FR-ARA; Bordeaux=FR-NAQ; Rennes=FR-BRE; Glasgow=GB-SCT; Cardiff=GB-WLS; Belfast=GB-NIR; Debrecen=HU-HB;
		Surabaya=ID-JI; Medan=ID-SU; Cork=IE-M; Haifa=IL-HA; Chennai=IN-TN; Bengaluru=IN-KA; Patna=IN-BR; Jaipur=IN-RJ;
		Palermo=IT-82; Turin=IT-21; Bari=IT-75; Sapporo=JP-01; Fukuoka=JP-40; Naha=JP-47; Busan=KR-26; Jeju City=KR-49;
		Tijuana=MX-BCN; Monterrey=MX-NLE; Cancún=MX-ROO; Mérida, MX=MX-YUC; Ipoh=MY-08; Kuching=MY-13; Kano=NG-KN; Ibadan=NG-OY;
		Rotterdam=NL-ZH; Groningen=NL-GR; Bergen, NO=NO-46; Trondheim=NO-50; Auckland=NZ-AUK; Dunedin=NZ-OTA; Arequipa=PE-ARE;
		Lahore=PK-PB; Karachi=PK-SD; Kraków=PL-12; Gdańsk=PL-22; Porto=PT-13; Braga=PT-03; Iaşi=RO-IS; Cluj-Napoca=RO-CJ;
		Vladivostok=RU-PRI; Kazan=RU-TA; Murmansk=RU-MUR; Sochi=RU-KDA; Jeddah=SA-02; Tabuk=SA-07; Göteborg=SE-O; Malmö=SE-M;
		Lviv=UA-46; Odessa, UA=UA-51; Seattle=US-WA; Miami=US-FL; Honolulu=US-HI; Maracaibo=VE-V; Durban=ZA-KZN; Cape Town=ZA-WC`
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(list, ";") {
		q, want, _ := strings.Cut(strings.TrimSpace(pair), "=")
		c, err := FindCity(q)
		if err != nil || c.Subdivision != want {
			t.Errorf("%s: in %q (%v), want %s", q, c.Subdivision, err, want)
			continue
		}
		s, err := ParseSubdivision(c.Subdivision)
		if err != nil {
			t.Error(err)
		}
		if centre, ok := SubdivisionCentre(s); !ok || DistanceKM(centre, c.Point) > 600 {
			t.Errorf("%s: centre %v, %v, is far from %s", s, centre, ok, c.Name)
		}
		seen[c.Subdivision[:2]] = true
	}
	for line := range strings.Lines(subdivisions) {
		if !seen[line[:2]] {
			t.Errorf("no city tests the divisions of %s", line[:2])
			seen[line[:2]] = true
		}
	}
}

func TestSubdivisionCentreUnknown(t *testing.T) {
	for _, s := range []string{"US-ZZ", "ZZ-A", "TR-34"} {
		code, err := ParseSubdivision(s)
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := SubdivisionCentre(code); ok {
			t.Errorf("%s has the centre %v", s, p)
		}
	}
	if _, ok := SubdivisionCentre(Subdivision{}); ok {
		t.Error("the unknown subdivision has a centre")
	}
	older, _ := ParseSubdivision("IN-OR")
	current, _ := ParseSubdivision("IN-OD")
	a, _ := SubdivisionCentre(older)
	if b, ok := SubdivisionCentre(current); !ok || a != b {
		t.Errorf("Odisha is at %v and at %v", a, b)
	}
}
