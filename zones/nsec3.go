package zones

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
)

// hashed is a node with the NSEC3 hash of its name.
type hashed struct {
	hash [dnssec.HashSize]byte
	id   uint32
	was  uint32 // place in the chain of the version before, plus one; 0: it is new
}

// hashNames decides which names get an NSEC3 record, and their order (RFC 5155
// section 7.1): all that are not below a cut, empty non-terminals and unsigned
// delegations too.
func (s *signing) hashNames() {
	z := s.old
	kept, known := s.prevHashes()
	var added []hashed
	for id := range z.nodes {
		if known[id/64]>>(id%64)&1 == 0 && z.authoritative(uint32(id)) {
			added = append(added, hashed{id: uint32(id)})
		}
	}
	parallel(len(added), func(from, to int) {
		for i := from; i < to; i++ {
			added[i].hash = dnssec.Hash(z.owner(added[i].id), nil, 0)
		}
	})
	slices.SortFunc(added, compareHashes)
	s.nsec3 = mergeHashes(kept, added)
}

func compareHashes(a, b hashed) int {
	return cmp.Or(cmp.Compare(binary.BigEndian.Uint64(a.hash[:]), binary.BigEndian.Uint64(b.hash[:])),
		bytes.Compare(a.hash[:], b.hash[:]))
}

// prevHashes gives the chain of the version before, as far as its names are
// still to have records, and which nodes those are.
func (s *signing) prevHashes() (kept []hashed, known []uint64) {
	known = make([]uint64, len(s.old.nodes)/64+1)
	if s.prev == nil || len(s.prev.secured.hashes) == 0 {
		return nil, known
	}
	prev, now := s.prev.secured, s.numbersNow()
	kept = advise(make([]hashed, 0, len(prev.hashes)))
	for i, was := range prev.owners {
		if id := now[was] - 1; now[was] != 0 && s.old.authoritative(id) {
			kept = append(kept, hashed{prev.hashes[i], id, uint32(i) + 1})
			known[id/64] |= 1 << (id % 64)
		}
	}
	return kept, known
}

// mergeHashes puts two ordered lists together. The second is taken to be much
// shorter, or the first empty.
func mergeHashes(a, b []hashed) []hashed {
	if len(a) == 0 {
		return b
	}
	all := advise(make([]hashed, 0, len(a)+len(b)))
	for _, h := range b {
		n, _ := slices.BinarySearchFunc(a, h, compareHashes)
		all = append(append(all, a[:n]...), h)
		a = a[n:]
	}
	return append(all, a...)
}

// hashChain makes the NSEC3 RRsets.
func (s *signing) hashChain() error {
	what := s.z.secured
	if s.signer == nil {
		return s.run(len(s.foreign), (*chunk).foreignHashesOf)
	}
	if len(s.nsec3) == 0 {
		return nil
	}
	for i := 1; i < len(s.nsec3); i++ {
		if s.nsec3[i].hash == s.nsec3[i-1].hash { // RFC 5155 section 7.1 asks for another salt
			return fmt.Errorf("the names %s and %s have the same NSEC3 hash: use NSEC",
				nameText(string(s.old.owner(s.nsec3[i-1].id))), nameText(string(s.old.owner(s.nsec3[i].id))))
		}
	}
	what.hashes = advise(make([][dnssec.HashSize]byte, len(s.nsec3)))
	what.owners = advise(make([]uint32, len(s.nsec3)))
	for i := range s.nsec3 {
		what.hashes[i], what.owners[i] = s.nsec3[i].hash, s.nsec3[i].id
	}
	what.sets = advise(make([]rrset, 0, len(s.nsec3)))
	return s.run(len(s.nsec3), (*chunk).hashesOf)
}

// hashesOf makes the NSEC3 RRsets from one up to another.
func (c *chunk) hashesOf(from, to int) {
	s := c.s
	for i := from; i < to && c.err == nil; i++ {
		at := len(c.data)
		c.data = dnssec.AppendLabel(c.data, &s.nsec3[i].hash)
		c.data = append(c.data, s.old.origin...)
		owner := c.data[at:len(c.data):len(c.data)]
		c.makeNSEC3(i, s.nsec3[(i+1)%len(s.nsec3)].hash)
		set := &c.sets[len(c.sets)-1]
		if was := s.nsec3[i].was; was != 0 && c.reuse(set, RRset{s.prev, &s.prev.secured.sets[was-1]}, uint32(at)) {
			continue
		}
		c.signAs(owner, set)
	}
}

// makeNSEC3 writes an NSEC3 RRset without its signature.
func (c *chunk) makeNSEC3(i int, next [dnssec.HashSize]byte) {
	s := c.s
	id := s.nsec3[i].id
	types := c.typesOf(id)
	if len(types) > 0 && !(s.old.isCut(id) && !slices.Contains(types, dns.TypeDS)) {
		types = append(types, dns.TypeRRSIG) // something at the name is signed
	}
	slices.Sort(types)
	data := append(c.nsec[:0], 1, 0, 0, 0, 0, dnssec.HashSize) // SHA-1, no flags, no iterations, no salt
	data = append(data, next[:]...)
	data = dnssec.AppendBitmap(data, types)
	c.nsec = data
	set := rrset{wire: uint32(len(c.data)), typ: dns.TypeNSEC3, count: 1}
	c.rr(dns.TypeNSEC3, s.nsecTTL(), data)
	set.size = uint16(uint32(len(c.data)) - set.wire)
	c.sets = append(c.sets, set)
}
