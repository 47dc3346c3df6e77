package resolver

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/steer"
)

// This file is DNSSEC of the reference: which records a signed zone adds, which
// of them prove what, and which RRsets have signatures. Signatures themselves
// are not predicted but verified.

// refSigned is what signing adds to a zone beside RRsets at its names.
type refSigned struct {
	keys   []*dns.DNSKEY
	chain  []refLink // NSEC or NSEC3 records, in the order of their keys
	hashed bool      // NSEC3
	none   uint32    // TTL of negative answers
}

// refLink is one record of the chain; key sorts as the chain does.
type refLink struct {
	key string
	rr  dns.RR
}

// sign adds the records of a signed zone.
func (z *refZone) sign(t testing.TB, s *steer.State, signer *dnssec.Signer) {
	z.sec = &refSigned{hashed: signer.Options().NSEC3, none: z.negative()[0].Header().Ttl}
	hour := uint32(signer.Options().KeyTTL.Seconds())
	for _, data := range signer.Plan().DNSKEY {
		rr := z.rr(t, z.apex, dns.TypeDNSKEY, hour, data)
		z.sec.keys = append(z.sec.keys, rr.(*dns.DNSKEY))
	}
	if z.sec.hashed {
		z.rr(t, z.apex, dns.TypeNSEC3PARAM, 0, []byte{1, 0, 0, 0, 0})
	}
	var owners []name
	for n := range z.data {
		if cut, ok := z.cutOf(n); ok && cut != n {
			continue
		}
		if _, geo := z.geo[n]; geo || len(z.data[n]) > 0 || z.sec.hashed {
			owners = append(owners, n)
		}
	}
	for _, n := range owners {
		z.sec.chain = append(z.sec.chain, refLink{key: z.sec.key(n)})
	}
	sort.Slice(z.sec.chain, func(i, j int) bool { return z.sec.chain[i].key < z.sec.chain[j].key })
	for _, n := range owners {
		z.link(t, s, n)
	}
}

// rr adds a record of the zone.
func (z *refZone) rr(t testing.TB, owner name, typ uint16, ttl uint32, data []byte) dns.RR {
	t.Helper()
	wire := append([]byte(owner), 0, 0, 0, 1, 0, 0, 0, 0)
	binary.BigEndian.PutUint16(wire[len(owner):], typ)
	binary.BigEndian.PutUint32(wire[len(owner)+4:], ttl)
	wire = append(binary.BigEndian.AppendUint16(wire, uint16(len(data))), data...)
	rr, _, err := dns.UnpackRR(wire, 0)
	if err != nil {
		t.Fatal(err)
	}
	if typ != dns.TypeNSEC3 {
		z.data[owner][typ] = append(z.data[owner][typ], rr)
	}
	return rr
}

// cutOf finds the zone cut at or above a name.
func (z *refZone) cutOf(n name) (name, bool) {
	for _, n := range n.down(z.apex)[1:] {
		if z.has(n, dns.TypeNS) {
			return n, true
		}
	}
	return "", false
}

// key is what sorts as a chain does: the hash, or the labels from the root down
// so that shorter ones sort first (RFC 4034 section 6.1).
func (s *refSigned) key(n name) string {
	if s.hashed {
		return strings.ToLower(dns.HashName(n.String(), dns.SHA1, 0, ""))
	}
	key := ""
	for ; n != root; n = n.parent() {
		label := hex.EncodeToString([]byte(n[1 : 1+n[0]])) // hexadecimal sorts as the octets do
		key = label + "!" + key                            // and "!" before all of it
	}
	return key
}

// link makes the NSEC or NSEC3 record of a name.
func (z *refZone) link(t testing.TB, s *steer.State, n name) {
	i, _ := z.sec.find(n)
	next := z.sec.chain[(i+1)%len(z.sec.chain)].key
	types := z.types(s, n)
	_, delegated := z.cutOf(n)
	if !z.sec.hashed {
		types = append(types, dns.TypeRRSIG, dns.TypeNSEC)
		slices.Sort(types)
		data := dnssec.AppendBitmap([]byte(nameOfKey(next)), types)
		z.sec.chain[i].rr = z.rr(t, n, dns.TypeNSEC, z.sec.none, data)
		return
	}
	if len(types) > 0 && (!delegated || z.has(n, dns.TypeDS)) {
		types = append(types, dns.TypeRRSIG)
	}
	slices.Sort(types)
	hash, ok := dnssec.ParseLabel([]byte(next))
	if !ok {
		t.Fatalf("hash %q", next)
	}
	data := append([]byte{1, 0, 0, 0, 0, 20}, hash[:]...)
	owner := name(string(rune(32)) + z.sec.chain[i].key + string(z.apex))
	z.sec.chain[i].rr = z.rr(t, owner, dns.TypeNSEC3, z.sec.none, dnssec.AppendBitmap(data, types))
}

