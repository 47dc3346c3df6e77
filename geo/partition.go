package geo

import (
	"fmt"
	"net/netip"
	"runtime"
	"slices"

	"github.com/meridian-dns/meridian/internal/flat"
)

// PlaceID is an index into Partition.Places, or beyond them into Mixes.
type PlaceID uint32

// Places that every partition has.
const (
	Unknown      PlaceID = 0 // nothing is known, no wanted network either
	SpecialPlace PlaceID = 1 // special-purpose space without a wanted network
)

// Part is a share of a block.
type Part struct {
	Place  PlaceID // an index into Places
	Hi, Lo uint64  // its number of addresses, of 128 bits
}

// Mix is a block that holds several places, in the order of their first
// address, each once.
type Mix []Part

// Mixes is a list of mixes, one after the other. The zero Mixes is empty.
type Mixes struct {
	parts []Part
	ends  []uint32 // of each mix in parts
}

// Len is the number of mixes.
func (m *Mixes) Len() int { return len(m.ends) }

// At is mix i. Read only.
func (m *Mixes) At(i int) Mix {
	from, to := uint32(0), m.ends[i]
	if i > 0 {
		from = m.ends[i-1]
	}
	return Mix(m.parts[from:to:to])
}

// Append copies a mix to the end of the list.
func (m *Mixes) Append(mix Mix) {
	m.parts = append(m.parts, mix...)
	m.ends = append(m.ends, uint32(len(m.parts)))
}

// Want says what a partition tells apart. Coordinates, continent and country
// always are.
type Want struct {
	Subdivision bool
	ASN         bool
	// ASNs limits ASN to these numbers, so that the table does not fall into
	// pieces for the sake of all the others, whose ASN is 0 then. Empty: all.
	ASNs []uint32
	// Nets are the networks that rules name, no longer than /24 and /56.
	Nets []netip.Prefix
}

// Partition cuts the whole address space into atoms of equal place. It is
// immutable; its slices are not to be changed.
type Partition struct {
	Places []Place // by PlaceID; distinct
	Mixes  Mixes   // PlaceID len(Places)+i; distinct
	Nets   []Net   // the wanted networks, each once, by address, outer before inner
	V4, V6 Atoms

	region *flat.Region // where the above lies; nil: on the heap
}

// Partition walks the address space once. A block of the tables (/24, /56) that
// holds several places becomes a Mix. Special-purpose space is Special whatever
// the files say, and Teredo is unknown. It fails only on Nets that are too long
// or in space where IPv4 addresses are embedded.
func (db *Database) Partition(want Want) (*Partition, error) {
	defer runtime.KeepAlive(db)
	nets, err := arrange(want.Nets)
	if err != nil {
		return nil, err
	}
	t := newPlaces()
	p := &Partition{Nets: nets}
	if p.V4, err = db.build(ipv4, &want, nets, t); err != nil {
		return nil, err
	}
	if p.V6, err = db.build(ipv6, &want, nets, t); err != nil {
		return nil, err
	}
	p.Places, p.Mixes = t.places, t.mixes
	p.V4.number(len(p.Places))
	p.V6.number(len(p.Places))
	return p, nil
}

// build walks one family.
func (db *Database) build(f family, want *Want, nets []Net, t *places) (Atoms, error) {
	b := newBuilder(f, t)
	w := newWalk(db, f, want, t)
	for _, s := range segments(f, nets) {
		if err := w.segment(s, b); err != nil {
			return Atoms{}, fmt.Errorf("geo partition of %s: %w", f, err)
		}
	}
	b.flush()
	return newAtoms(b), nil
}

// walk goes through the files of one family side by side.
type walk struct {
	places *places
	city   []layer
	asn    []layer
}

// layer is one file in a walk.
type layer struct {
	src    *source
	cursor *cursor
	values []uint32 // by index into src.places: a bare place, or an AS number
}

func newWalk(db *Database, f family, want *Want, t *places) *walk {
	w := &walk{places: t}
	for _, src := range db.city {
		if c := src.tree.cursor(f); c != nil && src.has[f] {
			w.city = append(w.city, layer{src, c, t.bareOf(src, want.Subdivision)})
		}
	}
	if !want.ASN {
		return w
	}
	for _, src := range db.asn {
		if c := src.tree.cursor(f); c != nil && src.has[f] {
			w.asn = append(w.asn, layer{src, c, asnOf(src, want.ASNs)})
		}
	}
	return w
}

func asnOf(src *source, only []uint32) []uint32 {
	out := make([]uint32, len(src.places))
	for i, p := range src.places {
		if len(only) == 0 || slices.Contains(only, p.ASN) {
			out[i] = p.ASN
		}
	}
	return out
}

// segment passes every run of equal leaves in s to the builder.
func (w *walk) segment(s segment, b *builder) error {
	b.begin(s.border)
	if s.special {
		b.add(s.span, w.places.special(s.net))
		return nil
	}
	if s.masked {
		b.add(s.span, w.places.id(0, 0, s.net))
		return nil
	}
	for at := s.first; ; {
		last := s.last
		bare, err := first(w.city, at, &last)
		if err != nil {
			return err
		}
		asn, err := first(w.asn, at, &last)
		if err != nil {
			return err
		}
		b.add(span{at, last}, w.places.id(bare, asn, s.net))
		if last == s.last {
			return nil
		}
		at = last.next()
	}
}

// first is the value of the first layer that has one at a position. It draws
// last in to where some layer asked may change.
func first(layers []layer, at position, last *position) (uint32, error) {
	for i := range layers {
		l := &layers[i]
		leaf, end, err := l.cursor.at(at)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", l.src.name, err)
		}
		*last = minPosition(*last, end)
		if leaf <= l.src.tree.nodes {
			continue
		}
		if v := l.values[l.src.number(leaf)]; v != 0 {
			return v, nil
		}
	}
	return 0, nil
}
