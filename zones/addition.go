package zones

import "math"

// Numbers of the RR types that the compiled form treats by name (IANA DNS
// parameters).
const (
	typeA     = 1
	typeNS    = 2
	typeCNAME = 5
	typeSOA   = 6
	typePTR   = 12
	typeMX    = 15
	typeAAAA  = 28
	typeSRV   = 33
	typeDNAME = 39
	typeSVCB  = 64
	typeHTTPS = 65
)

// target tells where the name stands in RDATA whose addresses a reply may add
// (RFC 1035 section 3.3, RFC 2782, RFC 9460 section 4.2).
func target(typ uint16) (at int, ok bool) {
	switch typ {
	case typeNS:
		return 0, true
	case typeMX, typeSVCB, typeHTTPS:
		return 2, true
	case typeSRV:
		return 6, true
	}
	return 0, false
}

// maxAdditions bounds the names of one RRset whose addresses are added: a
// reply has no use for more, and the work per query stays bounded.
const maxAdditions = 32

// additions notes, for every RRset that names hosts, where they are.
func (b *builder) additions() error {
	z := b.z
	for id := range z.nodes {
		sets := z.rrsets(&z.nodes[id])
		for i := range sets {
			if at, ok := target(sets[i].typ); ok {
				b.targets(uint32(id), &sets[i], at)
			}
		}
	}
	if uint64(len(z.adds)) > math.MaxUint32 {
		return errTooLarge
	}
	return nil
}

// targets notes the hosts of one RRset of node id, whose RDATA has the name at
// an offset.
func (b *builder) targets(id uint32, set *rrset, at int) {
	z := b.z
	first := len(z.adds)
	r := RRset{z, set}
	wire := r.Wire()
	for rr := 0; rr < len(wire) && len(z.adds)-first < maxAdditions; {
		size := int(wire[rr+10])<<8 | int(wire[rr+11])
		if a, ok := b.addition(id, set.typ, wire, rr+rrHeader+at); ok && !listed(z.adds[first:], a, wire) {
			z.adds = append(z.adds, a)
		}
		rr += rrHeader + size
	}
	if len(z.adds) == first {
		return
	}
	if set.extra == 0 {
		set.extra = uint32(len(z.extras))
		z.extras = append(z.extras, extra{})
	}
	x := &z.extras[set.extra]
	x.add, x.nadds = uint32(first), uint16(len(z.adds)-first)
}

// addition looks at the name at an offset of an RRset's wire form. A name in
// this zone that has no addresses here needs no addition.
func (b *builder) addition(id uint32, typ uint16, wire []byte, at int) (addition, bool) {
	z := b.z
	switch {
	case at >= len(wire):
		return addition{}, false
	case wire[at] == 0:
		return b.itself(id, typ, wire, at)
	}
	ok := b.expand(wire[at:])
	a := addition{rel: uint16(at)}
	if !ok {
		return a, true
	}
	node, ok := z.find(&b.scratch, 0)
	if !ok || !z.hasAddress(node) {
		return a, false
	}
	a.node = node + 1
	cut := z.nodes[id].cut
	a.glue = typ == typeNS && cut != 0 && z.nodes[node].cut == cut
	return a, true
}

// listed tells whether a host is among those noted of the same RRset. Names of
// other zones stand whole in the wire form.
func listed(list []addition, a addition, wire []byte) bool {
	for _, b := range list {
		if a.node != b.node {
			continue
		}
		if a.node != 0 || sameName(wire[a.rel:], wire[b.rel:]) {
			return true
		}
	}
	return false
}

// sameName compares the uncompressed names that a and b start with.
func sameName(a, b []byte) bool {
	end := 0
	for a[end] != 0 {
		end += 1 + int(a[end])
	}
	return end < len(b) && equalFold(a[:end+1], b[:end+1])
}

// itself is the addition of a record with the target ".". It names no host
// (RFC 7505, RFC 9460 section 2.5.1), but of a service it means the owner of
// the record (section 2.5.2), which may be a wildcard: then QNAME.
func (b *builder) itself(id uint32, typ uint16, wire []byte, at int) (addition, bool) {
	service := (typ == typeSVCB || typ == typeHTTPS) && wire[at-2]|wire[at-1] != 0
	if !service || !b.z.hasAddress(id) {
		return addition{}, false
	}
	return addition{rel: uint16(at - 2 - rrHeader), node: id + 1}, true
}

// expand takes a name of the wire form into scratch, and tells whether it is
// in the zone.
func (b *builder) expand(wire []byte) bool {
	var whole [2 * MaxName]byte
	size := 0
	for wire[size] != 0 && wire[size] < 0xc0 {
		size += 1 + int(wire[size])
	}
	copy(whole[:], wire[:size])
	if wire[size] >= 0xc0 {
		copy(whole[size:], b.z.origin)
	}
	if _, err := b.scratch.Set(whole[:]); err != nil {
		return false
	}
	n := &b.scratch
	for i := 0; i <= n.labels; i++ {
		if string(n.Suffix(i)) == b.z.origin {
			return true
		}
	}
	return false
}

func (z *Zone) hasAddress(id uint32) bool {
	_, a := z.Find(NodeID(id), typeA)
	_, aaaa := z.Find(NodeID(id), typeAAAA)
	return a || aaaa
}