// nameOfKey turns a key of an NSEC chain back into the name.
func nameOfKey(key string) (n name) {
	n = root
	for label := range strings.SplitSeq(strings.TrimSuffix(key, "!"), "!") {
		octets, err := hex.DecodeString(label)
		if err != nil {
			panic(err)
		}
		if len(octets) > 0 {
			n = name(append([]byte{byte(len(octets))}, octets...)) + n
		}
	}
	return n
}

// types lists those of a name for which the zone has authority, but NSEC and
// RRSIG.
func (z *refZone) types(s *steer.State, n name) (types []uint16) {
	_, delegated := z.cutOf(n)
	for typ := range z.data[n] {
		if !delegated || typ == dns.TypeNS || typ == dns.TypeDS {
			types = append(types, typ)
		}
	}
	g, ok := z.geo[n]
	if !ok {
		return types
	}
	ref, err := s.Find(g.ref)
	if err != nil {
		return types
	}
	info := s.Set().Info(ref)
	for typ, has := range map[uint16]bool{dns.TypeA: info.A, dns.TypeAAAA: info.AAAA, dns.TypeCNAME: info.OnlyCNAME} {
		if has {
			types = append(types, typ)
		}
	}
	return types
}

// find gives the place of a name's record in the chain, or of the one that
// covers it.
func (s *refSigned) find(n name) (i int, match bool) {
	key := s.key(n)
	for i := range s.chain {
		if s.chain[i].key == key {
			return i, true
		}
	}
	i = len(s.chain) - 1
	for j := range s.chain {
		if s.chain[j].key < key {
			i = j
		}
	}
	return i, false
}

// prove adds the record that matches or covers a name to the authority section,
// once.
func (l *refLookup) prove(z *refZone, n name) (match bool) {
	i, match := z.sec.find(n)
	rr := z.sec.chain[i].rr
	for _, have := range l.late {
		if canon(have) == canon(rr) {
			return match
		}
	}
	l.late = append(l.late, rr, z.placeholder(rr, nameOf(rr.Header().Name), rr.Header().Ttl))
	return match
}

// closer proves that nothing lies between a name and the closest encloser.
func (l *refLookup) closer(z *refZone, encloser name, hashed bool) {
	path := l.name.down(encloser)
	if hashed {
		l.prove(z, path[1])
	} else {
		l.prove(z, l.name)
	}
}

// deny proves a negative answer: RFC 4035 section 3.1.3, RFC 5155 section 7.2.
func (l *refLookup) deny(z *refZone, rcode int, at outcome) {
	if z.sec == nil || !l.q.do {
		return
	}
	hashed := z.sec.hashed
	switch {
	case rcode == dns.RcodeNameError:
		if hashed {
			l.prove(z, at.node)
		}
		l.closer(z, at.node, hashed)
		l.prove(z, "\x01*"+at.node)
	case at.kind == "wildcard":
		if hashed {
			l.prove(z, at.node.parent())
		}
		l.closer(z, at.node.parent(), hashed)
		l.prove(z, at.node)
	default: // an empty non-terminal has no NSEC record: one covers it
		l.prove(z, at.node)
	}
}

// expand proves that a wildcard may answer.
func (l *refLookup) expand(z *refZone, at outcome) {
	if z.sec != nil && l.q.do && at.kind == "wildcard" {
		l.closer(z, at.node.parent(), z.sec.hashed)
	}
}

// denyDS proves that a delegation is not signed.
func (l *refLookup) denyDS(z *refZone, cut name) {
	if z.sec != nil && l.q.do {
		l.prove(z, cut)
	}
}

// signed is an RRset of a node and, if the zone has authority for it, its
// signature.
func (l *refLookup) signed(z *refZone, node name, set []dns.RR) []dns.RR {
	if z.sec == nil || !l.q.do || len(set) == 0 {
		return set
	}
	if _, delegated := z.cutOf(node); delegated && set[0].Header().Rrtype != dns.TypeDS {
		return set
	}
	original := set[0].Header().Ttl
	if have := z.data[node][set[0].Header().Rrtype]; len(have) > 0 {
		original = have[0].Header().Ttl
	}
	return append(slices.Clip(set), z.placeholder(set[0], node, original))
}

// placeholder is a signature of an RRset of node without what is not predicted.
func (z *refZone) placeholder(rr dns.RR, node name, original uint32) dns.RR {
	labels := dns.CountLabel(node.String())
	if strings.HasPrefix(string(node), "\x01*") {
		labels--
	}
	h := *rr.Header()
	covered := h.Rrtype
	h.Rrtype, h.Rdlength = dns.TypeRRSIG, 0
	key := z.sec.keys[0]
	return &dns.RRSIG{
		Hdr: h, TypeCovered: covered, Algorithm: key.Algorithm, Labels: uint8(labels), OrigTtl: original,
		KeyTag: key.KeyTag(), SignerName: z.apex.String(),
	}
}

