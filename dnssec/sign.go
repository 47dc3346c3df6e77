package dnssec

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// Options say how a zone is signed. A zero duration takes its default.
type Options struct {
	Validity time.Duration // from signing to expiry; default 14 days
	Refresh  time.Duration // a signature is made anew this long before its expiry; default 5 days
	Jitter   time.Duration // signatures made together expire spread over this time, earlier than Validity; default 2 days
	Backdate time.Duration // inception lies this long before signing, for clocks that are slow; default 1 hour
	KeyTTL   time.Duration // TTL of the DNSKEY, CDS and CDNSKEY RRsets; default 1 hour
	NSEC3    bool          // deny by NSEC3 with 0 iterations and no salt (RFC 9276), not by NSEC
}

func (o Options) withDefaults() Options {
	const day = 24 * time.Hour
	for _, d := range []struct {
		field    *time.Duration
		fallback time.Duration
	}{{&o.Validity, 14 * day}, {&o.Refresh, 5 * day}, {&o.Jitter, 2 * day}, {&o.Backdate, time.Hour}, {&o.KeyTTL, time.Hour}} {
		if *d.field <= 0 {
			*d.field = d.fallback
		}
	}
	return o
}

// slack is how long before it is due a signature is made anew together with
// others: so that a zone is signed a piece at a time, not for each signature.
func (o *Options) slack() time.Duration { return o.Jitter / 16 }

// Check tells what is wrong with options.
func (o Options) Check() error {
	o = o.withDefaults()
	if o.Refresh+o.Jitter+o.slack() >= o.Validity {
		return fmt.Errorf("signatures valid for %v would be renewed at once: the time before expiry at which they are renewed, %v, and the spread of expiry, %v, have to leave room", o.Validity, o.Refresh, o.Jitter)
	}
	return nil
}

// Signer signs the RRsets of one zone under one Plan. Safe for concurrent use.
type Signer struct {
	origin string
	plan   Plan
	o      Options
	cache  *Cache
	keys   []signingKey // of all that sign, zone signers first
	zone   int          // how many of them are zone signers
	marks  [2][sha256.Size]byte
	failed atomic.Pointer[error] // of the last signature that could not be made
	made   atomic.Int64
}

// signingKey is a key with what each of its signatures repeats.
type signingKey struct {
	*Key
	tag  uint16
	mark [sha256.Size]byte // of the key and the signer's name
}

// maxSigners is how many keys sign an RRset at most: zones count its signatures
// in an octet, and validators give up long before.
const maxSigners = 255

// NewSigner makes the signer of a zone; origin is its apex in wire form and
// lower case. The cache may be nil.
func NewSigner(origin string, p Plan, o Options, c *Cache) (*Signer, error) {
	if len(p.KeySigners) == 0 || len(p.ZoneSigners) == 0 {
		return nil, errors.New("no key signs the zone now")
	}
	if n := max(len(p.KeySigners), len(p.ZoneSigners)); n > maxSigners {
		return nil, fmt.Errorf("%d keys sign at once, and no more than %d can", n, maxSigners)
	}
	s := &Signer{origin: origin, plan: p, o: o.withDefaults(), cache: c, zone: len(p.ZoneSigners)}
	if err := o.Check(); err != nil {
		return nil, err
	}
	for _, k := range append(append([]*Key(nil), p.ZoneSigners...), p.KeySigners...) {
		mark := sha256.Sum256(append(append([]byte(origin), byte(len(origin))), k.DNSKEY()...))
		s.keys = append(s.keys, signingKey{k, k.Tag(), mark})
	}
	s.marks = [2][sha256.Size]byte{marked(s.keys[:s.zone]), marked(s.keys[s.zone:])}
	return s, nil
}

// marked is what tells sets of keys apart.
func marked(keys []signingKey) [sha256.Size]byte {
	var all []byte
	for _, k := range keys {
		all = append(all, k.mark[:]...)
	}
	return sha256.Sum256(all)
}

// Origin is the apex of the zone in wire form, lower case.
func (s *Signer) Origin() string { return s.origin }

// Plan is what the signer was made of.
func (s *Signer) Plan() Plan { return s.plan }

// Options are those in force, defaults filled in.
func (s *Signer) Options() Options { return s.o }

// Made counts the signatures made so far, those from the cache left out.
func (s *Signer) Made() int { return int(s.made.Load()) }

