package server

import "encoding/binary"

const (
	headerSize = 12

	flagQR     = 0x80 // octet 2
	flagOpcode = 0x78
	flagTC     = 0x02
	flagRD     = 0x01

	servFail = 2
	typeOPT  = 41
	optSize  = 11
)

// servfail writes the answer of last resort to query into dst (at least 512 bytes): the header, the question
// if it can be read, and OPT if the query's comes right after it (RFC 6891 section 6.1.1). It returns the
// length, 0 where nothing may be answered.
func servfail(dst, query []byte) int {
	if len(query) < headerSize || query[2]&flagQR != 0 {
		return 0
	}
	clear(dst[:headerSize])
	copy(dst, query[:2])
	dst[2] = flagQR | query[2]&flagOpcode
	if query[2]&flagOpcode == 0 {
		dst[2] |= query[2] & flagRD
	}
	dst[3] = servFail
	end := questionEnd(query)
	if end == 0 {
		return headerSize
	}
	dst[5] = 1
	n := headerSize + copy(dst[headerSize:], query[headerSize:end])
	if do, ok := leadingOPT(query, end); ok {
		dst[11] = 1
		n += copy(dst[n:], []byte{0, 0, typeOPT, answerSize >> 8, answerSize & 0xff, 0, 0, do, 0, 0, 0})
	}
	return n
}

// questionEnd returns where the only question ends, 0 if there is not one or it cannot be read.
func questionEnd(msg []byte) int {
	if binary.BigEndian.Uint16(msg[4:]) != 1 {
		return 0
	}
	at := headerSize
	for at < len(msg) && at-headerSize < 255 {
		length := int(msg[at])
		at++
		if length == 0 {
			break
		}
		if length > 63 {
			return 0
		}
		at += length
	}
	if at-headerSize > 255 || at+4 > len(msg) || msg[at-1] != 0 {
		return 0
	}
	return at + 4
}

// leadingOPT tells whether the records of msg, which start at at, begin with OPT, and returns its octet with
// the DO flag, the rest cleared.
func leadingOPT(msg []byte, at int) (do byte, ok bool) {
	if binary.BigEndian.Uint32(msg[6:]) != 0 || binary.BigEndian.Uint16(msg[10:]) == 0 || at+optSize > len(msg) {
		return 0, false
	}
	opt := msg[at : at+optSize]
	if opt[0] != 0 || opt[1] != 0 || opt[2] != typeOPT {
		return 0, false
	}
	return opt[7] & 0x80, true
}