// masked is a record without what the reference does not predict of it.
func masked(rr dns.RR) dns.RR {
	sig, ok := rr.(*dns.RRSIG)
	if !ok {
		return rr
	}
	sig = dns.Copy(sig).(*dns.RRSIG)
	sig.Inception, sig.Expiration, sig.Signature = 0, 0, ""
	return sig
}

// geoSigned is the signature of a pool's answer.
func (l *refLookup) geoSigned(z *refZone, node name, typ uint16, original, ttl uint32) []dns.RR {
	if z.sec == nil || !l.q.do {
		return nil
	}
	h := l.header(typ, ttl)
	return []dns.RR{z.placeholder(&dns.ANY{Hdr: h}, node, original)}
}

// signingType answers for NSEC and RRSIG, which stand beside all other types.
func (l *refLookup) signingType(z *refZone, at outcome) bool {
	switch {
	case z.sec == nil:
		return false
	case l.q.typ == dns.TypeNSEC && z.has(at.node, dns.TypeNSEC):
		set := z.set(at.node, dns.TypeNSEC, l.name)
		l.out.answer = append(l.out.answer, l.signed(z, at.node, set)...)
		l.expand(z, at)
		return true
	case l.q.typ == dns.TypeRRSIG:
		return l.onlySignature(z, at)
	}
	return false
}

func (l *refLookup) onlySignature(z *refZone, at outcome) bool {
	var types []int
	for typ := range z.data[at.node] {
		types = append(types, int(typ))
	}
	sort.Ints(types)
	if len(types) > 0 {
		set := z.set(at.node, uint16(types[0]), l.name)
		l.out.answer = append(l.out.answer, z.placeholder(set[0], at.node, set[0].Header().Ttl))
		l.expand(z, at)
		return true
	}
	g, ok := z.geo[at.node]
	if !ok {
		return false
	}
	if l.q.tellsOne && len(l.past) > 0 {
		return true
	}
	was, late, chain := l.q, l.late, len(l.out.answer)
	l.q.typ, l.q.do = dns.TypeANY, true
	l.geo(z, g, at)
	l.q = was
	if n := len(l.out.answer); n > chain {
		l.out.answer = append(l.out.answer[:chain:chain], l.out.answer[n-1])
		if !was.do {
			l.late = late // signatures were asked for, proofs were not
		}
	}
	return true
}

// unverified lists the signatures of a reply that do not verify.
func (s *refServer) unverified(list []part) (wrong []string) {
	for _, p := range list {
		sig, ok := p.rr.(*dns.RRSIG)
		if !ok {
			continue
		}
		set := covered(list, p.section, sig, func(a, b string) bool { return a == b })
		if len(set) == 0 {
			set = covered(list, p.section, sig, strings.EqualFold)
		}
		if len(set) == 0 && len(list) > 0 {
			continue // RRSIG was asked for
		}
		if err := s.verify(sig, set); err != nil {
			wrong = append(wrong, fmt.Sprintf("%s: %v", sig, err))
		}
	}
	return wrong
}

// covered lists the records of a section that a signature is of, by their owner. A chain may meet the same RRset twice,
// spelled in two ways.
func covered(list []part, section int, sig *dns.RRSIG, same func(a, b string) bool) (set []dns.RR) {
	for _, o := range list {
		if h := o.rr.Header(); o.section == section && h.Rrtype == sig.TypeCovered && same(h.Name, sig.Hdr.Name) {
			set = append(set, o.rr)
		}
	}
	return set
}

func (s *refServer) verify(sig *dns.RRSIG, set []dns.RR) error {
	z := s.zones[nameOf(sig.SignerName)]
	if z == nil || z.sec == nil {
		return fmt.Errorf("no signed zone %s", sig.SignerName)
	}
	if sig.Labels == 0 && sig.Hdr.Name != "." {
		return nil // the library cannot tell what a wildcard below the root signs
	}
	for _, key := range z.sec.keys {
		if key.KeyTag() == sig.KeyTag {
			return sig.Verify(key, set)
		}
	}
	return fmt.Errorf("no key %d", sig.KeyTag)
}

// signableGeo is geoZone without the pool that no signed zone may name.
var signableGeo = signable(geoZone)

// signable is the text of a zone without GEO records that may not stand in a
// signed one.
func signable(text string) string {
	var kept bytes.Buffer
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[len(f)-2] == "GEO" && f[len(f)-1] == "mix" {
			continue
		}
		kept.WriteString(line)
	}
	return kept.String()
}
