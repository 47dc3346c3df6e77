package steer

import (
	"encoding/binary"
	"hash/fnv"

	"github.com/meridian-dns/meridian/healthcheck"
)

// member is a server as answers need it.
type member struct {
	hash   uint64 // of the name: several nameservers make the same sticky choice
	weight uint32
	addrs  [2][]record // by family
	all    [2][]byte   // the wire of addrs, one after the other
	alias  []byte      // target in wire form, nil for a server with addresses
	slot   healthcheck.Slot
	number []uint32 // Server.Number, alone
}

// record is an address as a resource record.
type record struct {
	wire []byte
	slot healthcheck.Slot
}

func newMember(s *Server) (member, error) {
	h := fnv.New64a()
	h.Write([]byte(s.Name))
	m := member{hash: scramble(h.Sum64()), weight: uint32(s.Weight), slot: s.Slot, number: []uint32{s.Number}}
	for _, a := range s.Addrs {
		f := familyOf(a)
		m.addrs[f] = append(m.addrs[f], record{wireRecord(a), a.Slot})
		m.all[f] = append(m.all[f], m.addrs[f][len(m.addrs[f])-1].wire...)
	}
	var err error
	if s.CNAME != "" {
		m.alias, err = wireName(s.CNAME)
	}
	return m, err
}

func newMembers(servers []Server) ([]member, error) {
	members := make([]member, len(servers))
	for i := range servers {
		var err error
		if members[i], err = newMember(&servers[i]); err != nil {
			return nil, err
		}
	}
	return members, nil
}

// wireRecord gives a resource record with the owner c00c, a pointer to the name in the question, and TTL 0.
func wireRecord(a Address) []byte {
	rtype, data := uint16(typeA), a.Addr.AsSlice()
	if familyOf(a) == 1 {
		rtype = typeAAAA
	}
	wire := []byte{0xc0, 0x0c}
	wire = binary.BigEndian.AppendUint16(wire, rtype)
	wire = append(wire, 0, 1, 0, 0, 0, 0) // class IN, TTL
	wire = binary.BigEndian.AppendUint16(wire, uint16(len(data)))
	return append(wire, data...)
}

// slots calls f for every check behind a server.
func (m *member) slots(f func(healthcheck.Slot)) {
	if m.alias != nil {
		f(m.slot)
	}
	for _, records := range m.addrs {
		for _, r := range records {
			f(r.slot)
		}
	}
}

// scramble spreads every bit of x over the whole word (the finaliser of splitmix64, Steele et al. 2014).
func scramble(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
