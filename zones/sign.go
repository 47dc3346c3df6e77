package zones

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
)

// signing is the making of a signed zone out of a compiled one. Nodes keep
// their numbers; the RRsets are copied, signatures behind each.
type signing struct {
	z      *Zone // being made
	old    *Zone // as compiled
	prev   *Zone // the version served before, whose signatures are used again; may be nil
	signer *dnssec.Signer
	now    int64 // Unix seconds
	geo    FindGeo

	shares bool     // octets of prev stay where they are
	before []uint32 // by node: the same name's number in prev, plus one; nil without prev
	next   []uint32 // NSEC, by node: that whose name follows; 0 also for nodes that own none
	owns   []uint64 // NSEC, by node: it owns one
	apex   []made   // RRsets the signing adds there, but for NSEC; by ascending type
	nsec3  []hashed // in order of their hashes

	foreign []foreignNSEC3 // of a zone signed elsewhere, in order of their hashes
}

// made is an RRset that signing adds.
type made struct {
	typ   uint16
	ttl   uint32
	rdata [][]byte
}

// signZone gives the signed form of a compiled zone. It fails if a signature
// cannot be made, and on limits of size.
func signZone(old, prev *Zone, signer *dnssec.Signer, geo FindGeo, now int64) (*Zone, error) {
	s := &signing{old: old, signer: signer, geo: geo, now: now}
	s.begin(&secured{signer: signer})
	if prev != nil && prev.Signer() != nil {
		s.match(prev)
	}
	s.apexSets()
	if signer.Options().NSEC3 {
		s.hashNames()
	} else {
		s.chain()
	}
	return s.finish()
}

// begin makes the zone that is to be filled.
func (s *signing) begin(what *secured) {
	z := *s.old
	z.data, z.sets, z.nodes = nil, nil, advise(make([]node, 0, len(s.old.nodes)))
	z.secured = what
	s.z = &z
}

// finish fills it: with what the version before has as far as that fits, and if
// that leaves no room for what is new, on its own.
func (s *signing) finish() (*Zone, error) {
	z, err := s.z, errShelf
	if s.shares = s.continues(); s.shares {
		if err = s.fill(s.prev.data); err != nil {
			s.prev.secured.shelf.taken.Store(false)
		}
	}
	if err == errShelf {
		s.shares = false
		err = s.fill(roomy(s.expect()))
		z.data = shelved(z.data)
	}
	return z, err
}

// fill makes nodes, RRsets and what they consist of, which goes behind some
// octets.
func (s *signing) fill(data []byte) error {
	z := s.z
	z.data, z.nodes, z.secured.sets, z.secured.shelf.live = data, z.nodes[:0], nil, 0
	z.secured.expires, z.total = math.MaxUint32, 0
	z.sets = advise(make([]rrset, 0, s.old.total+len(s.z.secured.chain)+len(s.apex)))
	if err := s.run(len(s.old.nodes), (*chunk).nodesOf); err != nil {
		return err
	}
	if err := s.hashChain(); err != nil {
		return err
	}
	z.sets = trimmed(z.sets)
	return s.negative()
}

// expect is about how much data the signed zone has, in octets.
func (s *signing) expect() int {
	if s.signer == nil {
		return len(s.old.data)
	}
	sig := s.signer.Signatures(typeA)*rrHeader + s.signer.Size(typeA)
	signed := s.old.total + len(s.z.secured.chain) + len(s.nsec3)
	return min(len(s.old.data)+signed*sig+len(s.z.secured.chain)*50+len(s.nsec3)*(130+len(s.z.origin)), math.MaxUint32)
}

// nsecTTL is that of NSEC and NSEC3 records: the one of negative answers (RFC
// 9077).
func (s *signing) nsecTTL() uint32 { return s.old.Negative().TTL() }

// apexSets makes the RRsets that a signed zone has at its apex.
func (s *signing) apexSets() {
	p, o := s.signer.Plan(), s.signer.Options()
	ttl := uint32(o.KeyTTL.Seconds())
	for _, m := range []made{
		{dns.TypeDNSKEY, ttl, p.DNSKEY}, {dns.TypeCDS, ttl, p.CDS}, {dns.TypeCDNSKEY, ttl, p.CDNSKEY},
	} {
		if len(m.rdata) > 0 {
			s.apex = append(s.apex, m)
		}
	}
	if o.NSEC3 { // RFC 5155 section 4: SHA-1, no flags, no iterations, no salt; TTL 0 as others have it
		s.apex = append(s.apex, made{dns.TypeNSEC3PARAM, 0, [][]byte{{1, 0, 0, 0, 0}}})
	}
	slices.SortFunc(s.apex, func(a, b made) int { return int(a.typ) - int(b.typ) })
}

// authoritative tells whether the zone is for a node: it is not below a cut.
func (z *Zone) authoritative(id uint32) bool { cut := z.nodes[id].cut; return cut == 0 || cut == id }

// isCut tells whether a node is a zone cut.
func (z *Zone) isCut(id uint32) bool { return z.nodes[id].cut == id && id != 0 }

