package zones

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
)

// Proof is the denial of existence of one answer: the NSEC or NSEC3 RRsets that
// go into its authority section, each once. The zero Proof is empty; it is
// scratch space of one goroutine.
type Proof struct {
	n    int
	list [maxProof]Denial
}

// maxProof is how many RRsets a denial may take: closest encloser, next closer
// name and wildcard (RFC 5155 section 7.2), and one to spare.
const maxProof = 4

// Denial is an NSEC or NSEC3 RRset. Unlike those of nodes it does not stand at
// the name asked for, but at Owner.
type Denial struct {
	RRset
	at   uint32 // of the owner's name in data
	size uint8
}

// Owner is the name that the RRset stands at, whole, in wire form and lower
// case.
func (d *Denial) Owner() []byte { return d.zone.data[d.at : d.at+uint32(d.size)] }

// Reset empties a proof.
func (p *Proof) Reset() { p.n = 0 }

// Len counts the RRsets of a proof.
func (p *Proof) Len() int { return p.n }

// At gives RRset i, from 0 to Len less one.
func (p *Proof) At(i int) *Denial { return &p.list[i] }

func (p *Proof) add(d Denial) {
	for i := range p.n {
		if p.list[i].set == d.set {
			return
		}
	}
	if p.n < len(p.list) {
		p.list[p.n] = d
		p.n++
	}
}

// DenyName proves that a name is not in the zone: m is what Lookup found for
// it, NoName (RFC 4035 section 3.1.3.2, RFC 5155 section 7.2.2).
func (z *Zone) DenyName(p *Proof, n *Name, m Match) {
	switch {
	case z.secured == nil:
	case len(z.secured.hashes) > 0:
		ce := z.encloser(p, n, m.Label)
		z.coverWildcard(p, n, ce)
	default:
		z.cover(p, n.Wire())
		z.coverWildcard(p, n, m.Label)
	}
}

// DenyType proves that a name of the zone has no RRset of a type: m is what
// Lookup found for it, Found or Wildcard, or Delegation where DS was asked for
// at the cut itself, which has none (RFC 4035 sections 3.1.3.1, 3.1.3.4 and
// 3.1.4.1, RFC 5155 sections 7.2.3 to 7.2.5).
func (z *Zone) DenyType(p *Proof, n *Name, m Match) {
	switch {
	case z.secured == nil:
	case m.Kind == Wildcard:
		z.denyWildcardType(p, n, m)
	case len(z.secured.hashes) > 0:
		if !z.matchHash(p, n.Wire()) {
			z.encloser(p, n, 1) // an opt-out span (RFC 5155 section 7.2.4)
		}
	case !z.matchNode(p, uint32(m.Node)):
		z.cover(p, n.Wire()) // an empty non-terminal
	}
}

// denyWildcardType proves that a wildcard matches and has no such type.
func (z *Zone) denyWildcardType(p *Proof, n *Name, m Match) {
	if len(z.secured.hashes) > 0 {
		z.encloser(p, n, m.Label)
		z.matchHash(p, z.owner(uint32(m.Node)))
		return
	}
	z.cover(p, n.Wire())
	if !z.matchNode(p, uint32(m.Node)) {
		z.cover(p, z.owner(uint32(m.Node)))
	}
}

// DenyCloser proves that a wildcard may answer for a name: nothing closer is in
// the zone. m is what Lookup found, Wildcard (RFC 4035 section 3.1.3.3, RFC
// 5155 section 7.2.6).
func (z *Zone) DenyCloser(p *Proof, n *Name, m Match) {
	switch {
	case z.secured == nil:
	case len(z.secured.hashes) > 0:
		z.coverHash(p, n.Suffix(m.Label-1))
	default:
		z.cover(p, n.Wire())
	}
}

// DenyDS proves that the delegation found for a name has no DS record: m is
// what Lookup found, Delegation (RFC 4035 section 3.1.4.1, RFC 5155 section
// 7.2.7).
func (z *Zone) DenyDS(p *Proof, n *Name, m Match) {
	switch {
	case z.secured == nil:
	case len(z.secured.hashes) == 0:
		z.matchNode(p, uint32(m.Node))
	case !z.matchHash(p, z.owner(uint32(m.Node))):
		z.encloser(p, n, m.Label+1)
	}
}

