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
	source  uint8
	scope   uint8
	addr    netip.Addr // invalid when SOURCE is 0
	raw     []byte     // the option's data, in the query
}

// parse takes the option's data, and tells whether it is well-formed: a known
// family, just the octets that SOURCE needs, no bits set beyond it, SCOPE 0,
// and only once. FAMILY 0 goes with SOURCE 0: dig writes "+subnet=0" so.
func (s *subnet) parse(data []byte) bool {
	if len(data) < 4 || s.present {
		return false
	}
	family, source, scope := u16(data, 0), int(data[2]), data[3]
	addr := data[4:]
	if scope != 0 || len(addr) != (source+7)/8 || !clearBeyond(addr, source) {
		return false
	}
	var full [16]byte
	copy(full[:], addr)
	switch {
	case family == familyIPv4 && source <= 32:
		s.addr = netip.AddrFrom4([4]byte(full[:4]))
	case family == familyIPv6 && source <= 128:
		s.addr = netip.AddrFrom16(full)
	case family != 0 || source != 0:
		return false
	}
	s.present, s.source, s.raw = true, uint8(source), data
	return true
}

// clearBeyond tells whether no bit is set in b beyond a length in bits.
func clearBeyond(b []byte, bits int) bool {
	return bits%8 == 0 || b[len(b)-1]<<(bits%8) == 0
}

// write echoes FAMILY, SOURCE and ADDRESS, and tells the scope.
func (s *subnet) write(dst []byte) {
	copy(dst, s.raw)
	dst[3] = s.scope
}

// given tells whether the query names a client: SOURCE 0 asks not to be told
// apart (RFC 7871 section 7.1.2).
func (s *subnet) given() bool { return s.present && s.source > 0 }