// Err is why the last signature that was wanted could not be made; nil if all
// could. An older signature stands in its place if one is still valid.
func (s *Signer) Err() error {
	if err := s.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// Same tells whether the signatures of o over RRsets of a type are those of s:
// of the same zone and by the same keys.
func (s *Signer) Same(o *Signer, typ uint16) bool {
	if s == o {
		return true
	}
	i := s.group(typ)
	return o != nil && s.marks[i] == o.marks[i]
}

// group is 1 for the types that the keys with a DS sign, 0 for all others.
func (s *Signer) group(typ uint16) int {
	if typ == typeDNSKEY || typ == typeCDS || typ == typeCDNSKEY {
		return 1
	}
	return 0
}

func (s *Signer) signers(typ uint16) []signingKey {
	if s.group(typ) == 1 {
		return s.keys[s.zone:]
	}
	return s.keys[:s.zone]
}

// Signatures is how many signatures an RRset of a type gets.
func (s *Signer) Signatures(typ uint16) int { return len(s.signers(typ)) }

// Size is how long all RRSIG RDATA of an RRset of a type is, in octets.
func (s *Signer) Size(typ uint16) int {
	size := 0
	for _, k := range s.signers(typ) {
		size += sigHeader + len(s.origin) + k.signatureSize()
	}
	return size
}

// signatureSize is the length of the signature field in octets.
func (k *Key) signatureSize() int {
	switch k.Algorithm {
	case ECDSAP384SHA384:
		return 96
	case RSASHA256:
		return len(k.Public) - rsaExponent(k.Public)
	}
	return 64
}

// rsaExponent is the length of what stands before the modulus (RFC 3110
// section 2).
func rsaExponent(public []byte) int {
	if public[0] != 0 {
		return 1 + int(public[0])
	}
	return 3 + int(public[1])<<8 + int(public[2])
}

// sigHeader is the length of RRSIG RDATA up to the signer's name.
const sigHeader = 18

// Due is the Unix second from which on a signature with an expiration has to be
// made anew.
func (s *Signer) Due(expiration uint32) int64 {
	return int64(expiration) - int64(s.o.Refresh/time.Second)
}

// Fresh tells whether a signature may stay at a Unix second.
func (s *Signer) Fresh(inception, expiration uint32, now int64) bool {
	return int64(inception) <= now && s.Due(expiration)-int64(s.o.slack()/time.Second) > now
}

// Sign appends the RDATA of the RRSIG records of an RRset to dst, one for each
// key that signs its type. owner is in wire form and lower case, the RDATA
// canonical as Lower gives it; it is sorted here. now is in Unix seconds. A
// signature of the same content that is still fresh is taken from the cache.
// If signing fails, the last valid one is, and Err tells; without any, Sign
// fails. It stands back while others of the same cache are in a hurry.
func (s *Signer) Sign(dst [][]byte, owner []byte, typ uint16, ttl uint32, rdata [][]byte, now int64) ([][]byte, error) {
	return s.sign(dst, owner, typ, ttl, rdata, now, false)
}

// SignNow is Sign for what answers wait for: it stands back for nobody.
func (s *Signer) SignNow(dst [][]byte, owner []byte, typ uint16, ttl uint32, rdata [][]byte, now int64) ([][]byte, error) {
	return s.sign(dst, owner, typ, ttl, rdata, now, true)
}

func (s *Signer) sign(dst [][]byte, owner []byte, typ uint16, ttl uint32, rdata [][]byte, now int64, urgent bool) ([][]byte, error) {
	SortRDATA(rdata)
	size := sigHeader + len(s.origin)
	for _, data := range rdata {
		size += len(owner) + 10 + len(data)
	}
	buf := make([]byte, sigHeader+len(s.origin), size)
	buf = appendRRs(buf, owner, typ, ttl, rdata)
	head := buf[:sigHeader+len(s.origin)]
	binary.BigEndian.PutUint16(head, typ)
	head[3] = byte(countLabels(owner))
	binary.BigEndian.PutUint32(head[4:], ttl)
	copy(head[sigHeader:], s.origin)
	for _, k := range s.signers(typ) {
		head[2] = byte(k.Algorithm)
		binary.BigEndian.PutUint16(head[16:], k.tag)
		sig, err := s.one(k, buf, now, urgent)
		if err != nil {
			return dst, err
		}
		dst = append(dst, sig)
	}
	return dst, nil
}

// one makes the RRSIG RDATA of one key over buf, whose head lacks the times.
// One that is not urgent stands back.
func (s *Signer) one(k signingKey, buf []byte, now int64, urgent bool) ([]byte, error) {
	hash := contentHash(&k.mark, buf[sigHeader+len(s.origin):])
	size := k.signatureSize()
	old, cached := s.cache.get(hash, size)
	if cached && s.Fresh(old.inception, old.expiration, now) {
		s.cache.worked(false, 0)
		return s.rdata(buf, old), nil
	}
	if !urgent {
		s.cache.standBack()
	}
	spread := int64(binary.BigEndian.Uint64(hash[:]) % uint64(s.o.Jitter/time.Second+1))
	fresh := signature{
		inception:  uint32(now - int64(s.o.Backdate/time.Second)),
		expiration: uint32(now + int64(s.o.Validity/time.Second) - spread),
	}
	s.times(buf, fresh)
	var err error
	begun := time.Now()
	if fresh.octets, err = k.Sign(make([]byte, 0, size), buf); err == nil && len(fresh.octets) != size {
		err = fmt.Errorf("key %d signs with %d octets, not %d", k.tag, len(fresh.octets), size)
	}
	if err != nil {
		s.failed.Store(&err)
		s.cache.failing()
		if cached && int64(old.expiration) > now {
			return s.rdata(buf, old), nil
		}
		return nil, err
	}
	s.made.Add(1)
	s.cache.worked(true, time.Since(begun))
	s.cache.put(hash, fresh)
	return s.rdata(buf, fresh), nil
}

func (s *Signer) times(buf []byte, sig signature) {
	binary.BigEndian.PutUint32(buf[8:], sig.expiration)
	binary.BigEndian.PutUint32(buf[12:], sig.inception)
}

// rdata is RRSIG RDATA in memory of its own.
func (s *Signer) rdata(buf []byte, sig signature) []byte {
	s.times(buf, sig)
	head := buf[:sigHeader+len(s.origin)]
	return append(append(make([]byte, 0, len(head)+len(sig.octets)), head...), sig.octets...)
}

// signature is what the cache keeps.
type signature struct {
	inception, expiration uint32
	octets                []byte
}

// contentHash tells contents that are signed apart: the RRs as they are signed,
// and the key.
func contentHash(mark *[sha256.Size]byte, rrs []byte) (hash hash128) {
	h := sha256.New()
	h.Write(mark[:])
	h.Write(rrs)
	var sum [sha256.Size]byte
	copy(hash[:], h.Sum(sum[:0]))
	return hash
}
