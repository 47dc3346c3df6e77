package main

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// town is an entry of the source.
type town struct {
	name, country, admin1 string
	kind                  string // GeoNames feature code: "PPLC" is a capital, "PPLX" a part of a town
	population            int
	lat, lon              float64
}

// Fields of a town in the source, by number.
const (
	fieldName       = 2
	fieldCountry    = 3
	fieldKind       = 7
	fieldAdmin1     = 8
	fieldPopulation = 9
	fieldLon        = 10
	fieldLat        = 11
)

var errShort = errors.New("ends in the middle of a field")

// decodeTowns reads the protocol buffer file of the package: messages, each
// with its length before it, and coordinates as differences to the last.
func decodeTowns(b []byte) ([]town, error) {
	var towns []town
	var lat, lon int64
	for len(b) > 0 {
		message, rest, err := chunk(b)
		if err != nil {
			return nil, fmt.Errorf("town %d: %w", len(towns), err)
		}
		var t town
		if err := t.decode(message, &lat, &lon); err != nil {
			return nil, fmt.Errorf("town %d: %w", len(towns), err)
		}
		t.lat, t.lon = float64(lat)/1e5, float64(lon)/1e5
		towns = append(towns, t)
		b = rest
	}
	return towns, nil
}

func (t *town) decode(b []byte, lat, lon *int64) error {
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return errShort
		}
		var err error
		switch b = b[n:]; tag & 7 {
		case 0:
			b, err = t.number(int(tag>>3), b, lat, lon)
		case 2:
			var text []byte
			text, b, err = chunk(b)
			t.text(int(tag>>3), string(text))
		default:
			err = fmt.Errorf("unknown wire type %d", tag&7)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *town) number(field int, b []byte, lat, lon *int64) ([]byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, errShort
	}
	signed := int64(v>>1) ^ -int64(v&1)
	switch field {
	case fieldPopulation:
		t.population = int(v)
	case fieldLat:
		*lat += signed
	case fieldLon:
		*lon += signed
	}
	return b[n:], nil
}

func (t *town) text(field int, s string) {
	switch field {
	case fieldName:
		t.name = s
	case fieldCountry:
		t.country = s
	case fieldKind:
		t.kind = s
	case fieldAdmin1:
		t.admin1 = s
	}
}

// chunk splits off bytes with their length before them.
func chunk(b []byte) (data, rest []byte, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, errShort
	}
	return b[n : n+int(size)], b[n+int(size):], nil
}
