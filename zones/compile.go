package zones

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Pos is where a record stands: a file of the zone, by its number, and the
// line in it, from 1.
type Pos struct {
	File uint16
	Line uint32
}

// Record is one resource record of a master file, in wire form.
type Record struct {
	Owner string // lower case, uncompressed
	Data  string // RDATA, names uncompressed, case kept
	Type  uint16
	TTL   uint32
	Pos   Pos
}

// MaxRRset is the largest RRset in wire form that a DNS message can carry
// beside its header, question and OPT record, in octets.
const MaxRRset = math.MaxUint16 - 1024

var (
	errTooLarge = errors.New("the zone is larger than 4 GiB in wire form")
	errNoSOA    = errors.New("no SOA record at the apex")
)

// RRsetError names an RRset that no DNS message can carry.
type RRsetError struct {
	Owner string // wire form
	Type  uint16
	Pos   Pos // of its first record
}

func (e *RRsetError) Error() string {
	return fmt.Sprintf("the RRset of type %d does not fit one DNS message", e.Type)
}

// compile turns checked records into the tables of their zone. It fails only on
// limits of size: an *RRsetError, a zone over 4 GiB, or a missing SOA.
func (b *builder) compile(recs []Record) (*Zone, error) {
	if err := b.fill(recs); err != nil {
		return nil, err
	}
	b.link()
	if err := b.additions(); err != nil {
		return nil, err
	}
	if err := b.soa(); err != nil {
		return nil, err
	}
	return b.trim(), nil
}

// fill writes the RRsets of every node, by ascending type, and the owner names
// anew, each in front of its RRsets: whoever reads the one needs the other.
func (b *builder) fill(recs []Record) error {
	if b.tooLarge() {
		return errTooLarge
	}
	b.names = b.z.data
	b.z.data = advise(make([]byte, 0, uint64(len(b.names))+b.wire+soaSlack))
	b.moved = make([]bool, len(b.z.nodes))
	b.z.extras = make([]extra, 1)
	b.pools = map[string]string{}
	b.z.sets = advise(make([]rrset, 0, b.countSets(recs)))
	for rest := b.order; len(rest) > 0; {
		own := b.head(rest)
		if err := b.fillNode(b.node[own[0]], recs, own); err != nil {
			return err
		}
		rest = rest[len(own):]
	}
	b.moveEmpty()
	return nil
}

// move writes the owner name of a node where its RRsets are going to be. The
// nodes above it that have not been moved have no records: their names are the
// ends of this one.
func (b *builder) move(id uint32) {
	nodes := b.z.nodes
	d := &nodes[id]
	at := uint32(len(b.z.data))
	end := at + uint32(d.size)
	b.z.data = append(b.z.data, b.names[d.name:d.name+uint32(d.size)]...)
	d.name, b.moved[id] = at, true
	for id = b.parent[id]; !b.moved[id]; id = b.parent[id] {
		nodes[id].name, b.moved[id] = end-uint32(nodes[id].size), true
	}
}

// moveEmpty moves the nodes without records that no other is below.
func (b *builder) moveEmpty() {
	for id := len(b.z.nodes) - 1; id >= 0; id-- {
		if !b.moved[id] {
			b.move(uint32(id))
		}
	}
	b.names, b.moved = nil, nil
}

// head gives the records of the node that the first of some ordered ones
// belongs to.
func (b *builder) head(ordered []uint32) []uint32 {
	end := 1
	for end < len(ordered) && b.node[ordered[end]] == b.node[ordered[0]] {
		end++
	}
	return ordered[:end]
}

// countSets counts the RRsets of the ordered records.
func (b *builder) countSets(recs []Record) int {
	n, order := 0, b.order
	for i := range order {
		if i == 0 || b.node[order[i]] != b.node[order[i-1]] || recs[order[i]].Type != recs[order[i-1]].Type {
			n++
		}
	}
	return n
}

func (b *builder) fillNode(id uint32, recs []Record, own []uint32) error {
	d := &b.z.nodes[id]
	b.move(id)
	d.sets = uint32(len(b.z.sets))
	for i := 0; i < len(own); {
		end := i
		for end < len(own) && recs[own[end]].Type == recs[own[i]].Type {
			end++
		}
		if first := &recs[own[i]]; first.Type == TypeGEO {
			b.geo(d, first, len(own) == 1)
		} else if err := b.rrset(recs, own[i:end]); err != nil {
			return err
		}
		i = end
	}
	b.z.sets = d.take(b.z.sets)
	b.z.total += int(d.count)
	return nil
}

// geo notes the pool of a node; GEO itself is never answered, so it gets no
// RRset.
func (b *builder) geo(d *node, r *Record, alone bool) {
	ref := r.Data[1:]
	if kept, ok := b.pools[ref]; ok {
		ref = kept
	} else {
		ref = strings.Clone(ref)
		b.pools[ref] = ref
	}
	b.z.refs = append(b.z.refs, GeoRef{
		Ref: ref, Owner: strings.Clone(r.Owner), Pos: r.Pos,
		Alone: alone, Apex: r.Owner == b.z.origin,
	})
	d.geo, d.geoTTL = uint32(len(b.z.refs)), r.TTL
}

// link tells every node which zone cut it is at or below, and which owns a
// DNAME. Parents stand before children, so one pass does it.
func (b *builder) link() {
	z := b.z
	for id := 1; id < len(z.nodes); id++ {
		d := &z.nodes[id]
		if d.cut = z.nodes[b.parent[id]].cut; d.cut == 0 {
			if _, ok := z.Find(NodeID(id), typeNS); ok {
				d.cut = uint32(id)
			}
		}
		_, d.dname = z.Find(NodeID(id), typeDNAME)
	}
	_, z.nodes[0].dname = z.Find(0, typeDNAME)
}

func (b *builder) soa() error {
	soa, ok := b.z.Find(0, typeSOA)
	if !ok {
		return errNoSOA
	}
	rr := string(soa.Wire())
	b.z.serial = soaSerial(rr)
	b.z.negative = *soa.set
	n := &b.z.negative
	n.wire = uint32(len(b.z.data))
	b.z.data = append(b.z.data, rr...)
	binary.BigEndian.PutUint32(b.z.data[n.wire+ttlAt:], min(soa.TTL(), soaMinimum(rr)))
	return nil
}

// trim gives the zone without tables much larger than what is in them.
func (b *builder) trim() *Zone {
	b.z.data = trimmed(b.z.data)
	b.z.sets = trimmed(b.z.sets)
	b.z.nodes = trimmed(b.z.nodes)
	return b.z
}

func trimmed[T any](s []T) []T {
	if cap(s)-len(s) <= len(s)/8 {
		return s
	}
	return append(advise(make([]T, 0, len(s))), s...)
}
