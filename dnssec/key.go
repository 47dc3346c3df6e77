package dnssec

import (
	"crypto"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
)

// Role says what a key signs.
type Role uint8

// The roles of keys. A CSK is a KSK and a ZSK in one.
const (
	CSK Role = iota
	KSK
	ZSK
)

// String is the role as people write it.
func (r Role) String() string { return [...]string{"CSK", "KSK", "ZSK"}[r] }

// ParseRole reads what String writes, in any case.
func ParseRole(s string) (Role, error) {
	for _, r := range []Role{CSK, KSK, ZSK} {
		if strings.EqualFold(s, r.String()) {
			return r, nil
		}
	}
	return 0, fmt.Errorf("%q is none of CSK, KSK, ZSK", s)
}

// HasDS tells whether the parent has a DS for keys of this role; they sign the DNSKEY, CDS and CDNSKEY RRsets.
func (r Role) HasDS() bool { return r != ZSK }

// SignsZone tells whether keys of this role sign everything but the DNSKEY, CDS and CDNSKEY RRsets.
func (r Role) SignsZone() bool { return r != KSK }

// Flags of DNSKEY records (RFC 4034 section 2.1.1).
const (
	flagZone   = 0x0100
	flagRevoke = 0x0080 // RFC 5011 section 3
	flagSEP    = 0x0001
)

// Times are the moments of a key's life, absolute and to the second; a zero one has not been decided. The names are
// those of BIND's key files.
type Times struct {
	Created     time.Time
	Publish     time.Time // its DNSKEY is published from here on; one with a DS signs the DNSKEY RRset too
	Activate    time.Time // it signs the zone from here on
	Inactive    time.Time // it no longer signs the zone
	Delete      time.Time // its DNSKEY is no longer published, and it signs nothing
	SyncPublish time.Time // its CDS and CDNSKEY are published from here on
	SyncDelete  time.Time // and no longer from here on
	DSPublish   time.Time // its DS was seen at every server of the parent
	DSDelete    time.Time // its DS was seen to be gone from every server of the parent
}

// Key is one key pair of a zone.
type Key struct {
	Flags     uint16
	Algorithm Algorithm
	Public    []byte // the public key field of its DNSKEY
	Role      Role
	Times     Times

	private crypto.Signer
}

// Generate makes a new key pair.
func Generate(a Algorithm, role Role, times Times) (*Key, error) {
	private, err := a.generate()
	if err != nil {
		return nil, err
	}
	return newKey(a, role, times, private)
}

// newKey is the key of a private part.
func newKey(a Algorithm, role Role, times Times, private crypto.Signer) (*Key, error) {
	public, err := a.public(private)
	if err != nil {
		return nil, err
	}
	k := &Key{Flags: flagZone, Algorithm: a, Public: public, Role: role, Times: times, private: private}
	if role.HasDS() {
		k.Flags |= flagSEP
	}
	return k, nil
}

// DNSKEY is the RDATA of the key's DNSKEY record (RFC 4034 section 2.1).
func (k *Key) DNSKEY() []byte {
	const protocol = 3
	data := binary.BigEndian.AppendUint16(make([]byte, 0, 4+len(k.Public)), k.Flags)
	return append(append(data, protocol, byte(k.Algorithm)), k.Public...)
}

// Tag is the key tag (RFC 4034 appendix B).
func (k *Key) Tag() uint16 {
	var sum uint32
	for i, c := range k.DNSKEY() {
		if i&1 == 0 {
			sum += uint32(c) << 8
		} else {
			sum += uint32(c)
		}
	}
	return uint16(sum + sum>>16&0xffff)
}

// Sign appends to dst the signature field of an RRSIG record over data, which is what RFC 4034 section 3.1.8.1 says is
// signed. It is safe for concurrent use.
func (k *Key) Sign(dst, data []byte) ([]byte, error) {
	signature, err := k.Algorithm.sign(dst, k.private, data)
	if err != nil {
		return dst, fmt.Errorf("sign with key %d: %w", k.Tag(), err)
	}
	return signature, nil
}
