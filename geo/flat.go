package geo

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"

	"github.com/meridian-dns/meridian/internal/flat"
)

// heading is what is small of a database.
type heading struct {
	Fields  map[string]string
	Has     Attributes
	Sources []sourceHeading
	City    []int // indexes into Sources
	ASN     []int
}

type sourceHeading struct {
	Path, Name string
	Meta       maxminddb.Metadata
	Seen       [fieldCount]bool
	Own        bool
	Has        [2]bool
	Records    int
	Leafs      int
}

// Save writes the database for ReadDatabase, in a piece of its own.
func (db *Database) Save(w *flat.Writer) error {
	w.Next()
	h := heading{Fields: db.fields, Has: db.has}
	index := map[*source]int{}
	for i, src := range db.sources {
		index[src] = i
		h.Sources = append(h.Sources, sourceHeading{
			src.path, src.name, src.meta, src.seen, src.own, src.has, src.offsets.count, src.offsets.leafs,
		})
	}
	for _, src := range db.city {
		h.City = append(h.City, index[src])
	}
	for _, src := range db.asn {
		h.ASN = append(h.ASN, index[src])
	}
	text, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("geo database: %w", err)
	}
	flat.Put(w, text)
	for _, src := range db.sources {
		flat.Put(w, src.tree.data)
		flat.Put(w, src.section)
		flat.Put(w, src.offsets.words)
		flat.Put(w, src.offsets.rank)
		flat.Put(w, src.places)
		flat.Put(w, src.place)
	}
	return nil
}

// ReadDatabase takes over a database that Save wrote, in place.
func ReadDatabase(m *flat.Region) (*Database, error) {
	r := flat.NewReader(m.Bytes())
	var h heading
	if err := json.Unmarshal(flat.Get[byte](r), &h); err != nil {
		return nil, fmt.Errorf("geo database: %w", errors.Join(r.Err(), err))
	}
	db := &Database{fields: h.Fields, has: h.Has, region: m}
	for i := range h.Sources {
		src, err := readSource(r, &h.Sources[i], h.Fields)
		if err != nil {
			return nil, fmt.Errorf("geo database %s: %w", h.Sources[i].Name, err)
		}
		db.sources = append(db.sources, src)
	}
	for _, i := range h.City {
		db.city = append(db.city, db.sources[i])
	}
	for _, i := range h.ASN {
		db.asn = append(db.asn, db.sources[i])
	}
	return db, nil
}

func readSource(r *flat.Reader, h *sourceHeading, fields map[string]string) (*source, error) {
	if h.Path == "" {
		fields = nil // the embedded world
	}
	s, err := newSchema(fields)
	if err != nil {
		return nil, err
	}
	nodes := flat.Get[byte](r)
	src := &source{
		path: h.Path, name: h.Name, meta: h.Meta, schema: s, seen: h.Seen, own: h.Own, has: h.Has,
		tree:    tree{nodes, uint32(h.Meta.NodeCount), uint8(h.Meta.RecordSize), h.Meta.IPVersion == 6},
		section: flat.Get[byte](r),
		offsets: &offsets{words: flat.Get[uint64](r), rank: flat.Get[uint32](r), count: h.Records, leafs: h.Leafs},
		places:  flat.Get[Place](r), place: flat.Get[uint32](r),
	}
	return src, r.Err()
}

// Region is where the database lies; nil if that is the heap.
func (db *Database) Region() *flat.Region { return db.region }

// flatNet is a Net without pointers.
type flatNet struct {
	addr   [16]byte
	bits   int32
	parent int32
	v4     bool
}

// Save writes the partition for ReadPartition, in a piece of its own.
func (p *Partition) Save(w *flat.Writer) {
	w.Next()
	flat.Put(w, p.Places)
	flat.Put(w, p.Mixes.parts)
	flat.Put(w, p.Mixes.ends)
	nets := make([]flatNet, len(p.Nets))
	for i, n := range p.Nets {
		a := n.Prefix.Addr()
		nets[i] = flatNet{a.As16(), int32(n.Prefix.Bits()), n.Parent, a.Is4()}
	}
	flat.Put(w, nets)
	p.V4.save(w)
	p.V6.save(w)
}

// ReadPartition takes over a partition that Save wrote, in place.
func ReadPartition(m *flat.Region) (*Partition, error) {
	r := flat.NewReader(m.Bytes())
	p := &Partition{
		Places: flat.Get[Place](r),
		Mixes:  Mixes{flat.Get[Part](r), flat.Get[uint32](r)},
		region: m,
	}
	for _, n := range flat.Get[flatNet](r) {
		a := netip.AddrFrom16(n.addr)
		if n.v4 {
			a = a.Unmap()
		}
		p.Nets = append(p.Nets, Net{netip.PrefixFrom(a, int(n.bits)), n.parent})
	}
	p.V4 = readAtoms(r, ipv4)
	p.V6 = readAtoms(r, ipv6)
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("geo partition: %w", err)
	}
	return p, nil
}

// Region is where the partition lies; nil if that is the heap.
func (p *Partition) Region() *flat.Region { return p.region }

func (a *Atoms) save(w *flat.Writer) {
	flat.Put(w, a.short)
	flat.Put(w, a.long)
	flat.Put(w, a.ids)
	flat.Put(w, a.borders)
	flat.Put(w, a.marks)
	flat.Put(w, []int{len(a.levels)})
	for _, l := range a.levels {
		flat.Put(w, l)
	}
}

func readAtoms(r *flat.Reader, f family) Atoms {
	a := Atoms{
		end: 1 << f.blockBits(), short: flat.Get[uint32](r), long: flat.Get[uint64](r),
		ids: flat.Get[PlaceID](r), borders: flat.Get[uint64](r),
		marks: flat.Get[mark](r),
	}
	for _, levels := range flat.Get[int](r) {
		for range levels {
			a.levels = append(a.levels, flat.Get[uint64](r))
		}
	}
	return a
}
