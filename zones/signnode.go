package zones

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
)

// chunk is a piece of a signed zone being made, with offsets of its own, and
// the scratch space of who makes it.
type chunk struct {
	s       *signing
	number  int
	data    []byte
	nodes   []node
	sets    []rrset
	expires uint32
	live    uint64 // octets of the version before that are shared
	err     error

	canon []byte   // RDATA in canonical form
	rdata [][]byte // parts of it
	sigs  [][]byte
	types []uint16
	made  []made
	nsec  []byte
	only  [1][]byte // nsec, as the RDATA of an RRset
}

func newChunk(s *signing) *chunk {
	c := &chunk{s: s}
	c.reset()
	return c
}

func (c *chunk) reset() {
	c.data, c.nodes, c.sets = c.data[:0], c.nodes[:0], c.sets[:0]
	c.expires, c.live, c.err = math.MaxUint32, 0, nil
}

// add puts a chunk behind what the zone has so far.
func (s *signing) add(c *chunk) error {
	z := s.z
	if c.err != nil {
		return c.err
	}
	if uint64(len(z.data))+uint64(len(c.data)) > math.MaxUint32 {
		return errTooLarge
	}
	if s.shares && len(z.data)+len(c.data) > cap(z.data)-shelfSpare {
		return errShelf
	}
	base, first := uint32(len(z.data)), uint32(len(z.sets))
	z.data = append(z.data, c.data...)
	z.secured.shelf.live += c.live + uint64(len(c.data))
	for i := range c.sets {
		c.sets[i].settle(base)
	}
	if len(c.nodes) == 0 { // of the hashed chain
		z.secured.sets = append(z.secured.sets, c.sets...)
	} else {
		z.sets = append(z.sets, c.sets...)
	}
	for _, d := range c.nodes {
		if !d.shared {
			d.name += base
		}
		for i := range d.few {
			d.few[i].settle(base)
		}
		d.sets += first
		d.shared = false
		z.total += int(d.count)
		z.nodes = append(z.nodes, d)
	}
	z.secured.expires = min(z.secured.expires, c.expires)
	return nil
}

// settle makes the place of an RRset that of the whole zone.
func (r *rrset) settle(base uint32) {
	if !r.shared {
		r.wire += base
	}
	r.shared = false
}

// nodesOf makes the nodes from one up to another.
func (c *chunk) nodesOf(from, to int) {
	old := c.s.old
	for id := from; id < to && c.err == nil; {
		end := id + 1 // names that end together are ancestors of the last, and parts of its text
		tail := old.nodes[id].name + uint32(old.nodes[id].size)
		for end < to && old.nodes[end].name+uint32(old.nodes[end].size) == tail {
			end++
		}
		if c.s.shares && c.s.before[end-1] != 0 { // then those above were there too
			c.live += uint64(old.nodes[end-1].size)
		} else {
			c.data = append(c.data, old.owner(uint32(end-1))...)
		}
		written := uint32(len(c.data))
		for ; id < end; id++ {
			c.node(uint32(id), written)
		}
	}
}

// node makes one node, whose name ends at an offset.
func (c *chunk) node(id, written uint32) {
	old := c.s.old
	d := old.nodes[id]
	sets := old.rrsets(&old.nodes[id])
	added := c.added(id)
	d.name, d.sets = written-uint32(d.size), uint32(len(c.sets))
	if c.s.shares && c.s.before[id] != 0 {
		d.name, d.shared = c.s.prev.nodes[c.s.before[id]-1].name, true
	}
	for i := range sets {
		if sets[i].typ == dns.TypeRRSIG && c.s.signer == nil {
			continue // each stands behind what it covers
		}
		for len(added) > 0 && added[0].typ < sets[i].typ {
			c.make(id, added[0])
			added = added[1:]
		}
		c.copy(id, &sets[i])
	}
	for _, m := range added {
		c.make(id, m)
	}
	c.sets = d.take(c.sets)
	c.nodes = append(c.nodes, d)
}

