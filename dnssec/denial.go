package dnssec

import "crypto/sha1"

// AppendBitmap appends the type bitmap of NSEC and NSEC3 records (RFC 4034
// section 4.1.2). The types must stand in ascending order, each once.
func AppendBitmap(dst []byte, types []uint16) []byte {
	for i := 0; i < len(types); {
		window := types[i] >> 8
		var bits [32]byte
		size := 0
		for ; i < len(types) && types[i]>>8 == window; i++ {
			at := int(types[i] & 0xff)
			bits[at/8] |= 0x80 >> (at % 8)
			size = at/8 + 1
		}
		dst = append(dst, byte(window), byte(size))
		dst = append(dst, bits[:size]...)
	}
	return dst
}

// HasType tells whether a type bitmap, which may be malformed, lists a type.
func HasType(bitmap []byte, typ uint16) bool {
	for len(bitmap) >= 2 {
		window, size := bitmap[0], int(bitmap[1])
		if size+2 > len(bitmap) {
			return false
		}
		if window == byte(typ>>8) {
			at := int(typ & 0xff)
			return at/8 < size && bitmap[2+at/8]&(0x80>>(at%8)) != 0
		}
		bitmap = bitmap[2+size:]
	}
	return false
}

// HashSize is the length of an NSEC3 hash in octets.
const HashSize = sha1.Size

// maxSalt is the longest salt of NSEC3 in octets.
const maxSalt = 255

// Hash is the NSEC3 hash of a name in wire form and lower case (RFC 5155
// section 5). It allocates nothing.
func Hash(name, salt []byte, iterations uint16) [HashSize]byte {
	var buf [255 + maxSalt]byte
	n := copy(buf[:255], name)
	n += copy(buf[n:], salt)
	sum := sha1.Sum(buf[:n])
	for range iterations {
		copy(buf[:], sum[:])
		n = HashSize + copy(buf[HashSize:], salt)
		sum = sha1.Sum(buf[:n])
	}
	return sum
}

// LabelSize is the length of a hash as a label, its length octet left out.
const LabelSize = 32

const base32hex = "0123456789abcdefghijklmnopqrstuv"

// AppendLabel appends a hash as the first label of an NSEC3 owner, length octet
// in front: base32 with the extended hex alphabet, lower case (RFC 5155
// section 3).
func AppendLabel(dst []byte, hash *[HashSize]byte) []byte {
	dst = append(dst, LabelSize)
	for i := 0; i < HashSize; i += 5 {
		v := uint64(hash[i])<<32 | uint64(hash[i+1])<<24 | uint64(hash[i+2])<<16 | uint64(hash[i+3])<<8 | uint64(hash[i+4])
		for shift := 35; shift >= 0; shift -= 5 {
			dst = append(dst, base32hex[v>>shift&31])
		}
	}
	return dst
}

// ParseLabel reads what AppendLabel writes, without the length octet, in any
// case.
func ParseLabel(label []byte) (hash [HashSize]byte, ok bool) {
	if len(label) != LabelSize {
		return hash, false
	}
	for i := range 4 {
		v := uint64(0)
		for _, c := range label[i*8 : i*8+8] {
			d := digit(c)
			if d > 31 {
				return hash, false
			}
			v = v<<5 | uint64(d)
		}
		for k := range 5 {
			hash[i*5+k] = byte(v >> (32 - 8*k))
		}
	}
	return hash, true
}

func digit(c byte) byte {
	switch {
	case c-'0' < 10:
		return c - '0'
	case c|0x20-'a' < 22 && c|0x20 >= 'a':
		return c | 0x20 - 'a' + 10
	}
	return 255
}
