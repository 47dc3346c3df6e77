package geo

import (
	"bytes"
	"math"
	"strconv"
)

// record is what one record of a database says, in our terms.
type record struct {
	lat, lon     float64
	located      bool
	country      Code
	continent    Code
	subdivision  Subdivision
	asn          uint32
	city, region []byte // point into the file
}

// resolve reads the fields out of the values just decoded.
func (d *decoder) resolve() record {
	var r record
	r.lat, r.lon, r.located = d.coordinates()
	r.country = d.code(fieldCountry, IsCountry)
	r.continent = d.code(fieldContinent, IsContinent)
	r.subdivision = d.subdivision(r.country)
	r.asn = d.asn()
	r.city = d.text(fieldCity)
	r.region = d.text(fieldRegion)
	return r
}

func (d *decoder) text(f field) []byte {
	for _, slot := range d.schema.slots[f] {
		if v := d.values[slot]; len(v.text) > 0 {
			return v.text
		}
	}
	return nil
}

// code is the first value of f that is a code by the test is.
func (d *decoder) code(f field, is func(string) bool) Code {
	for _, slot := range d.schema.slots[f] {
		text := d.values[slot].text
		if len(text) != 2 {
			continue
		}
		c, err := ParseCode(string(text))
		if err == nil && is(string(c[:])) {
			return c
		}
	}
	return Code{}
}

// subdivision reads "US-CA", or "CA" beside a country. Names are no codes.
func (d *decoder) subdivision(country Code) Subdivision {
	for _, slot := range d.schema.slots[fieldSubdivision] {
		text := string(d.values[slot].text)
		if text == "" {
			continue
		}
		if s, err := ParseSubdivision(text); err == nil {
			return s
		}
		if s, err := ParseSubdivision(country.String() + "-" + text); err == nil {
			return s
		}
	}
	return Subdivision{}
}

// asn reads 15169, "15169" or "AS15169".
func (d *decoder) asn() uint32 {
	for _, slot := range d.schema.slots[fieldASN] {
		v := d.values[slot]
		if v.isNum && v.number > 0 && v.number <= math.MaxUint32 {
			return uint32(v.number)
		}
		text := v.text
		if len(text) > 2 && bytes.EqualFold(text[:2], []byte("AS")) {
			text = text[2:]
		}
		if len(text) == 0 {
			continue
		}
		if n, err := strconv.ParseUint(string(text), 10, 32); err == nil && n > 0 {
			return uint32(n)
		}
	}
	return 0
}

// coordinates needs both halves in range. 0,0 is what files write that do not
// know: there is only water.
func (d *decoder) coordinates() (lat, lon float64, ok bool) {
	lat, lon = d.number(fieldLatitude), d.number(fieldLongitude)
	if !valid(lat, lon) {
		before, after, _ := bytes.Cut(d.text(fieldPair), []byte(","))
		lat, lon = value{text: before}.float(), value{text: after}.float()
	}
	if !valid(lat, lon) {
		return 0, 0, false
	}
	return lat, lon, true
}

func (d *decoder) number(f field) float64 {
	for _, slot := range d.schema.slots[f] {
		v := d.values[slot]
		if !v.isNum && len(v.text) == 0 {
			continue
		}
		if x := v.float(); !math.IsNaN(x) {
			return x
		}
	}
	return math.NaN()
}

func valid(lat, lon float64) bool {
	return math.Abs(lat) <= 90 && math.Abs(lon) <= 180 && (lat != 0 || lon != 0)
}

// place turns a record into a place with all attributes. What has no
// coordinates takes the centre of its subdivision or country, and is
// approximate then.
func (r *record) place() (p Place, approximate bool) {
	p = Place{Country: r.country, Continent: r.continent, Subdivision: r.subdivision, ASN: r.asn}
	if p.Continent == (Code{}) {
		p.Continent, _ = ContinentOf(r.country)
	}
	at, ok := Point{Lat: r.lat, Lon: r.lon}, r.located
	if !ok && r.subdivision != (Subdivision{}) {
		at, ok = SubdivisionCentre(r.subdivision)
	}
	if !ok && r.country != (Code{}) {
		at, ok = Centre(r.country)
	}
	if ok {
		p.Lat, p.Lon, p.Located = float32(at.Lat), float32(at.Lon), true
	}
	return p, ok && !r.located
}
