package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

type record struct {
	Lat     float64 `maxminddb:"latitude"`
	Lon     float64 `maxminddb:"longitude"`
	Country string  `maxminddb:"country_code"`
}

// located is a record with the number of its cell.
type located struct {
	record
	cell uint32
}

// source reads one file of DB-IP; its records are shared by many networks.
type source struct {
	cells *grid
	seen  map[uint64]located // by offset
}

// readSource calls use with every network of the file in ascending order, its
// record and weight, and returns when the file was built.
func readSource(path string, cells *grid, use func(network, record, float64)) (time.Time, error) {
	db, err := maxminddb.Open(path)
	if err != nil {
		return time.Time{}, err
	}
	defer db.Close()
	s := source{cells, make(map[uint64]located)}
	for r := range db.Networks() {
		l, err := s.locate(r)
		if err != nil {
			return time.Time{}, fmt.Errorf("%s: %s: %w", path, r.Prefix(), err)
		}
		start, bits := flatten(r.Prefix())
		use(network{start, bits, l.cell}, l.record, weight(r.Prefix()))
	}
	return time.Unix(int64(db.Metadata.BuildEpoch), 0), nil
}

func (s *source) locate(r maxminddb.Result) (located, error) {
	if l, ok := s.seen[uint64(r.Offset())]; ok {
		return l, nil
	}
	var l located
	if err := r.Decode(&l.record); err != nil {
		return l, err
	}
	if len(l.Country) != 2 || l.Lat < -90 || l.Lat > 90 || l.Lon < -180 || l.Lon > 180 {
		return l, fmt.Errorf("unexpected record %+v", l.record)
	}
	l.cell = s.cells.locate(l.Lat, l.Lon, country([]byte(l.Country)))
	s.seen[uint64(r.Offset())] = l
	return l, nil
}

func flatten(p netip.Prefix) (address, int) {
	if p.Addr().Is4() {
		a := p.Addr().As4()
		return address{lo: uint64(binary.BigEndian.Uint32(a[:]))}, 96 + p.Bits()
	}
	a := p.Addr().As16()
	return address{binary.BigEndian.Uint64(a[:8]), binary.BigEndian.Uint64(a[8:])}, p.Bits()
}

// weight is how much a network counts in the mean of its cell. IPv6 networks
// count alike: their sizes say nothing of their use, and a few entries for
// space that nobody has would outweigh everything.
func weight(p netip.Prefix) float64 {
	if p.Addr().Is6() {
		return 1
	}
	return float64(uint64(1) << (32 - p.Bits()))
}
