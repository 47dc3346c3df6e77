package geo

import "fmt"

// Code is a two-letter code in upper case: an ISO 3166-1 country ("DE") or a
// continent ("EU"). The zero Code means unknown.
type Code [2]byte

// String returns the two letters, or "" for the zero Code.
func (c Code) String() string {
	if c == (Code{}) {
		return ""
	}
	return string(c[:])
}

// ParseCode reads two ASCII letters of either case. Whether they name a
// country or a continent is for IsCountry and IsContinent to say.
func ParseCode(s string) (Code, error) {
	if len(s) != 2 {
		return Code{}, fmt.Errorf("code %q: want two letters", s)
	}
	c := Code{upper(s[0]), upper(s[1])}
	if !isLetter(c[0]) || !isLetter(c[1]) {
		return Code{}, fmt.Errorf("code %q: want two letters", s)
	}
	return c, nil
}

// Subdivision is an ISO 3166-2 code in upper case ("US-CA", "FR-75C"), padded
// with zero bytes. The zero Subdivision means unknown.
type Subdivision [6]byte

// String returns the code without padding, or "" for the zero Subdivision.
func (s Subdivision) String() string {
	n := 0
	for n < len(s) && s[n] != 0 {
		n++
	}
	return string(s[:n])
}

// Country returns the country part of the code.
func (s Subdivision) Country() Code { return Code{s[0], s[1]} }

// ParseSubdivision reads a country code, a hyphen and one to three letters or
// digits, in either case.
func ParseSubdivision(s string) (Subdivision, error) {
	wrong := fmt.Errorf("subdivision %q: want a code such as \"US-CA\"", s)
	var out Subdivision
	if len(s) < 4 || len(s) > len(out) || s[2] != '-' {
		return Subdivision{}, wrong
	}
	for i := range len(s) {
		out[i] = upper(s[i])
	}
	if !isLetter(out[0]) || !isLetter(out[1]) {
		return Subdivision{}, wrong
	}
	for _, c := range out[3:len(s)] {
		if !isLetter(c) && (c < '0' || c > '9') {
			return Subdivision{}, wrong
		}
	}
	return out, nil
}

func upper(c byte) byte {
	if 'a' <= c && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

func isLetter(c byte) bool { return 'A' <= c && c <= 'Z' }

// Place is what is known of a client's address. It is comparable and holds no
// pointers; the zero Place means that nothing is known.
type Place struct {
	Lat, Lon    float32     // degrees, north and east positive; only if Located
	Located     bool        // coordinates are known: their own, or the centre of the subdivision or country
	Special     bool        // special-purpose space; everything but Net is zero then
	Continent   Code        // "EU"; zero if unknown
	Country     Code        // "DE"; zero if unknown
	Subdivision Subdivision // "US-CA"; zero if unknown or not wanted
	ASN         uint32      // autonomous system number; zero if unknown or not wanted
	Net         int32       // index+1 into Partition.Nets of the innermost wanted network, 0 for none
}

// Point returns the coordinates. They mean something only if Located.
func (p Place) Point() Point { return Point{Lat: float64(p.Lat), Lon: float64(p.Lon)} }