// matchNode adds the NSEC RRset of a node, if it has one.
func (z *Zone) matchNode(p *Proof, id uint32) bool {
	set, ok := z.Find(NodeID(id), dns.TypeNSEC)
	if ok {
		d := &z.nodes[id]
		p.add(Denial{set, d.name, d.size})
	}
	return ok
}

// cover adds the NSEC RRset of the last name that does not come after another:
// the one that covers it, if the zone has no such name.
func (z *Zone) cover(p *Proof, name []byte) {
	s := z.secured
	if len(s.chain) == 0 {
		return
	}
	key, _ := sortKey(name, len(z.origin))
	low, _ := slices.BinarySearch(s.keys, key)
	high := low
	for high < len(s.keys) && s.keys[high] == key {
		if high-low == 8 { // many names begin alike
			high, _ = slices.BinarySearch(s.keys, key+1)
			break
		}
		high++
	}
	for low < high {
		mid := int(uint(low+high) >> 1)
		if dnssec.CompareNames(z.owner(s.chain[mid]), name) <= 0 {
			low = mid + 1
		} else {
			high = mid
		}
	}
	z.matchNode(p, s.chain[max(low-1, 0)])
}

// coverWildcard adds what proves that there is no wildcard below the closest
// encloser, which starts at a label of n.
func (z *Zone) coverWildcard(p *Proof, n *Name, label int) {
	var wild [MaxName + 2]byte
	wild[0], wild[1] = 1, '*'
	name := wild[:2+copy(wild[2:], n.Suffix(label))]
	if len(z.secured.hashes) > 0 {
		z.coverHash(p, name)
	} else {
		z.cover(p, name)
	}
}

// encloser adds the proof of the closest provable encloser (RFC 5155 section
// 7.2.1): the longest suffix of n, from a label on, whose hash is in the chain,
// and what covers the name one label longer. It tells the label.
func (z *Zone) encloser(p *Proof, n *Name, label int) int {
	apex := n.LabelOf(len(z.origin))
	for label < apex && !z.matchHash(p, n.Suffix(label)) {
		label++
	}
	if label >= apex {
		label = apex
		z.matchHash(p, n.Suffix(apex))
	}
	if label > 0 {
		z.coverHash(p, n.Suffix(label-1))
	}
	return label
}

// matchHash adds the NSEC3 RRset of a name, if there is one.
func (z *Zone) matchHash(p *Proof, name []byte) bool {
	hash := dnssec.Hash(name, z.secured.salt, z.secured.iterations)
	i, ok := z.secured.findHash(&hash)
	if ok {
		p.add(z.nsec3(i))
	}
	return ok
}

// coverHash adds the NSEC3 RRset that covers a name which the zone has not.
func (z *Zone) coverHash(p *Proof, name []byte) {
	hash := dnssec.Hash(name, z.secured.salt, z.secured.iterations)
	i, ok := z.secured.findHash(&hash)
	if !ok {
		i-- // the last one covers what comes before the first
	}
	if i < 0 {
		i = len(z.secured.hashes) - 1
	}
	p.add(z.nsec3(i))
}

// nsec3 is an NSEC3 RRset by its place in the chain; its owner stands in front
// of it.
func (z *Zone) nsec3(i int) Denial {
	set := &z.secured.sets[i]
	size := 1 + dnssec.LabelSize + len(z.origin)
	return Denial{RRset{z, set}, set.wire - uint32(size), uint8(size)}
}

// findHash gives the place of a hash in the chain, or that of the first one
// behind it. Hashes are spread evenly, so the place is guessed first.
func (s *secured) findHash(hash *[dnssec.HashSize]byte) (int, bool) {
	n := len(s.hashes)
	low, high := 0, n // the place is in [low, high]
	guess := int(uint64(binary.BigEndian.Uint32(hash[:])) * uint64(n) >> 32)
	for step := 8; low < high; step *= 4 {
		if guess < low || guess >= high || step > n {
			guess = int(uint(low+high) >> 1)
		}
		c := bytes.Compare(s.hashes[guess][:], hash[:])
		switch {
		case c == 0:
			return guess, true
		case c < 0:
			low = guess + 1
			guess += step
		default:
			high = guess
			guess -= step
		}
	}
	return low, false
}
