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

// place gives every record its node, and makes the nodes: the apex first,
// parents before children, empty non-terminals among them.
func (b *builder) place(recs []Record) {
	b.z.slots = newSlots(len(recs)/2 + 1)
	b.node = make([]uint32, len(recs))
	setName(&b.scratch, b.z.origin)
	apex := b.scratch.labels
	b.add(&b.scratch, 0, 0)
	last := b.z.origin
	var at uint32
	for i := range recs {
		if recs[i].Owner != last {
			last = recs[i].Owner
			setName(&b.scratch, last)
			at = b.ensure(&b.scratch, 0, b.scratch.labels-apex)
		}
		b.node[i] = at
	}
}

// ensure gives the node of n's suffix at label i, made with all its ancestors
// where missing; the apex stands at label apex.
func (b *builder) ensure(n *Name, i, apex int) uint32 {
	if i >= apex {
		return 0
	}
	if id, ok := b.z.find(n, i); ok {
		return id
	}
	parent := b.ensure(n, i+1, apex)
	return b.add(n, i, parent)
}

func (b *builder) add(n *Name, i int, parent uint32) uint32 {
	z := b.z
	id := uint32(len(z.nodes))
	if (len(z.nodes)+1)*3 > len(z.slots)*2 {
		b.grow()
	}
	owner := n.Suffix(i)
	z.nodes = append(z.nodes, node{name: uint32(len(z.data)), size: uint8(len(owner))})
	z.data = append(z.data, owner...)
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

// rrset writes the records of one RRset. One TTL counts for all of them, the
// lowest (RFC 2181 section 5.2).
func (b *builder) rrset(recs []Record, own []uint32) error {
	z := b.z
	first := &recs[own[0]]
	set := rrset{wire: uint32(len(z.data)), ttl: first.TTL, typ: first.Type}
	for _, i := range own {
		set.ttl = min(set.ttl, recs[i].TTL)
	}
	fix := len(z.fixes)
	size := 0
	for _, i := range own {
		size += rrHeader + len(recs[i].Data)
		if size > MaxRRset {
			return &RRsetError{first.Owner, first.Type, first.Pos}
		}
		b.rr(&recs[i], set.ttl, set.wire)
	}
	if uint64(len(z.data)) > math.MaxUint32 {
		return errTooLarge
	}
	set.count = uint16(len(own))
	set.size = uint16(uint32(len(z.data)) - set.wire)
	if len(z.fixes) > fix {
		set.extra = uint32(len(z.extras))
		z.extras = append(z.extras, extra{fix: uint32(fix), fixes: uint16(len(z.fixes) - fix)})
	}
	z.sets = append(z.sets, set)
	return nil
}

// rr writes one RR with the owner pointing at the question's name.
func (b *builder) rr(r *Record, ttl, wire uint32) {
	z := b.z
	z.data = binary.BigEndian.AppendUint16(z.data, 0xc00c)
	z.data = binary.BigEndian.AppendUint16(z.data, r.Type)
	z.data = binary.BigEndian.AppendUint16(z.data, 1)
	z.data = binary.BigEndian.AppendUint32(z.data, ttl)
	start := len(z.data)
	z.data = append(z.data, 0, 0)
	b.rdata(r, wire)
	binary.BigEndian.PutUint16(z.data[start:], uint16(len(z.data)-start-2))
}

// rdata writes RDATA; names that may be compressed (RFC 3597 section 4: those
// of the types of RFC 1035) end in a pointer to the apex where they can.
func (b *builder) rdata(r *Record, wire uint32) {
	rest := r.Data
	head, names := layout(r.Type)
	b.z.data = append(b.z.data, rest[:head]...)
	rest = rest[head:]
	for ; names > 0; names-- {
		size := nameSize(rest)
		b.name(rest[:size], wire)
		rest = rest[size:]
	}
	b.z.data = append(b.z.data, rest...)
}

// layout tells how many octets of RDATA stand before its compressible names,
// and how many such names follow.
func layout(typ uint16) (head, names int) {
	switch typ {
	case typeNS, typeCNAME, typePTR:
		return 0, 1
	case typeSOA:
		return 0, 2
	case typeMX:
		return 2, 1
	}
	return 0, 0
}

func (b *builder) name(name string, wire uint32) {
	z := b.z
	cut := len(name) - len(z.origin)
	if z.origin == "\x00" || cut < 0 || !labelAt(name, cut) || !equalFold(name[cut:], z.origin) {
		z.data = append(z.data, name...)
		return
	}
	z.data = append(z.data, name[:cut]...)
	z.fixes = append(z.fixes, uint16(uint32(len(z.data))-wire))
	z.data = append(z.data, 0xc0, 0)
}

// labelAt tells whether a label of a wire-form name starts at an offset.
func labelAt(name string, at int) bool {
	i := 0
	for i < at && name[i] != 0 {
		i += 1 + int(name[i])
	}
	return i == at
}

// nameSize is the length in octets of the uncompressed name s starts with.
func nameSize(s string) int {
	i := 0
	for s[i] != 0 {
		i += 1 + int(s[i])
	}
	return i + 1
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

// trim gives the zone without the slack of its growing tables.
func (b *builder) trim() *Zone {
	z := b.z
	z.data = append([]byte(nil), z.data...)
	z.nodes = append([]node(nil), z.nodes...)
	z.sets = append([]rrset(nil), z.sets...)
	return z
}
