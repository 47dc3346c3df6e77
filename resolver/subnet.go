package resolver

import "net/netip"

// Address families (IANA), as the client subnet option counts them.
const (
	familyIPv4 = 1
	familyIPv6 = 2
)

// subnet is the client subnet of a query (RFC 7871 section 6), and the scope
// of its answer.
type subnet struct {
	present bool
	family  uint8
	source  uint8
	scope   uint8
	at      uint16   // where the option's data stands in the query
	size    uint8    // of the data
	octets  [16]byte // the address, filled up with zeros
}

// parse takes the option's data, which stands at an offset of the query, and
// tells whether it is well-formed: a known family, just the octets that SOURCE
// needs, no bits set beyond it, SCOPE 0, and only once. FAMILY 0 goes with
// SOURCE 0: dig writes "+subnet=0" so.
func (s *subnet) parse(data []byte, at int) bool {
	if len(data) < 4 || s.present {
		return false
	}
	family, source, scope := u16(data, 0), int(data[2]), data[3]
	addr := data[4:]
	if scope != 0 || len(addr) != (source+7)/8 || !clearBeyond(addr, source) {
		return false
	}
	switch {
	case family == familyIPv4 && source <= 32:
	case family == familyIPv6 && source <= 128:
	case family != 0 || source != 0:
		return false
	}
	copy(s.octets[:], addr)
	s.present, s.family, s.source = true, uint8(family), uint8(source)
	s.at, s.size = uint16(at), uint8(len(data))
	return true
}

// addr is the address; not valid where the query names no family.
func (s *subnet) addr() netip.Addr {
	switch s.family {
	case familyIPv4:
		return netip.AddrFrom4([4]byte(s.octets[:4]))
	case familyIPv6:
		return netip.AddrFrom16(s.octets)
	}
	return netip.Addr{}
}

// clearBeyond tells whether no bit is set in b beyond a length in bits.
func clearBeyond(b []byte, bits int) bool {
	return bits%8 == 0 || b[len(b)-1]<<(bits%8) == 0
}

// write echoes FAMILY, SOURCE and ADDRESS of a query, and tells the scope.
func (s *subnet) write(dst, msg []byte) int {
	copy(dst, msg[s.at:])
	dst[3] = s.scope
	return len(dst)
}

// given tells whether the query names a client: SOURCE 0 asks not to be told
// apart (RFC 7871 section 7.1.2).
func (s *subnet) given() bool { return s.present && s.source > 0 }