// chain decides which nodes own an NSEC record, and their order (RFC 4034
// section 4, RFC 4035 section 2.3): all with RRsets, GEO counted, that are not
// below a cut.
func (s *signing) chain() {
	z := s.old
	ids := advise(make([]uint32, 0, len(z.nodes)))
	for id := range z.nodes {
		d := &z.nodes[id]
		if (d.count > 0 || d.geo != 0) && z.authoritative(uint32(id)) {
			ids = append(ids, uint32(id))
		}
	}
	if old := s.prevChain(); old != nil {
		z.carryOver(ids, old, s.numbersNow())
	} else {
		z.canonicalOrder(ids)
	}
	s.next = advise(make([]uint32, len(z.nodes)))
	s.owns = make([]uint64, len(z.nodes)/64+1)
	for i, id := range ids {
		s.next[id] = ids[(i+1)%len(ids)]
		s.owns[id/64] |= 1 << (id % 64)
	}
	s.setChain(ids)
}

// setChain takes the nodes that own NSEC records, in canonical order.
func (s *signing) setChain(ids []uint32) {
	what := s.z.secured
	what.chain, what.keys = trimmed(ids), advise(make([]uint64, len(ids)))
	parallel(len(ids), func(from, to int) {
		for i := from; i < to; i++ {
			what.keys[i], _ = sortKey(s.old.owner(ids[i]), len(s.old.origin))
		}
	})
}

func (s *signing) prevChain() []uint32 {
	if s.prev == nil || len(s.prev.secured.chain) == 0 {
		return nil
	}
	return s.prev.secured.chain
}

// match finds every name in the version before.
func (s *signing) match(prev *Zone) {
	s.prev = prev
	hashes := s.old.nodeHashes()
	s.before = advise(make([]uint32, len(s.old.nodes)))
	parallel(len(s.before), func(from, to int) {
		guess := uint32(from)
		for i := from; i < to; i++ {
			owner := s.old.owner(uint32(i))
			if int(guess) < len(prev.nodes) && string(prev.owner(guess)) == string(owner) {
				s.before[i] = guess + 1
			} else if id, ok := prev.hashed(hashes[i], owner); ok {
				s.before[i] = id + 1
			}
			if s.before[i] != 0 {
				guess = s.before[i]
			}
		}
	})
}

// numbersNow turns before round: by node of prev, its number now, plus one.
func (s *signing) numbersNow() []uint32 {
	now := advise(make([]uint32, len(s.prev.nodes)))
	for id, was := range s.before {
		if was != 0 {
			now[was-1] = uint32(id) + 1
		}
	}
	return now
}

// nodeHashes gives the hash of every node's name, as the index has it.
func (z *Zone) nodeHashes() []uint32 {
	hashes := advise(make([]uint32, len(z.nodes)))
	for _, s := range z.slots {
		if s.ref != 0 {
			hashes[s.ref-1] = s.hash
		}
	}
	return hashes
}

// hashed finds a node by its name and the hash of it.
func (z *Zone) hashed(hash uint32, name []byte) (uint32, bool) {
	mask := uint32(len(z.slots) - 1)
	for at := hash & mask; z.slots[at].ref != 0; at = (at + 1) & mask {
		if z.slots[at].hash == hash && string(z.owner(z.slots[at].ref-1)) == string(name) {
			return z.slots[at].ref - 1, true
		}
	}
	return 0, false
}

// negative makes the SOA RRset of negative answers: the same signatures, with
// the lower TTL; the original TTL in them stays (RFC 4035 section 2.2).
func (s *signing) negative() error {
	z := s.z
	soa, ok := z.Find(0, typeSOA)
	if !ok {
		return errNoSOA
	}
	ttl := s.nsecTTL()
	z.negative = *soa.set
	z.negative.wire = uint32(len(z.data))
	z.data = append(z.data, soa.Secured()...)
	z.secured.shelf.live += uint64(len(soa.Secured()))
	for at := z.negative.wire; at < uint32(len(z.data)); {
		binary.BigEndian.PutUint32(z.data[at+ttlAt:], ttl)
		at += rrHeader + uint32(binary.BigEndian.Uint16(z.data[at+rrHeader-2:]))
	}
	if uint64(len(z.data)) > math.MaxUint32 {
		return errTooLarge
	}
	return nil
}

// errMixedPool says why a pool cannot stand in a signed zone.
var errMixedPool = errors.New("in a signed zone a pool has either CNAME servers alone or none")

// geoTypes appends the types that exist at a GEO name. They depend on the pool
// alone, never on clients or health.
func geoTypes(dst []uint16, find FindGeo, ref string) ([]uint16, error) {
	if find == nil {
		return dst, nil
	}
	info, err := find(ref)
	if err != nil {
		return dst, fmt.Errorf("GEO %s: %w", ref, err)
	}
	switch {
	case info.OnlyCNAME:
		return append(dst, typeCNAME), nil
	case info.CNAME:
		return dst, errMixedPool
	}
	if info.A {
		dst = append(dst, typeA)
	}
	if info.AAAA {
		dst = append(dst, typeAAAA)
	}
	return dst, nil
}