// added lists the RRsets that signing adds to a node, by ascending type.
func (c *chunk) added(id uint32) []made {
	s := c.s
	c.made = c.made[:0]
	if id == 0 {
		c.made = append(c.made, s.apex...)
	}
	if len(s.next) == 0 || s.owns[id/64]>>(id%64)&1 == 0 {
		return c.made
	}
	types := c.typesOf(id)
	types = append(types, dns.TypeRRSIG, dns.TypeNSEC)
	slices.Sort(types)
	c.nsec = append(c.nsec[:0], s.old.owner(s.next[id])...)
	c.nsec = dnssec.AppendBitmap(c.nsec, types)
	c.only[0] = c.nsec
	nsec := made{dns.TypeNSEC, s.nsecTTL(), c.only[:]}
	at, _ := slices.BinarySearchFunc(c.made, nsec, func(a, b made) int { return int(a.typ) - int(b.typ) })
	c.made = slices.Insert(c.made, at, nsec)
	return c.made
}

// typesOf lists the types at a node that the zone is authoritative for, NSEC
// and RRSIG left out, in no order. The memory is scratch space.
func (c *chunk) typesOf(id uint32) []uint16 {
	z := c.s.old
	d := &z.nodes[id]
	cut := z.isCut(id)
	c.types = c.types[:0]
	for _, set := range z.rrsets(d) {
		if !cut || set.typ == typeNS || set.typ == dns.TypeDS {
			c.types = append(c.types, set.typ)
		}
	}
	if d.geo != 0 {
		ref := &z.refs[d.geo-1]
		types, err := geoTypes(c.types, c.s.geo, ref.Ref)
		if c.types = types; err != nil {
			c.err = err
		}
	}
	if id == 0 {
		for _, m := range c.s.apex {
			c.types = append(c.types, m.typ)
		}
	}
	return c.types
}

// copy takes over an RRset, and signs it.
func (c *chunk) copy(id uint32, set *rrset) {
	old := c.s.old
	next := *set
	next.wire = uint32(len(c.data))
	c.data = append(c.data, old.data[set.wire:set.wire+uint32(set.size)]...)
	c.sets = append(c.sets, next)
	switch made := &c.sets[len(c.sets)-1]; {
	case c.s.signer == nil:
		c.takeSignatures(id, made)
	case c.s.signs(id, set.typ):
		c.sign(id, made)
	default:
		c.keep(id, made)
	}
}

// signs tells whether an RRset is signed: the zone has to be authoritative for
// it (RFC 4035 section 2.2).
func (s *signing) signs(id uint32, typ uint16) bool {
	switch cut := s.old.nodes[id].cut; {
	case cut == 0:
		return true
	case cut == id:
		return typ == dns.TypeDS || typ == dns.TypeNSEC
	}
	return false
}

// keep shares an RRset that is not signed with the version before.
func (c *chunk) keep(id uint32, set *rrset) {
	if was, ok := c.was(id, set.typ); ok && c.s.shares && was.set.sigs == 0 && bytes.Equal(c.data[set.wire:], was.Wire()) {
		c.share(set, was.set, set.wire, 0)
	}
}

// was is an RRset of a node as the version before has it.
func (c *chunk) was(id uint32, typ uint16) (RRset, bool) {
	s := c.s
	if s.before == nil || s.before[id] == 0 {
		return RRset{}, false
	}
	return s.prev.Find(NodeID(s.before[id]-1), typ)
}

// make adds an RRset that signing makes, and signs it.
func (c *chunk) make(id uint32, m made) {
	set := rrset{wire: uint32(len(c.data)), typ: m.typ, count: uint16(len(m.rdata))}
	for _, data := range m.rdata {
		c.rr(m.typ, m.ttl, data)
	}
	size := uint32(len(c.data)) - set.wire
	if size > MaxRRset {
		c.err = fmt.Errorf("the %s records of %s do not fit one DNS message", typeText(m.typ), nameText(c.s.old.origin))
		return
	}
	set.size = uint16(size)
	c.sets = append(c.sets, set)
	c.sign(id, &c.sets[len(c.sets)-1])
}

