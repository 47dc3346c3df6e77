package zones

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"sort"
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

// compile turns the checked records of a zone into its tables. The records
// are reordered. It fails only on limits of size: an *RRsetError, a zone over
// 4 GiB, or a missing SOA.
func compile(origin string, recs []Record) (*Zone, error) {
	b := &builder{z: &Zone{origin: strings.Clone(origin)}}
	if err := b.reserve(recs); err != nil {
		return nil, err
	}
	b.place(recs)
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

// builder holds what only the making of a zone needs.
type builder struct {
	z       *Zone
	scratch Name
	parent  []uint32          // by node, always lower than the node itself
	node    []uint32          // by record
	pools   map[string]string // one copy of each pool reference
}

// reserve makes room for all that the records need, so that the tables of a
// large zone need not be moved as they grow.
func (b *builder) reserve(recs []Record) error {
	owners, size := 1, uint64(len(b.z.origin))
	for i := range recs {
		if i == 0 || recs[i].Owner != recs[i-1].Owner {
			owners++
			size += uint64(len(recs[i].Owner))
		}
		size += rrHeader + uint64(len(recs[i].Data))
	}
	if size += soaSlack; size > math.MaxUint32 {
		return errTooLarge
	}
	b.z.data = make([]byte, 0, size)
	b.z.nodes = make([]node, 0, owners)
	b.z.slots = newSlots(owners)
	b.parent = make([]uint32, 0, owners)
	b.node = make([]uint32, len(recs))
	return nil
}

// soaSlack is room for the second copy of the SOA, the one of negative answers.
const soaSlack = rrHeader + 2*MaxName + 20

// place gives every record its node, and makes the nodes: the apex first,
// parents before children, empty non-terminals among them.
func (b *builder) place(recs []Record) {
	setName(&b.scratch, b.z.origin)
	apex := b.scratch.labels
	b.z.data = append(b.z.data, b.z.origin...)
	b.add(&b.scratch, 0, 0, 0)
	last := b.z.origin
	var at uint32
	for i := range recs {
		if recs[i].Owner != last {
			last = recs[i].Owner
			setName(&b.scratch, last)
			at = b.owner(&b.scratch, b.scratch.labels-apex)
		}
		b.node[i] = at
	}
}

// owner gives the node of n, whose apex stands at label apex. A name that is
// new is written once; ancestors that are new with it point into it.
func (b *builder) owner(n *Name, apex int) uint32 {
	if id, ok := b.z.find(n, 0); ok {
		return id
	}
	at := uint32(len(b.z.data))
	b.z.data = append(b.z.data, n.Wire()...)
	return b.ensure(n, 0, apex, at)
}

// ensure gives the node of n's suffix at label i, made with all its ancestors
// where missing; n is written at an offset.
func (b *builder) ensure(n *Name, i, apex int, at uint32) uint32 {
	if i >= apex {
		return 0
	}
	if id, ok := b.z.find(n, i); ok {
		return id
	}
	parent := b.ensure(n, i+1, apex, at)
	return b.add(n, i, parent, at)
}

func (b *builder) add(n *Name, i int, parent, at uint32) uint32 {
	z := b.z
	id := uint32(len(z.nodes))
	if (len(z.nodes)+1)*3 > len(z.slots)*2 {
		b.grow()
	}
	owner := n.Suffix(i)
	z.nodes = append(z.nodes, node{name: at + uint32(n.off[i]), size: uint8(len(owner))})
	b.parent = append(b.parent, parent)
	insert(z.slots, n.hash[i], id)
	if id != 0 && string(owner[:2]) == "\x01*" {
		z.nodes[parent].wild = id
	}
	return id
}

func (b *builder) grow() {
	old := b.z.slots
	b.z.slots = make([]slot, 2*len(old))
	for _, s := range old {
		if s.ref != 0 {
			insert(b.z.slots, s.hash, s.ref-1)
		}
	}
}

// fill writes the RRsets of every node, by ascending type.
func (b *builder) fill(recs []Record) error {
	b.z.extras = make([]extra, 1)
	b.pools = map[string]string{}
	order := b.order(recs)
	b.z.sets = make([]rrset, 0, b.countSets(recs, order))
	for i := 0; i < len(order); {
		id := b.node[order[i]]
		end := i
		for end < len(order) && b.node[order[end]] == id {
			end++
		}
		if err := b.fillNode(id, recs, order[i:end]); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// countSets counts the RRsets of ordered records.
func (b *builder) countSets(recs []Record, order []uint32) int {
	n := 0
	for i := range order {
		if i == 0 || b.node[order[i]] != b.node[order[i-1]] || recs[order[i]].Type != recs[order[i-1]].Type {
			n++
		}
	}
	return n
}

// order lists the records by node, then type, then as they stand in the file.
func (b *builder) order(recs []Record) []uint32 {
	start := make([]uint32, len(b.z.nodes)+1)
	for _, id := range b.node {
		start[id+1]++
	}
	for i := 1; i < len(start); i++ {
		start[i] += start[i-1]
	}
	ends := append([]uint32(nil), start...)
	order := make([]uint32, len(recs))
	for i, id := range b.node {
		order[ends[id]] = uint32(i)
		ends[id]++
	}
	for id := range b.z.nodes {
		own := order[start[id]:start[id+1]]
		if len(own) > 1 {
			sort.SliceStable(own, func(i, j int) bool { return recs[own[i]].Type < recs[own[j]].Type })
		}
	}
	return order
}

func (b *builder) fillNode(id uint32, recs []Record, own []uint32) error {
	d := &b.z.nodes[id]
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
	d.count = uint16(uint32(len(b.z.sets)) - d.sets)
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
	n.ttl = min(n.ttl, soaMinimum(rr))
	n.wire = uint32(len(b.z.data))
	b.z.data = append(b.z.data, rr...)
	binary.BigEndian.PutUint32(b.z.data[n.wire+6:], n.ttl)
	return nil
}

// trim gives the zone without tables much larger than what is in them.
func (b *builder) trim() *Zone {
	b.z.data = trimmed(b.z.data)
	b.z.nodes = trimmed(b.z.nodes)
	return b.z
}

func trimmed[T any](s []T) []T {
	if cap(s)-len(s) <= len(s)/8 {
		return s
	}
	return append(make([]T, 0, len(s)), s...)
}
