package geo

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/oschwald/maxminddb-golang/v2/mmdbdata"
)

// field is something that a record may tell.
type field uint8

const (
	fieldLatitude field = iota
	fieldLongitude
	fieldPair // "lat,lng" in one string
	fieldCountry
	fieldContinent
	fieldSubdivision
	fieldASN
	fieldCity
	fieldRegion
	fieldCount
)

// overridable are the fields that Options.Fields may place, by their names.
func overridable(name string) (field, bool) {
	names := map[string]field{
		"latitude": fieldLatitude, "longitude": fieldLongitude, "country": fieldCountry,
		"continent": fieldContinent, "subdivision": fieldSubdivision, "asn": fieldASN,
	}
	f, ok := names[name]
	return f, ok
}

// known says where the layouts that need no configuration keep their fields,
// the best place first: MaxMind and DB-IP nest, the npm packages and IPinfo
// are flat, newer IPinfo files nest under "geo" and "as".
func known(f field) []string {
	return [fieldCount][]string{
		fieldLatitude:    {"location.latitude", "latitude", "lat", "geo.latitude"},
		fieldLongitude:   {"location.longitude", "longitude", "lng", "lon", "geo.longitude"},
		fieldPair:        {"loc"},
		fieldCountry:     {"country.iso_code", "country_code", "country", "geo.country_code"},
		fieldContinent:   {"continent.code", "continent_code", "continent", "geo.continent_code"},
		fieldSubdivision: {"subdivisions.0.iso_code", "region_code", "geo.region_code"},
		fieldASN:         {"autonomous_system_number", "asn", "traits.autonomous_system_number", "as.asn"},
		fieldCity:        {"city.names.en", "city", "geo.city"},
		fieldRegion:      {"subdivisions.0.names.en", "state1", "region", "geo.region"},
	}[f]
}

// schema is the tree of the paths that hold fields. It is immutable.
type schema struct {
	root  *branch
	field []field           // by slot
	slots [fieldCount][]int // by preference
}

// branch is a key on some path: of a map, or an index of an array.
type branch struct {
	slot int // -1: no field ends here
	keys map[string]*branch
}

// newSchema puts the overridden paths in the place of the known ones. A
// latitude or longitude that is overridden turns the pair off.
func newSchema(overrides map[string]string) (*schema, error) {
	s := &schema{root: &branch{slot: -1}}
	placed := map[field]string{}
	for name, path := range overrides {
		f, ok := overridable(name)
		if !ok {
			return nil, fmt.Errorf("geo fields: no field is called %q", name)
		}
		if path == "" || strings.Contains("."+path+".", "..") {
			return nil, fmt.Errorf("geo fields: %s: %q is no path", name, path)
		}
		placed[f] = path
	}
	_, lat := placed[fieldLatitude]
	_, lon := placed[fieldLongitude]
	for f := range fieldCount {
		path, ok := placed[f]
		switch {
		case ok:
			s.add(f, path)
		case f == fieldPair && (lat || lon):
		default:
			for _, path := range known(f) {
				s.add(f, path)
			}
		}
	}
	return s, nil
}

// add leads a path to a slot of field f. Two fields may share a path.
func (s *schema) add(f field, path string) {
	at := s.root
	for key := range strings.SplitSeq(path, ".") {
		next := at.keys[key]
		if next == nil {
			next = &branch{slot: -1}
			if at.keys == nil {
				at.keys = map[string]*branch{}
			}
			at.keys[key] = next
		}
		at = next
	}
	if at.slot < 0 {
		at.slot = len(s.field)
		s.field = append(s.field, f)
	}
	s.slots[f] = append(s.slots[f], at.slot)
}

// Limits of one record, far beyond any real one.
const (
	maxNesting  = 32
	maxText     = 256 // bytes of a field's text
	textPerStep = 16  // bytes of any text that cost as much as a value
)

var errLarge = errors.New("records repeat their values too often")

// decoder reads records. It is used by one goroutine at a time.
type decoder struct {
	schema *schema
	data   *mmdbdata.Decoder
	values []value // by slot
	budget int     // steps left, for all records together
}

