package dnssec

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"strings"
)

// Digest is a number of IANA's list "Digest Algorithms" of DS records.
type Digest uint8

// The digests that DS records are made with.
const (
	SHA256 Digest = 2
	SHA384 Digest = 4
)

// DS is the RDATA of the DS record by which a parent points to the key (RFC 4034 section 5.1).
func (k *Key) DS(origin string, d Digest) []byte {
	dnskey := k.DNSKEY()
	hashed := append(wireName(origin), dnskey...)
	data := binary.BigEndian.AppendUint16(nil, k.Tag())
	data = append(data, byte(k.Algorithm), byte(d))
	if d == SHA384 {
		sum := sha512.Sum384(hashed)
		return append(data, sum[:]...)
	}
	sum := sha256.Sum256(hashed)
	return append(data, sum[:]...)
}

// DSLine is the DS record as a line of a master file, as registrars ask for it.
func (k *Key) DSLine(origin string, d Digest) string {
	data := k.DS(origin, d)
	return fmt.Sprintf("%s IN DS %d %d %d %X", absolute(origin), k.Tag(), k.Algorithm, d, data[4:])
}

// absolute is a zone's name with its final dot.
func absolute(origin string) string { return strings.TrimSuffix(origin, ".") + "." }

// wireName is a zone's name in wire form. Zone names have no escapes.
func wireName(origin string) []byte {
	var wire []byte
	if origin := strings.TrimSuffix(origin, "."); origin != "" {
		for label := range strings.SplitSeq(strings.ToLower(origin), ".") {
			wire = append(append(wire, byte(len(label))), label...)
		}
	}
	return append(wire, 0)
}
