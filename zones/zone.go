package zones

import "encoding/binary"

// TypeGEO is the private-use type that ties a name to a pool; its RDATA is one
// character-string, "pool" or "pool/server".
const TypeGEO = 65380

// NodeID numbers a node of one Zone; the apex is 0.
type NodeID uint32

// Kind is what a zone holds for a name.
type Kind uint8

// The outcomes of a lookup (RFC 1034 section 4.3.2, RFC 4592, RFC 6672).
const (
	NoName     Kind = iota // nothing there: NXDOMAIN
	Found                  // the name itself; an empty non-terminal has no RRsets
	Wildcard               // Match.Node is the "*" below the closest encloser
	Delegation             // Match.Node is the zone cut at or above the name
	Redirect               // Match.Node is the DNAME owner above the name
)

// String tells a kind to a person.
func (k Kind) String() string {
	return [...]string{"no such name", "static name", "static wildcard", "delegated", "below a DNAME"}[k]
}

// Match is the outcome of a lookup.
type Match struct {
	Kind  Kind
	Exact bool   // the name itself is a node, also one at or below a cut
	Node  NodeID // see Kind; for NoName the closest encloser
	Label int    // the label of the name at which Node's owner starts (for a wildcard: the closest encloser)
}

// Zone is a compiled zone: immutable, safe for concurrent use. Its tables hold
// offsets and no pointers, so the garbage collector never walks them. RRsets
// stand in wire form, ready to be copied into an answer.
type Zone struct {
	origin   string
	serial   uint32
	data     []byte // the owner names, each with its RRsets behind it
	nodes    []node
	sets     []rrset // of nodes with more than a few
	extras   []extra // extras[0] is that of RRsets without any
	fixes    []uint16
	adds     []addition
	slots    []slot
	refs     []GeoRef
	total    int      // RRsets of all nodes
	negative rrset    // the SOA RRset with the TTL of negative answers
	secured  *secured // nil: not signed
}

// node takes 64 octets: one cache line, in which most nodes have all that is
// known of their RRsets. Where memory is large, each table that a query has to
// read costs a walk through page tables too.
type node struct {
	name   uint32 // offset of the owner name in data
	sets   uint32 // index of the first RRset, if they are far
	cut    uint32 // the delegation at or above this node; 0 for none (the apex is no cut)
	wild   uint32 // the child "*"; 0 for none
	geo    uint32 // index into refs, plus one; 0 for none
	geoTTL uint32
	count  uint16 // RRsets
	size   uint8  // octets of the owner name
	dname  bool
	shared bool // while a zone is being signed: name is that of the version before
	far    bool // the RRsets are in the table of the zone, not in few
	_      uint8
	few    [2]rrset
}

// rrset takes 16 octets, so that none lies in two cache lines. The TTL is in
// the RRs.
type rrset struct {
	wire  uint32 // offset of the first RR in data
	extra uint32 // index into extras
	size  uint16 // octets of all RRs
	typ   uint16
	count uint16 // RRs
	sigs  uint8  // RRSIG RRs that follow in data

	shared bool // while a zone is being signed: wire is that of the version before
}

// extra is what only RRsets with names in their RDATA need.
type extra struct {
	fix, add     uint32 // first in fixes and adds
	fixes, nadds uint16
}

type addition struct {
	rel  uint16 // where the target name starts, from the first RR
	glue bool   // below the cut of this delegation: the referral needs it
	node uint32 // the target's node, plus one; 0 when it is not in this zone
}

// GeoRef is one use of a pool by a GEO record.
type GeoRef struct {
	Ref   string // "pool" or "pool/server"
	Owner string // wire form
	Pos   Pos
	Alone bool // no other record stands at the name
	Apex  bool
}

// Origin is the apex in wire form, lower case.
func (z *Zone) Origin() string { return z.origin }

// Serial is that of the SOA.
func (z *Zone) Serial() uint32 { return z.serial }

// Refs are the zone's GEO records, in the order that Geo indexes.
func (z *Zone) Refs() []GeoRef { return z.refs }

// Nodes counts the names of the zone, empty non-terminals included.
func (z *Zone) Nodes() int { return len(z.nodes) }

// Lookup finds what the zone holds for a name at or below its apex, which
// starts at label apex of n.
func (z *Zone) Lookup(n *Name, apex int) Match { return z.lookup(n, 0, apex) }

// lookup is Lookup of a name for which there is no node at its first labels.
func (z *Zone) lookup(n *Name, from, apex int) Match {
	for i := from; i < apex; i++ {
		id, ok := z.find(n, i)
		if !ok {
			continue
		}
		return z.match(n, id, i)
	}
	return z.match(n, 0, apex)
}

// match tells what a name gets whose longest existing suffix is node id, at
// label i of n. Above everything stands the zone cut: the parent is not
// authoritative for anything at or below it.
//
//	cut at or above  i == 0  DNAME  "*" child  ->
//	yes              -       -      -          Delegation
//	no               yes     -      -          Found
//	no               no      yes    -          Redirect
//	no               no      no     yes        Wildcard
//	no               no      no     no         NoName
func (z *Zone) match(n *Name, id uint32, i int) Match {
	d := &z.nodes[id]
	switch {
	case d.cut != 0:
		return Match{Delegation, i == 0, NodeID(d.cut), n.LabelOf(int(z.nodes[d.cut].size))}
	case i == 0:
		return Match{Found, true, NodeID(id), 0}
	case d.dname:
		return Match{Redirect, false, NodeID(id), i}
	case d.wild != 0:
		return Match{Wildcard, false, NodeID(d.wild), i}
	}
	return Match{NoName, false, NodeID(id), i}
}

