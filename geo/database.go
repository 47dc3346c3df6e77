// Package geo turns addresses into places.
//
// A Database is one or more MaxMind DB files, read into memory and verified
// whole, or the embedded world. Locate says what is known of one address. A
// Partition cuts both address spaces into atoms of equal place, at the
// granularity of /24 and /56, for tables that answer without looking at a
// database again. Besides there are special-purpose address blocks, distances,
// cities, and centres of countries and subdivisions.
//
// Database and Partition (with its Atoms) are immutable: any number of
// goroutines may use them at the same time. All functions are safe for
// concurrent use. Nothing is ever mapped from a file, so a file may be
// overwritten or removed once Open has returned.
package geo

import (
	"errors"
	"fmt"
	"time"

	"github.com/meridian-dns/meridian/internal/flat"
)

// Options says where a Database comes from.
type Options struct {
	// City are files that tell coordinates or countries. Of several, the first
	// that knows an address is asked. Empty: the embedded world.
	City []string
	// ASN are files that tell autonomous system numbers. Empty: the City files,
	// if they tell them.
	ASN []string
	// Fields overrides where in a record a field stands: from "latitude",
	// "longitude", "country", "continent", "subdivision" or "asn" to keys joined
	// by dots, indexes of arrays among them ("subdivisions.0.iso_code").
	Fields map[string]string
}

// Attributes says what a database can tell of some address.
type Attributes struct {
	Coordinates bool // own ones, not just centres of countries
	Country     bool
	Continent   bool
	Subdivision bool
	ASN         bool
	IPv4, IPv6  bool // places of that family
}

// Source describes one file of a database.
type Source struct {
	Path        string    // as given; "" for the embedded world
	Type        string    // database_type of the file's metadata
	Built       time.Time // UTC; zero if the file does not tell
	Attribution string    // the credit that the maker's licence asks for, "" if none is known
	Networks    int       // leaves of the search tree that have data; what it shares counts once
}

// Database answers where addresses are. It is immutable.
type Database struct {
	sources []*source // every file once
	city    []*source
	asn     []*source
	has     Attributes
	fields  map[string]string // Options.Fields
	region  *flat.Region      // where the big parts lie; nil: on the heap
}

// Open reads and verifies all files. An error names the file and what is wrong
// with it: it cannot be read, is damaged, or holds nothing of what it was
// given for.
func Open(o Options) (*Database, error) {
	s, err := newSchema(o.Fields)
	if err != nil {
		return nil, err
	}
	l := loader{schema: s, fields: o.Fields, opened: map[string]*source{}}
	db := &Database{fields: o.Fields}
	if db.city, err = l.cities(o.City); err != nil {
		return nil, err
	}
	for _, path := range o.ASN {
		src, err := l.open(path)
		if err == nil {
			err = errors.Join(src.needs("asn", src.hasASN(), "an AS number"), l.placed(src, fieldASN))
		}
		if err != nil {
			return nil, err
		}
		db.asn = append(db.asn, src)
	}
	if len(o.ASN) == 0 {
		db.asn = telling(db.city)
	}
	db.sources = l.order
	db.has = db.attributes()
	return db, nil
}

// loader opens each file once, whatever it is given for.
type loader struct {
	schema *schema
	fields map[string]string
	opened map[string]*source
	order  []*source
}

func (l *loader) open(path string) (*source, error) {
	if src := l.opened[path]; src != nil {
		return src, nil
	}
	src, err := openSource(path, l.schema)
	if err != nil {
		return nil, err
	}
	l.opened[path] = src
	l.order = append(l.order, src)
	return src, nil
}

func (l *loader) cities(paths []string) ([]*source, error) {
	if len(paths) == 0 {
		src, err := l.world()
		return []*source{src}, err
	}
	var out []*source
	for _, path := range paths {
		src, err := l.open(path)
		if err != nil {
			return nil, err
		}
		err = errors.Join(src.needs("city", src.hasCity(), "coordinates, a country or a continent"),
			l.placed(src, fieldLatitude, fieldLongitude, fieldCountry, fieldContinent, fieldSubdivision))
		if err != nil {
			return nil, err
		}
		out = append(out, src)
	}
	return out, nil
}

// world is the embedded database, to which overrides do not apply.
func (l *loader) world() (*source, error) {
	for name := range l.fields {
		if name != "asn" {
			return nil, fmt.Errorf("geo fields: %s: there is no city file that it could be in", name)
		}
	}
	s, err := newSchema(nil)
	if err != nil {
		return nil, err
	}
	src, err := newSource("embedded world", embeddedWorld(), s)
	if err != nil {
		return nil, fmt.Errorf("geo database embedded world: %w", err)
	}
	l.order = append(l.order, src)
	return src, nil
}

// placed holds that a file has the fields whose places were overridden.
func (l *loader) placed(src *source, fields ...field) error {
	for name, path := range l.fields {
		f, _ := overridable(name)
		for _, wanted := range fields {
			if f == wanted && !src.seen[f] {
				return fmt.Errorf("geo database %s: no record holds %q, the field given for %s", src.name, path, name)
			}
		}
	}
	return nil
}

// telling are those of the files that tell AS numbers.
func telling(all []*source) []*source {
	var out []*source
	for _, src := range all {
		if src.hasASN() {
			out = append(out, src)
		}
	}
	return out
}

func (db *Database) attributes() Attributes {
	has := Attributes{ASN: len(db.asn) > 0}
	for _, src := range db.city {
		has.Coordinates = has.Coordinates || src.own
		has.IPv4 = has.IPv4 || src.has[ipv4]
		has.IPv6 = has.IPv6 || src.has[ipv6]
		for _, p := range src.places {
			has.Country = has.Country || p.Country != (Code{})
			has.Continent = has.Continent || p.Continent != (Code{})
			has.Subdivision = has.Subdivision || p.Subdivision != (Subdivision{})
		}
	}
	return has
}

// Has says what the database can tell.
func (db *Database) Has() Attributes { return db.has }

// Sources lists the files, each once, in the order they were given.
func (db *Database) Sources() []Source {
	out := make([]Source, len(db.sources))
	for i, src := range db.sources {
		out[i] = Source{
			Path: src.path, Type: src.meta.DatabaseType, Built: src.built(),
			Attribution: src.attribution(), Networks: src.offsets.leafs,
		}
	}
	return out
}
