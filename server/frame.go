package server

import "encoding/binary"

// lengthSize is the size of the length in front of every message (RFC 1035 section 4.2.2).
const lengthSize = 2

// nextFrame cuts the first message off in; false if in does not hold all of it.
func nextFrame(in []byte) (msg, rest []byte, ok bool) {
	if missing(in) > 0 {
		return nil, in, false
	}
	end := lengthSize + int(binary.BigEndian.Uint16(in))
	return in[lengthSize:end:end], in[end:], true
}

// missing returns how many octets must be read before more is known of the message that in begins with: the
// rest of its length, or the rest of it; 0 if it is there.
func missing(in []byte) int {
	if len(in) < lengthSize {
		return lengthSize - len(in)
	}
	return max(0, lengthSize+int(binary.BigEndian.Uint16(in))-len(in))
}
