package zones

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
)

// foreignNSEC3 is an NSEC3 record of a zone that was signed elsewhere, with the
// signatures of it. Its owner is no name of the zone (RFC 5155 section 7.2.8).
type foreignNSEC3 struct {
	hash [dnssec.HashSize]byte
	rec  Record
	sigs []Record
}

// maxIterations is the most that NSEC3 may have: every negative answer pays for
// them, and validators treat zones with more as not secured, or not at all (RFC
// 9276 section 3.2).
const maxIterations = 100

// signedRecord tells the types that only the signer of a zone writes.
func signedRecord(typ uint16) bool {
	switch typ {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM:
		return true
	}
	return false
}

// apart takes the NSEC3 records and their signatures out of a zone's records.
// Their owners are not nodes, so if there are some another builder is used.
func (b *builder) apart(recs []Record, rep *report) (*builder, []Record, []foreignNSEC3) {
	byOwner := map[string]int{}
	var list []foreignNSEC3
	for _, r := range recs {
		if r.Type != dns.TypeNSEC3 {
			continue
		}
		hash, ok := dnssec.ParseLabel([]byte(r.Owner[1:max(1, min(len(r.Owner), 1+int(r.Owner[0])))]))
		if !ok || len(r.Owner) != 1+dnssec.LabelSize+len(b.z.origin) {
			rep.fail(r.Pos, "the owner of an NSEC3 record has to be a hash of 32 characters in base32, right below the apex")
			continue
		}
		if _, twice := byOwner[r.Owner]; twice {
			rep.fail(r.Pos, "another NSEC3 record at the same name")
			continue
		}
		byOwner[r.Owner] = len(list)
		list = append(list, foreignNSEC3{hash: hash, rec: r})
	}
	if len(list) == 0 {
		return b, recs, nil
	}
	rest := slices.DeleteFunc(recs, func(r Record) bool {
		if r.Type == dns.TypeNSEC3 || r.Type == 0 {
			return true
		}
		i, ok := byOwner[r.Owner]
		if !ok || r.Type != dns.TypeRRSIG || covers(&r) != dns.TypeNSEC3 {
			return false
		}
		list[i].sigs = append(list[i].sigs, r)
		return true
	})
	slices.SortFunc(list, func(a, b foreignNSEC3) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	return rebuilt(b.z.origin, rest), rest, list
}

// rebuilt begins a zone anew with records that have been placed before.
func rebuilt(origin string, recs []Record) *builder {
	b := newBuilder(origin)
	for part := range slices.Chunk(recs, maxPortion) {
		b.place(portion{part, len(recs)})
	}
	b.sort(recs)
	return b
}

// covers is the type that an RRSIG record covers.
func covers(r *Record) uint16 { return uint16(r.Data[0])<<8 | uint16(r.Data[1]) }

// secureForeign gives the compiled form of a zone that was signed elsewhere:
// the signatures behind what they cover, and the chain in its order.
func secureForeign(old *Zone, list []foreignNSEC3) (*Zone, error) {
	s := &signing{old: old, foreign: list}
	s.begin(&secured{})
	if len(list) > 0 {
		data := list[0].rec.Data
		s.z.secured.iterations = uint16(data[2])<<8 | uint16(data[3])
		s.z.secured.salt = []byte(data[5 : 5+int(data[4])])
		for i := range list {
			s.z.secured.hashes = append(s.z.secured.hashes, list[i].hash)
		}
	} else {
		var ids []uint32
		for id := range old.nodes {
			if _, ok := old.Find(NodeID(id), dns.TypeNSEC); ok && old.authoritative(uint32(id)) {
				ids = append(ids, uint32(id))
			}
		}
		old.canonicalOrder(ids)
		s.setChain(ids)
	}
	return s.finish()
}

// takeSignatures writes the signatures that the file has of the RRset that was
// written last.
func (c *chunk) takeSignatures(id uint32, set *rrset) {
	all, ok := c.s.old.Find(NodeID(id), dns.TypeRRSIG)
	if !ok {
		return
	}
	n := 0
	for wire := all.Wire(); len(wire) > 0; {
		size := rrHeader + int(binary.BigEndian.Uint16(wire[rrHeader-2:]))
		if rr := wire[:size]; binary.BigEndian.Uint16(rr[sigCovered:]) == set.typ {
			c.rr(dns.TypeRRSIG, ttlOf(c.data, set), rr[rrHeader:])
			c.expires = min(c.expires, binary.BigEndian.Uint32(rr[sigExpiration:]))
			n++
		}
		wire = wire[size:]
	}
	if n > 255 {
		c.err = errManySignatures
	}
	set.sigs = uint8(n)
}

// foreignHashesOf takes over the NSEC3 RRsets from one up to another.
func (c *chunk) foreignHashesOf(from, to int) {
	for i := from; i < to; i++ {
		f := &c.s.foreign[i]
		c.data = append(c.data, f.rec.Owner...)
		set := rrset{wire: uint32(len(c.data)), typ: dns.TypeNSEC3, count: 1, sigs: uint8(min(len(f.sigs), 255))}
		c.rr(dns.TypeNSEC3, f.rec.TTL, []byte(f.rec.Data))
		set.size = uint16(uint32(len(c.data)) - set.wire)
		for _, r := range f.sigs[:set.sigs] {
			c.rr(dns.TypeRRSIG, f.rec.TTL, []byte(r.Data))
			c.expires = min(c.expires, binary.BigEndian.Uint32([]byte(r.Data[sigExpiration-rrHeader:])))
		}
		c.sets = append(c.sets, set)
	}
}

// foreignCheck looks at a zone that was signed elsewhere.
type foreignCheck struct {
	z    *Zone
	rep  *report
	recs []Record
	now  time.Time
}

// checkForeign reports what makes a zone that was signed elsewhere bogus, as
// far as it shows without verifying its signatures.
func checkForeign(z *Zone, recs []Record, list []foreignNSEC3, rep *report, now time.Time) {
	f := &foreignCheck{z: z, rep: rep, recs: recs, now: now}
	for i := range recs {
		if recs[i].Type == dns.TypeRRSIG {
			f.signature(&recs[i])
		}
	}
	for i := range list {
		for k := range list[i].sigs {
			f.signature(&list[i].sigs[k])
		}
		if len(list[i].sigs) == 0 {
			rep.fail(list[i].rec.Pos, "the NSEC3 record has no signature")
		}
	}
	f.signed()
	if len(list) > 0 {
		f.hashes(list)
	} else {
		f.chain()
	}
}

// soon is how long before its expiry a signature is warned of, at the latest.
const soon = 3 * 24 * time.Hour

// signature looks at one RRSIG record.
func (f *foreignCheck) signature(r *Record) {
	data := []byte(r.Data)
	name := typeText(covers(r))
	from := unixTime(binary.BigEndian.Uint32(data[sigInception-rrHeader:]), f.now)
	until := unixTime(binary.BigEndian.Uint32(data[sigExpiration-rrHeader:]), f.now)
	switch day := until.UTC().Format(time.DateTime); {
	case folded(r.Data[sigSigner-rrHeader:][:nameSize(r.Data[sigSigner-rrHeader:])]) != f.z.origin:
		f.rep.fail(r.Pos, "the signature over %s is by another zone than %s", name, shortText(f.z.origin))
	case !until.After(f.now):
		f.rep.warn(r.Pos, "the signature over %s has expired at %s UTC: validating resolvers answer SERVFAIL", name, day)
	case from.After(f.now):
		f.rep.warn(r.Pos, "the signature over %s is not valid before %s UTC", name, from.UTC().Format(time.DateTime))
	case until.Sub(f.now) < min(soon, until.Sub(from)/3):
		f.rep.warn(r.Pos, "the signature over %s expires at %s UTC: the zone has to be signed again", name, day)
	}
}

// unixTime is the moment nearest to now that a time field of an RRSIG may mean
// (RFC 4034 section 3.1.5).
func unixTime(field uint32, now time.Time) time.Time {
	return now.Truncate(time.Second).Add(time.Duration(int32(field-uint32(now.Unix()))) * time.Second)
}

// signed reports the RRsets that should have signatures and have none.
func (f *foreignCheck) signed() {
	if _, ok := f.z.Find(0, dns.TypeDNSKEY); !ok {
		f.rep.fail(f.at(0, typeSOA), "the zone has signatures and no DNSKEY record at its apex")
	}
	s := &signing{old: f.z}
	for id := range f.z.nodes {
		for i := range f.z.Sets(NodeID(id)) {
			set := f.z.At(NodeID(id), i)
			if set.SigCount() == 0 && s.signs(uint32(id), set.Type()) {
				f.rep.fail(f.at(uint32(id), set.Type()), "no signature covers the %s records of %s", typeText(set.Type()), nameText(string(f.z.owner(uint32(id)))))
			}
		}
	}
}

// at is where the first record of an RRset stands. Only errors ask for it, so
// the records are looked through.
func (f *foreignCheck) at(id uint32, typ uint16) Pos {
	owner := string(f.z.owner(id))
	for i := range f.recs {
		if f.rep.full() {
			break
		}
		if r := &f.recs[i]; r.Type == typ && r.Owner == owner {
			return r.Pos
		}
	}
	return Pos{Line: 1}
}

// chain reports names without NSEC, and NSEC records that do not lead to the
// next name.
func (f *foreignCheck) chain() {
	z := f.z
	if len(z.secured.chain) == 0 {
		f.rep.fail(f.at(0, typeSOA), "the zone has signatures and neither NSEC nor NSEC3 records: nothing proves what it does not have")
		return
	}
	for id := range z.nodes {
		d := &z.nodes[id]
		if _, ok := z.Find(NodeID(id), dns.TypeNSEC); !ok && d.count > 0 && z.authoritative(uint32(id)) {
			f.rep.fail(f.at(uint32(id), z.At(NodeID(id), 0).Type()), "no NSEC record at %s", nameText(string(z.owner(uint32(id)))))
		}
	}
	for i, id := range z.secured.chain {
		set, _ := z.Find(NodeID(id), dns.TypeNSEC)
		next := z.secured.chain[(i+1)%len(z.secured.chain)]
		if want := string(z.owner(next)); !strings.HasPrefix(folded(string(set.Wire()[rrHeader:])), want) {
			f.rep.fail(f.at(id, dns.TypeNSEC), "the NSEC record does not lead to %s, the next name of the zone", nameText(want))
		}
	}
}

// hashes reports names without NSEC3, and NSEC3 records that do not lead to the
// next hash. Delegations without DS may be left out of a chain (RFC 5155
// section 6).
func (f *foreignCheck) hashes(list []foreignNSEC3) {
	z := f.z
	first := list[0].rec
	if z.secured.iterations > maxIterations {
		f.rep.fail(first.Pos, "NSEC3 with %d iterations; %d is the most that is served", z.secured.iterations, maxIterations)
		return
	}
	if z.secured.iterations > 0 {
		f.rep.warn(first.Pos, "NSEC3 with %d iterations: RFC 9276 asks for 0, and validators may refuse more", z.secured.iterations)
	}
	for i := range list {
		f.hashed(&list[i], list[(i+1)%len(list)].hash)
	}
	for id := range z.nodes {
		if z.authoritative(uint32(id)) {
			f.inHashes(uint32(id), list)
		}
	}
}

// inHashes reports a name without NSEC3. Delegations without DS, and empty
// non-terminals above such alone, may stand in an opt-out span instead (RFC
// 5155 section 7.1); what is below an empty non-terminal is not looked at.
func (f *foreignCheck) inHashes(id uint32, list []foreignNSEC3) {
	z := f.z
	hash := dnssec.Hash(z.owner(id), z.secured.salt, z.secured.iterations)
	at, ok := z.secured.findHash(&hash)
	if ok {
		return
	}
	_, hasDS := z.Find(NodeID(id), dns.TypeDS)
	empty := z.nodes[id].count == 0
	span := &list[(at+len(list)-1)%len(list)].rec
	switch optOut := span.Data[1]&1 != 0; {
	case optOut && (empty || z.isCut(id) && !hasDS):
	case empty:
		f.rep.fail(span.Pos, "no NSEC3 record for the empty non-terminal %s", nameText(string(z.owner(id))))
	default:
		f.rep.fail(f.at(id, z.At(NodeID(id), 0).Type()), "no NSEC3 record for %s", nameText(string(z.owner(id))))
	}
}

// hashed looks at one NSEC3 record.
func (f *foreignCheck) hashed(n *foreignNSEC3, next [dnssec.HashSize]byte) {
	data := []byte(n.rec.Data)
	s := f.z.secured
	salt := data[5 : 5+int(data[4])]
	switch rest := data[5+len(salt):]; {
	case data[0] != 1:
		f.rep.fail(n.rec.Pos, "NSEC3 with the hash algorithm %d; only SHA-1 (1) is served", data[0])
	case binary.BigEndian.Uint16(data[2:]) != s.iterations || !bytes.Equal(salt, s.salt):
		f.rep.fail(n.rec.Pos, "NSEC3 records with different parameters in one chain")
	case len(rest) < 1+dnssec.HashSize || rest[0] != dnssec.HashSize || !bytes.Equal(rest[1:1+dnssec.HashSize], next[:]):
		f.rep.fail(n.rec.Pos, "the NSEC3 record does not lead to the next hash of the zone")
	}
}