// rr writes one RR with the owner pointing at the question's name.
func (c *chunk) rr(typ uint16, ttl uint32, data []byte) {
	c.data = append(c.data, 0xc0, 0x0c)
	c.data = binary.BigEndian.AppendUint16(c.data, typ)
	c.data = append(c.data, 0, 1)
	c.data = binary.BigEndian.AppendUint32(c.data, ttl)
	c.data = binary.BigEndian.AppendUint16(c.data, uint16(len(data)))
	c.data = append(c.data, data...)
}

// sign writes the signatures of the RRset that was written last.
func (c *chunk) sign(id uint32, set *rrset) {
	if was, ok := c.was(id, set.typ); !ok || !c.reuse(set, was, set.wire) {
		c.signAs(c.s.old.owner(id), set)
	}
}

// reuse takes the signatures of the version before if they cover the same and
// are not to be made anew yet. from is where what belongs to the RRset starts.
func (c *chunk) reuse(set *rrset, was RRset, from uint32) bool {
	s := c.s
	if !s.signer.Same(s.prev.secured.signer, set.typ) || !bytes.Equal(c.data[set.wire:], was.Wire()) {
		return false
	}
	expires := c.expires
	sigs := was.Signatures()
	for at := 0; at < len(sigs); at += rrHeader + int(binary.BigEndian.Uint16(sigs[at+rrHeader-2:])) {
		inception, expiration := binary.BigEndian.Uint32(sigs[at+sigInception:]), binary.BigEndian.Uint32(sigs[at+sigExpiration:])
		if !s.signer.Fresh(inception, expiration, s.now) {
			return false
		}
		expires = min(expires, expiration)
	}
	if was.SigCount() == 0 {
		return false
	}
	c.expires = expires
	if s.shares {
		c.share(set, was.set, from, len(sigs))
		return true
	}
	c.data = append(c.data, sigs...)
	set.sigs = uint8(was.SigCount())
	return true
}

var errManySignatures = errors.New("more than 255 signatures of one RRset")

// signAs makes the signatures of the RRset that was written last, or takes them
// from the cache.
func (c *chunk) signAs(owner []byte, set *rrset) {
	s := c.s
	c.canonical(set)
	ttl := ttlOf(c.data, set)
	sigs, err := s.signer.Sign(c.sigs[:0], owner, set.typ, ttl, c.rdata, s.now)
	c.sigs = sigs
	if err == nil && len(sigs) > math.MaxUint8 {
		err = errManySignatures
	}
	if err != nil {
		c.err = fmt.Errorf("%s %s: %w", nameText(string(owner)), typeText(set.typ), err)
		return
	}
	for _, data := range sigs {
		c.rr(dns.TypeRRSIG, ttl, data)
		c.expires = min(c.expires, binary.BigEndian.Uint32(data[sigExpiration-rrHeader:]))
	}
	set.sigs = uint8(len(sigs))
}

// canonical takes the RDATA of the RRset that was written last into scratch
// space, names whole and in lower case (RFC 4034 section 6.2).
func (c *chunk) canonical(set *rrset) {
	x := &c.s.old.extras[set.extra]
	fixes := c.s.old.fixes[x.fix : x.fix+uint32(x.fixes)]
	wire := c.data[set.wire : set.wire+uint32(set.size)]
	need := len(wire) + len(fixes)*len(c.s.old.origin) // what was taken before must not move
	c.canon = slices.Grow(c.canon[:0], need)
	c.rdata = c.rdata[:0]
	for at := 0; at < len(wire); {
		end := at + rrHeader + int(binary.BigEndian.Uint16(wire[at+rrHeader-2:]))
		start := len(c.canon)
		from := at + rrHeader
		for len(fixes) > 0 && int(fixes[0]) < end {
			c.canon = append(c.canon, wire[from:fixes[0]]...)
			c.canon = append(c.canon, c.s.old.origin...)
			from = int(fixes[0]) + 2
			fixes = fixes[1:]
		}
		c.canon = append(c.canon, wire[from:end]...)
		dnssec.Lower(set.typ, c.canon[start:])
		c.rdata = append(c.rdata, c.canon[start:len(c.canon):len(c.canon)])
		at = end
	}
}
