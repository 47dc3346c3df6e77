package geo

import (
	"net/netip"
	"runtime"
)

// Location is what Locate knows of an address, with what tables do not keep.
type Location struct {
	Place
	City    string       // in English; "" if unknown
	Region  string       // the subdivision's name; "" if unknown
	Network netip.Prefix // all of it has this location; invalid for an invalid address
	// Approximate: the coordinates are the centre of the subdivision or country.
	Approximate bool
}

// Locate looks an address up, for explanations: it allocates and decodes. Every
// attribute is given, whatever a Partition was made for; Net is 0. An
// IPv4-mapped address is located as the IPv4 address inside. Without data the
// Place is zero.
func (db *Database) Locate(a netip.Addr) Location {
	defer runtime.KeepAlive(db)
	a = a.Unmap().WithZone("")
	if !a.IsValid() {
		return Location{}
	}
	if p, ok := SpecialBlock(a); ok {
		return Location{Place: Place{Special: true}, Network: p}
	}
	if teredo.Contains(a) {
		return Location{Network: teredo}
	}
	l := Location{}
	bits := db.locateCity(a, &l)
	asn, n := locateASN(db.asn, a)
	l.ASN = asn
	l.Network = around(a, max(bits, n))
	return l
}

// locateCity asks the files in turn and returns how long a prefix shares the
// answer.
func (db *Database) locateCity(a netip.Addr, l *Location) int {
	bits := 0
	for _, src := range db.city {
		leaf, n, ok := src.leaf(a)
		if !ok {
			continue
		}
		bits = max(bits, n)
		if src.lookup(leaf).withoutASN() == (Place{}) {
			continue
		}
		at, _ := src.tree.offset(leaf)
		r, err := newDecoder(src.schema, src.section, maxSteps).record(at)
		if err != nil {
			continue // the file was verified
		}
		l.Place, l.Approximate = r.place()
		l.City, l.Region = string(r.city), string(r.region)
		break
	}
	return bits
}

// maxSteps is more than Open lets any single record take.
const maxSteps = 1 << 36

func locateASN(sources []*source, a netip.Addr) (asn uint32, bits int) {
	for _, src := range sources {
		leaf, n, ok := src.leaf(a)
		if !ok {
			continue
		}
		bits = max(bits, n)
		if asn = src.lookup(leaf).ASN; asn != 0 {
			break
		}
	}
	return asn, bits
}

// leaf is the end of an address's path in the search tree, after so many bits.
func (src *source) leaf(a netip.Addr) (leaf uint32, bits int, ok bool) {
	c := src.tree.cursor(familyOf(a))
	if c == nil {
		return 0, 0, false
	}
	leaf, _, err := c.at(positionOf(a))
	return leaf, c.depth, err == nil
}

// around is the prefix of at least so many bits around a that holds nothing of
// special-purpose space or Teredo.
func around(a netip.Addr, bits int) netip.Prefix {
	f := familyOf(a)
	for _, s := range segments(f, nil) {
		if !s.contains(positionOf(a)) {
			continue
		}
		for ; bits < f.bits(); bits++ {
			p, _ := a.Prefix(bits)
			if whole := spanOf(p); s.contains(whole.first) && s.contains(whole.last) {
				break
			}
		}
	}
	p, _ := a.Prefix(bits)
	return p
}

func (p Place) withoutASN() Place {
	p.ASN = 0
	return p
}
