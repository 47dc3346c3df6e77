package zones

import (
	"encoding/binary"

	"github.com/meridian-dns/meridian/dnssec"
)

// secured is what only a signed zone has.
type secured struct {
	signer  *dnssec.Signer // nil: signed elsewhere
	expires uint32         // the earliest expiration of a signature
	shelf   shelf          // of data, if signed here

	chain []uint32 // NSEC: the nodes that own one, in canonical order
	keys  []uint64 // of chain: sortKey's first half

	hashes     [][dnssec.HashSize]byte // NSEC3: of the owners, ascending
	owners     []uint32                // of hashes: the nodes; nil if signed elsewhere
	sets       []rrset                 // of hashes; the owner's name stands in front of each
	salt       []byte
	iterations uint16
}

// Signed tells whether the zone's RRsets have signatures.
func (z *Zone) Signed() bool { return z.secured != nil }

// Signer is what signed the zone, and signs the answers of its GEO names; nil
// if the zone is not signed, or was signed elsewhere.
func (z *Zone) Signer() *dnssec.Signer {
	if z.secured == nil {
		return nil
	}
	return z.secured.signer
}

// Expires is when the first of the zone's signatures expires, in Unix seconds;
// 0 if the zone is not signed.
func (z *Zone) Expires() int64 {
	if z.secured == nil {
		return 0
	}
	return int64(z.secured.expires)
}

// resign is when the zone has to be signed anew, in Unix seconds; 0: never.
func (z *Zone) resign() int64 {
	s := z.Signer()
	if s == nil {
		return 0
	}
	at := s.Due(z.secured.expires)
	if next := s.Plan().Next; !next.IsZero() {
		at = min(at, next.Unix())
	}
	return at
}

// SigCount is the number of RRSIG RRs in Signatures.
func (r RRset) SigCount() int { return int(r.set.sigs) }

// Signatures is the RRSIG RRs that cover the RRset, in the form of Wire and
// directly behind it, with the RRset's TTL. Empty if it is not signed: in a
// zone without signatures, at a zone cut but for DS, and below one. Not to be
// written to.
func (r RRset) Signatures() []byte {
	from := r.set.wire + uint32(r.set.size)
	return r.zone.data[from : from+r.zone.sigSize(r.set)]
}

// Secured is Wire and, behind it, Signatures.
func (r RRset) Secured() []byte {
	return r.zone.data[r.set.wire : r.set.wire+uint32(r.set.size)+r.zone.sigSize(r.set)]
}

func (z *Zone) sigSize(set *rrset) uint32 {
	from := set.wire + uint32(set.size)
	at := from
	for range set.sigs {
		at += rrHeader + uint32(binary.BigEndian.Uint16(z.data[at+rrHeader-2:]))
	}
	return at - from
}

// Where the fields of RRSIG RDATA start, from the RR's first octet (RFC 4034
// section 3.1).
const (
	sigCovered    = rrHeader
	sigExpiration = rrHeader + 8
	sigInception  = rrHeader + 12
	sigSigner     = rrHeader + 18
)
