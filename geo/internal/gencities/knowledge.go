package main

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
)

//go:embed continents.txt
var continentText string

//go:embed centres.txt
var centreText string

//go:embed subdivisions.txt
var subdivisionText string

//go:embed extra.txt
var extraText string

//go:embed aliases.txt
var aliasText string

// knowledge is what the text files beside this program say.
type knowledge struct {
	continent map[string]string          // by country
	centre    map[string][2]float64      // by country, where towns do not tell
	divisions map[string]map[string]code // by country, then admin1; "=" for all
	aliases   map[string][]string        // by country, space, name
	extra     map[string]bool            // country or subdivision, space, name
}

// code is the part of an ISO 3166-2 code after the hyphen, and an older one.
type code struct{ current, older string }

func readKnowledge() (*knowledge, error) {
	k := &knowledge{
		make(map[string]string), make(map[string][2]float64),
		make(map[string]map[string]code), make(map[string][]string), make(map[string]bool),
	}
	for _, file := range []struct {
		name, text string
		line       func(head, rest string) error
	}{
		{"continents.txt", continentText, k.addContinent},
		{"centres.txt", centreText, k.addCentre},
		{"subdivisions.txt", subdivisionText, k.addDivisions},
		{"extra.txt", extraText, k.addExtra},
		{"aliases.txt", aliasText, k.addAliases},
	} {
		n := 0
		for line := range strings.Lines(file.text) {
			n++
			line = strings.TrimSpace(line)
			if line == "" || line[0] == '#' {
				continue
			}
			head, rest, _ := strings.Cut(line, " ")
			if err := file.line(head, rest); err != nil {
				return nil, fmt.Errorf("%s:%d: %w", file.name, n, err)
			}
		}
	}
	return k, nil
}

func (k *knowledge) addContinent(continent, countries string) error {
	for _, c := range strings.Fields(countries) {
		if k.continent[c] != "" {
			return fmt.Errorf("%s is in %s already", c, k.continent[c])
		}
		k.continent[c] = continent
	}
	return nil
}

func (k *knowledge) addCentre(country, point string) error {
	lat, lon, _ := strings.Cut(point, " ")
	y, err := strconv.ParseFloat(lat, 64)
	if err != nil {
		return err
	}
	x, err := strconv.ParseFloat(lon, 64)
	k.centre[country] = [2]float64{y, x}
	return err
}

func (k *knowledge) addDivisions(country, list string) error {
	codes := make(map[string]code)
	for _, pair := range strings.Fields(list) {
		admin1, iso, ok := strings.Cut(pair, "=")
		if !ok || codes[admin1].current != "" {
			return fmt.Errorf("%q: want one code=code for each division", pair)
		}
		current, older, _ := strings.Cut(iso, "/")
		codes[admin1] = code{current, older}
	}
	k.divisions[country] = codes
	return nil
}

func (k *knowledge) addExtra(where, name string) error {
	k.extra[where+" "+name] = true
	return nil
}

func (k *knowledge) addAliases(country, rest string) error {
	name, list, ok := strings.Cut(rest, " = ")
	if !ok {
		return fmt.Errorf("%q: want name = names", rest)
	}
	k.aliases[country+" "+plain(name)] = strings.Split(list, ", ")
	return nil
}

// plain makes apostrophes alike, for the source has several.
func plain(name string) string {
	return strings.NewReplacer("’", "'", "‘", "'", "ʼ", "'").Replace(name)
}

// subdivision returns the ISO 3166-2 codes of a town's division, "" if there is
// none to be relied on.
func (k *knowledge) subdivision(t town) (current, older string) {
	codes := k.divisions[t.country]
	if _, same := codes[""]; same && t.admin1 != "" && t.admin1 != "00" {
		return t.country + "-" + t.admin1, ""
	}
	c := codes[t.admin1]
	if c.current == "" {
		return "", ""
	}
	if c.older != "" {
		older = t.country + "-" + c.older
	}
	return t.country + "-" + c.current, older
}
