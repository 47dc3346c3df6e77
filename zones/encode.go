package zones

import "encoding/binary"

// rrset writes the records of one RRset. One TTL counts for all of them, the
// lowest (RFC 2181 section 5.2).
func (b *builder) rrset(recs []Record, own []uint32) error {
	z := b.z
	first := &recs[own[0]]
	set, ttl := rrset{wire: uint32(len(z.data)), typ: first.Type}, first.TTL
	for _, i := range own {
		ttl = min(ttl, recs[i].TTL)
	}
	fix := len(z.fixes)
	size := 0
	for _, i := range own {
		size += rrHeader + len(recs[i].Data)
		if size > MaxRRset {
			return &RRsetError{first.Owner, first.Type, first.Pos}
		}
		b.rr(&recs[i], ttl, set.wire)
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