// find gives the node whose owner is the suffix of n at label i.
func (z *Zone) find(n *Name, i int) (uint32, bool) {
	hash, name := n.at[i].hash, n.Suffix(i)
	mask := uint32(len(z.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := z.slots[at]
		if s.ref == 0 {
			return 0, false
		}
		if s.hash == hash && string(z.owner(s.ref-1)) == string(name) {
			return s.ref - 1, true
		}
	}
}

func (z *Zone) owner(id uint32) []byte {
	d := &z.nodes[id]
	return z.data[d.name : d.name+uint32(d.size)]
}

// Owner is a node's name in wire form, lower case.
func (z *Zone) Owner(id NodeID) []byte { return z.owner(uint32(id)) }

// Geo gives a node's GEO record: its index in Refs and its TTL in seconds.
func (z *Zone) Geo(id NodeID) (ref int, ttl uint32, ok bool) {
	d := &z.nodes[id]
	return int(d.geo) - 1, d.geoTTL, d.geo != 0
}

// Find gives a node's RRset of a type.
func (z *Zone) Find(id NodeID, typ uint16) (RRset, bool) {
	sets := z.rrsets(&z.nodes[id])
	for i := range sets {
		if sets[i].typ == typ {
			return RRset{z, &sets[i]}, true
		}
	}
	return RRset{}, false
}

// Sets counts a node's RRsets; At gives them, by ascending type.
func (z *Zone) Sets(id NodeID) int { return int(z.nodes[id].count) }

// At gives the RRset i of a node, from 0 to Sets less one.
func (z *Zone) At(id NodeID, i int) RRset {
	return RRset{z, &z.rrsets(&z.nodes[id])[i]}
}

// rrsets is the RRsets of a node, by ascending type.
func (z *Zone) rrsets(d *node) []rrset {
	if !d.far {
		return d.few[:d.count]
	}
	return z.sets[d.sets : d.sets+uint32(d.count)]
}

// take gives a node its RRsets, those from d.sets on, and what then remains in
// their table.
func (d *node) take(table []rrset) []rrset {
	sets := table[d.sets:]
	d.count, d.far, d.few = uint16(len(sets)), len(sets) > len(d.few), [2]rrset{}
	if d.far {
		return table
	}
	copy(d.few[:], sets)
	return table[:d.sets]
}

// Negative is the SOA RRset of a negative answer, its TTL the lower of the
// SOA's own and the MINIMUM field (RFC 2308 section 3).
func (z *Zone) Negative() RRset { return RRset{z, &z.negative} }

// RRset is one of a zone's RRsets. It is a view of the zone, not a copy.
type RRset struct {
	zone *Zone
	set  *rrset
}

// Type is the RRset's type.
func (r RRset) Type() uint16 { return r.set.typ }

// TTL is in seconds.
func (r RRset) TTL() uint32 { return ttlOf(r.zone.data, r.set) }

// ttlOf is the TTL of an RRset whose RRs stand in data.
func ttlOf(data []byte, set *rrset) uint32 { return binary.BigEndian.Uint32(data[set.wire+ttlAt:]) }

// Count is the number of RRs.
func (r RRset) Count() int { return int(r.set.count) }

// Wire is the RRs in wire form: each with owner c00c, TTL set, and the names
// in its RDATA either whole or, where the type allows compression, ending in
// a pointer to the apex that Fixes locates. Not to be written to.
func (r RRset) Wire() []byte {
	return r.zone.data[r.set.wire : r.set.wire+uint32(r.set.size)]
}

// Fixes are the places in Wire of the two-octet pointers to the zone's apex.
func (r RRset) Fixes() []uint16 {
	if r.set.extra == 0 {
		return nil
	}
	x := &r.zone.extras[r.set.extra]
	return r.zone.fixes[x.fix : x.fix+uint32(x.fixes)]
}

// Additions counts the names in the RDATA whose addresses a reply may add.
func (r RRset) Additions() int {
	if r.set.extra == 0 {
		return 0
	}
	return int(r.zone.extras[r.set.extra].nadds)
}

// Addition is a name whose addresses a reply may add.
type Addition struct {
	At    int    // where the name starts in Wire
	Glue  bool   // the referral is of no use without it (RFC 9471)
	Local bool   // the name is in this zone, at Node
	Node  NodeID // if Local
}

// Addition gives the addition i, from 0 to Additions less one.
func (r RRset) Addition(i int) Addition {
	a := r.zone.adds[r.zone.extras[r.set.extra].add+uint32(i)]
	return Addition{int(a.rel), a.glue, a.node != 0, NodeID(a.node - 1)}
}

// Target is the name that the RDATA of the first RR starts with, in wire form
// (CNAME, DNAME), without the compression of Wire.
func (r RRset) Target(dst *Name) error {
	rdata := r.Wire()[rrHeader:]
	if fixes := r.Fixes(); len(fixes) > 0 {
		var whole [MaxName + 1]byte
		head := int(fixes[0]) - rrHeader
		size := copy(whole[:], rdata[:head])
		size += copy(whole[size:], r.zone.origin)
		rdata = whole[:size]
	}
	_, err := dst.Set(rdata)
	return err
}

// rrHeader is the length of an RR up to its RDATA, the owner being a pointer.
const rrHeader = 12

// ttlAt is where in it the TTL stands.
const ttlAt = 6

// soaMinimum reads the MINIMUM field, the last four octets of SOA RDATA.
func soaMinimum(rdata string) uint32 {
	return binary.BigEndian.Uint32([]byte(rdata[len(rdata)-4:]))
}

// soaSerial reads the SERIAL field of SOA RDATA.
func soaSerial(rdata string) uint32 {
	return binary.BigEndian.Uint32([]byte(rdata[len(rdata)-20:]))
}
