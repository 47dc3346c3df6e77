package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
)

// codes has a line for every country: its number and its letters in ISO 3166-1.
//
//go:embed codes.txt
var codes string

// point is in steps of 1/40 degree: a tenth of a dot on a map of 1440.
type point struct{ x, y int }

const steps = 40

// atlas is the outlines of countries.
type atlas struct {
	arcs      [][]point
	countries []country
}

type country struct {
	code, name string // no code: nobody's, or everybody's
	polygons   []polygon
}

// polygon is rings, the first of which is the outer one; a ring is arcs, ^i standing for arc i backwards.
type polygon [][]int

// topology is a file of TopoJSON, as far as it matters here.
type topology struct {
	Transform struct{ Scale, Translate [2]float64 }
	Arcs      [][][2]int
	Objects   struct {
		Countries struct{ Geometries []geometry }
	}
}

type geometry struct {
	Type       string
	ID         string
	Arcs       json.RawMessage
	Properties struct{ Name string }
}

func readTopology(text []byte) (*atlas, error) {
	var t topology
	if err := json.Unmarshal(text, &t); err != nil {
		return nil, err
	}
	a := &atlas{}
	for _, arc := range t.Arcs {
		a.arcs = append(a.arcs, t.place(arc))
	}
	for i := range t.Objects.Countries.Geometries {
		if err := a.add(&t.Objects.Countries.Geometries[i]); err != nil {
			return nil, err
		}
	}
	for _, c := range a.countries {
		for _, p := range c.polygons {
			a.turn(p)
		}
	}
	for _, c := range undrawn() {
		if !slices.ContainsFunc(a.countries, func(o country) bool { return o.code == c.code }) {
			a.countries = append(a.countries, c)
		}
	}
	slices.SortFunc(a.countries, func(p, q country) int { return strings.Compare(p.code+p.name, q.code+q.name) })
	return a, nil
}

// place turns the steps of an arc into points.
func (t *topology) place(arc [][2]int) []point {
	var x, y int
	points := make([]point, len(arc))
	for i, d := range arc {
		x, y = x+d[0], y+d[1]
		points[i] = point{
			int(math.Round((float64(x)*t.Transform.Scale[0] + t.Transform.Translate[0]) * steps)),
			int(math.Round((float64(y)*t.Transform.Scale[1] + t.Transform.Translate[1]) * steps)),
		}
	}
	return points
}

// add takes a country over, each of its polygons under its own code.
func (a *atlas) add(g *geometry) error {
	var polygons []polygon
	var err error
	switch g.Type {
	case "Polygon":
		polygons = make([]polygon, 1)
		err = json.Unmarshal(g.Arcs, &polygons[0])
	case "MultiPolygon":
		err = json.Unmarshal(g.Arcs, &polygons)
	default:
		err = fmt.Errorf("a %s", g.Type)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", g.Properties.Name, err)
	}
	code, name, err := codeOf(g)
	if err != nil || code == "AQ" {
		return err
	}
	for _, p := range polygons {
		lat, lon := a.middle(p)
		c, n := partOf(code, name, lat, lon)
		at := slices.IndexFunc(a.countries, func(h country) bool { return h.code == c && (c != "" || h.name == n) })
		if at < 0 {
			at = len(a.countries)
			a.countries = append(a.countries, country{code: c, name: n})
		}
		a.countries[at].polygons = append(a.countries[at].polygons, p)
	}
	return nil
}

// edge is the meridian that maps are cut at, in degrees: through the strait between Asia and America.
const edge = -169

// turn brings a polygon to where it lies on a map that begins at the edge: longitudes are up to 191 degrees then. Eastern
// Siberia and Fiji lie on both sides of the date line in the source.
func (a *atlas) turn(p polygon) {
	lo, hi := 180*steps, -180*steps
	for _, q := range a.ring(p[0]) {
		lo, hi = min(lo, q.x), max(hi, q.x)
	}
	both := hi-lo > 180*steps
	if !both && (lo+hi)/2 >= edge*steps {
		return
	}
	for _, ring := range p {
		for _, arc := range ring {
			points := a.arcs[max(arc, ^arc)]
			for i := range points {
				if points[i].x < 0 {
					points[i].x += 360 * steps
				}
			}
		}
	}
}

// middle is that of the box around a polygon, in degrees.
func (a *atlas) middle(p polygon) (lat, lon float64) {
	first := a.ring(p[0])
	lo, hi := first[0], first[0]
	for _, q := range first {
		lo, hi = point{min(lo.x, q.x), min(lo.y, q.y)}, point{max(hi.x, q.x), max(hi.y, q.y)}
	}
	return float64(lo.y+hi.y) / 2 / steps, float64(lo.x+hi.x) / 2 / steps
}

