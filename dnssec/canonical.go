package dnssec

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Types that this package treats by name (IANA DNS parameters).
const (
	typeNS         = 2
	typeSOA        = 6
	typeDS         = 43
	typeRRSIG      = 46
	typeNSEC       = 47
	typeDNSKEY     = 48
	typeNSEC3      = 50
	typeNSEC3PARAM = 51
	typeCDS        = 59
	typeCDNSKEY    = 60
)

// Lower puts RDATA into canonical form, in place: the names in the RDATA of the
// types that RFC 4034 section 6.2 lists, but for those that RFC 6840 section
// 5.1 takes off the list, become lower case. The RDATA must be well-formed and
// its names uncompressed.
func Lower(typ uint16, rdata []byte) {
	head, names := namesOf(typ, rdata)
	for at := head; names > 0; names-- {
		at = lowerName(rdata, at)
	}
}

// namesOf tells where the names in RDATA start whose case does not count, and
// how many follow each other.
func namesOf(typ uint16, rdata []byte) (head, names int) {
	switch typ {
	case typeNS, 3, 4, 5, 7, 8, 9, 12, 39: // NS, MD, MF, CNAME, MB, MG, MR, PTR, DNAME
		return 0, 1
	case typeSOA, 14, 17: // SOA, MINFO, RP
		return 0, 2
	case 15, 18, 21, 36: // MX, AFSDB, RT, KX
		return 2, 1
	case 26: // PX
		return 2, 2
	case 33: // SRV
		return 6, 1
	case 24: // SIG
		return 18, 1
	case 35: // NAPTR: three character-strings stand before the name
		at := 4
		for range 3 {
			if at >= len(rdata) {
				return at, 0
			}
			at += 1 + int(rdata[at])
		}
		return at, 1
	}
	return 0, 0
}

// lowerName folds the name at an offset, and tells where it ends.
func lowerName(b []byte, at int) int {
	for at < len(b) && b[at] != 0 {
		end := min(at+1+int(b[at]), len(b))
		for i := at + 1; i < end; i++ {
			if c := b[i]; c-'A' < 26 {
				b[i] = c | 0x20
			}
		}
		at = end
	}
	return at + 1
}

// SortRDATA puts the RDATA of an RRset into canonical order (RFC 4034 section
// 6.3).
func SortRDATA(rdata [][]byte) {
	if len(rdata) > 1 {
		slices.SortFunc(rdata, bytes.Compare)
	}
}

// CompareNames orders two names in wire form and lower case canonically (RFC
// 4034 section 6.1): by label from the root, absent labels first.
func CompareNames(a, b []byte) int {
	var la, lb [128]uint8
	na, nb := labels(a, &la), labels(b, &lb)
	for na > 0 && nb > 0 {
		na--
		nb--
		x, y := int(la[na]), int(lb[nb])
		c := bytes.Compare(a[x+1:x+1+int(a[x])], b[y+1:y+1+int(b[y])])
		if c != 0 {
			return c
		}
	}
	return na - nb
}

// labels notes where the labels of a name start, and counts them.
func labels(name []byte, at *[128]uint8) int {
	n := 0
	for i := 0; i < len(name) && name[i] != 0 && n < len(at); i += 1 + int(name[i]) {
		at[n] = uint8(i)
		n++
	}
	return n
}

// countLabels is the Labels field of an RRSIG (RFC 4034 section 3.1.3): the
// root and a leading "*" are not counted.
func countLabels(owner []byte) int {
	var at [128]uint8
	n := labels(owner, &at)
	if len(owner) > 1 && owner[0] == 1 && owner[1] == '*' {
		n--
	}
	return n
}

// appendRRs appends the RRs of an RRset as they are signed (RFC 4034 section
// 3.1.8.1): rdata canonical and sorted, duplicates only once.
func appendRRs(dst, owner []byte, typ uint16, ttl uint32, rdata [][]byte) []byte {
	for i, data := range rdata {
		if i > 0 && bytes.Equal(data, rdata[i-1]) {
			continue
		}
		dst = append(dst, owner...)
		dst = binary.BigEndian.AppendUint16(dst, typ)
		dst = append(dst, 0, 1)
		dst = binary.BigEndian.AppendUint32(dst, ttl)
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(data)))
		dst = append(dst, data...)
	}
	return dst
}