// value is a scalar as it stands in the file; text points into the file.
type value struct {
	text   []byte
	number float64
	isNum  bool
}

func newDecoder(s *schema, data []byte, budget int) *decoder {
	return &decoder{s, mmdbdata.NewDecoder(data, 0), make([]value, len(s.field)), budget}
}

// record decodes the record at an offset of the data section. It visits the
// whole record, so that one that would expand without end is found out here.
func (d *decoder) record(at uint) (record, error) {
	clear(d.values)
	if _, err := d.visit(d.data.CursorAt(at), d.schema.root, 0); err != nil {
		return record{}, fmt.Errorf("record at %d: %w", at, err)
	}
	return d.resolve(), nil
}

// visit takes in the value at c, which lies on branch b (nil: no field's), and
// returns the cursor behind it.
func (d *decoder) visit(c mmdbdata.Cursor, b *branch, depth int) (mmdbdata.Cursor, error) {
	if d.budget--; d.budget < 0 {
		return c, errLarge
	}
	if depth > maxNesting {
		return c, errors.New("nested too deep")
	}
	kind, err := c.Kind()
	if err != nil {
		return c, err
	}
	switch kind {
	case mmdbdata.KindMap:
		return d.visitMap(c, b, depth)
	case mmdbdata.KindSlice:
		return d.visitSlice(c, b, depth)
	}
	return d.visitScalar(c, kind, b)
}

func (d *decoder) visitMap(c mmdbdata.Cursor, b *branch, depth int) (mmdbdata.Cursor, error) {
	m, err := c.Map()
	if err != nil {
		return c, err
	}
	var cur mmdbdata.Cursor
	for {
		key, at, ok := m.Next(cur)
		if !ok {
			return m.End()
		}
		d.budget -= len(key) / textPerStep
		var next *branch
		if b != nil {
			next = b.keys[string(key)]
		}
		if cur, err = d.visit(at, next, depth+1); err != nil {
			return c, err
		}
	}
}

func (d *decoder) visitSlice(c mmdbdata.Cursor, b *branch, depth int) (mmdbdata.Cursor, error) {
	s, err := c.Slice()
	if err != nil {
		return c, err
	}
	var cur mmdbdata.Cursor
	for {
		i, at, ok := s.Next(cur)
		if !ok {
			return s.End()
		}
		var next *branch
		if b != nil && b.keys != nil {
			next = b.keys[strconv.Itoa(int(i))]
		}
		if cur, err = d.visit(at, next, depth+1); err != nil {
			return c, err
		}
	}
}

func (d *decoder) visitScalar(c mmdbdata.Cursor, kind mmdbdata.Kind, b *branch) (mmdbdata.Cursor, error) {
	var v value
	var err error
	switch kind {
	case mmdbdata.KindString:
		v.text, _, err = c.ReadMapKey() // the text without a copy
		d.budget -= len(v.text) / textPerStep
	case mmdbdata.KindFloat64, mmdbdata.KindFloat32:
		v.number, _, err = c.ReadFloat()
		v.isNum = true
	case mmdbdata.KindUint16, mmdbdata.KindUint32, mmdbdata.KindUint64:
		var n uint64
		n, _, err = c.ReadUint()
		v.number, v.isNum = float64(n), true
	case mmdbdata.KindInt32:
		var n int32
		n, _, err = c.ReadInt32()
		v.number, v.isNum = float64(n), true
	}
	if err != nil {
		return c, err
	}
	if b != nil && b.slot >= 0 && len(v.text) <= maxText {
		d.values[b.slot] = v
	}
	return c.Skip()
}

// seen tells which fields the record just decoded has at least a value for.
func (d *decoder) seen(f field) bool {
	for _, slot := range d.schema.slots[f] {
		if v := d.values[slot]; v.isNum || len(v.text) > 0 {
			return true
		}
	}
	return false
}

// float is the value as a number, NaN if it is none.
func (v value) float() float64 {
	if v.isNum {
		return v.number
	}
	x, err := strconv.ParseFloat(string(bytes.TrimSpace(v.text)), 64)
	if err != nil {
		return math.NaN()
	}
	return x
}