// ring is the points of a ring, the last of which is the first.
func (a *atlas) ring(arcs []int) []point {
	var points []point
	for _, i := range arcs {
		arc := a.arcs[max(i, ^i)]
		if i < 0 {
			arc = slices.Clone(arc)
			slices.Reverse(arc)
		}
		if len(points) > 0 {
			arc = arc[1:]
		}
		points = append(points, arc...)
	}
	return points
}

// unnumbered are countries without a number in the source, and the parts of others that their codes count them to.
var unnumbered = map[string][2]string{
	"Somaliland": {"SO", "Somalia"}, "Kosovo": {"XK", "Kosovo"}, "N. Cyprus": {"CY", "Cyprus"},
	"Indian Ocean Ter.": {"", "Indian Ocean Ter."}, "Siachen Glacier": {"", "Siachen Glacier"},
}

// undrawn are countries that the source has no outlines of: too small, or nobody's home.
func undrawn() []country {
	return []country{
		{code: "BV", name: "Bouvet Island"}, {code: "GI", name: "Gibraltar"}, {code: "TK", name: "Tokelau"},
		{code: "TV", name: "Tuvalu"}, {code: "UM", name: "U.S. Minor Outlying Islands"},
	}
}

// renamed are names that the source shortens.
var renamed = map[string]string{
	"AG": "Antigua and Barbuda", "AX": "Åland Islands", "BA": "Bosnia and Herzegovina", "BL": "Saint Barthélemy",
	"CD": "DR Congo", "CF": "Central African Republic", "CG": "Republic of the Congo", "CK": "Cook Islands",
	"CZ": "Czechia", "DO": "Dominican Republic", "EH": "Western Sahara", "FK": "Falkland Islands",
	"FM": "Micronesia", "FO": "Faroe Islands", "GQ": "Equatorial Guinea",
	"GS": "South Georgia and the South Sandwich Islands", "HM": "Heard Island and McDonald Islands",
	"IO": "British Indian Ocean Territory", "KN": "Saint Kitts and Nevis", "KY": "Cayman Islands", "MF": "Saint Martin",
	"MH": "Marshall Islands", "MK": "North Macedonia", "MP": "Northern Mariana Islands", "PF": "French Polynesia",
	"PM": "Saint Pierre and Miquelon", "PN": "Pitcairn Islands", "SB": "Solomon Islands", "SS": "South Sudan",
	"ST": "São Tomé and Príncipe", "SZ": "Eswatini", "TC": "Turks and Caicos Islands",
	"TF": "French Southern Territories", "US": "United States", "VC": "Saint Vincent and the Grenadines",
	"VG": "British Virgin Islands", "VI": "U.S. Virgin Islands", "WF": "Wallis and Futuna",
}

func codeOf(g *geometry) (code, name string, err error) {
	if u, ok := unnumbered[g.Properties.Name]; ok {
		return u[0], u[1], nil
	}
	for line := range strings.Lines(codes) {
		number, letters, _ := strings.Cut(strings.TrimSpace(line), " ")
		if number == g.ID {
			if full, ok := renamed[letters]; ok {
				return letters, full, nil
			}
			return letters, g.Properties.Name, nil
		}
	}
	return "", "", fmt.Errorf("%s: no country has the number %q", g.Properties.Name, g.ID)
}

// part is a piece of a state with a code of its own, or that ISO 3166 and geo databases count to another state than the
// source does; by a box that its middle lies in.
type part struct {
	of, code, name           string
	south, north, west, east float64
}

func parts() []part {
	return []part{
		{"FR", "GF", "French Guiana", 1, 7, -56, -50}, {"FR", "GP", "Guadeloupe", 15.5, 17, -62, -60.9},
		{"FR", "MQ", "Martinique", 14, 15.2, -62, -60}, {"FR", "RE", "Réunion", -22, -20, 54, 57},
		{"FR", "YT", "Mayotte", -14, -12, 44, 46}, {"NO", "SJ", "Svalbard and Jan Mayen", 70, 82, -10, 35},
		{"NO", "BV", "Bouvet Island", -56, -53, 0, 10}, {"RU", "UA", "Ukraine", 44, 46.5, 32, 37},
		{"NL", "BQ", "Caribbean Netherlands", 10, 19, -70, -60}, {"", "CX", "Christmas Island", -11, -10, 105, 106},
		{"", "CC", "Cocos (Keeling) Islands", -13, -11, 96, 98},
	}
}

// partOf is what a polygon belongs to whose middle lies there. Norway's own islands reach as far north as 71.2.
func partOf(code, name string, lat, lon float64) (string, string) {
	for _, p := range parts() {
		far := p.code != "SJ" || lat > 72 || lon < 0
		if p.of == code && p.south <= lat && lat <= p.north && p.west <= lon && lon <= p.east && far {
			return p.code, p.name
		}
	}
	return code, name
}
