package dnstap

import (
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/server"
)

// Fields and values of dnstap.proto. A key is the field's number and how its value is written (0: a varint, 2: octets
// behind their length, 5: four octets, the lowest first).
const (
	keyIdentity = 1<<3 | 2
	keyVersion  = 2<<3 | 2
	keyMessage  = 14<<3 | 2
	keyKind     = 15 << 3
	kindMessage = 1

	keyType            = 1 << 3
	keyFamily          = 2 << 3
	keyProtocol        = 3 << 3
	keyQueryAddress    = 4<<3 | 2
	keyResponseAddress = 5<<3 | 2
	keyQueryPort       = 6 << 3
	keyResponsePort    = 7 << 3
	keyQuerySeconds    = 8 << 3
	keyQueryNanos      = 9<<3 | 5
	keyQueryMessage    = 10<<3 | 2
	keyResponseSeconds = 12 << 3
	keyResponseNanos   = 13<<3 | 5
	keyResponseMessage = 14<<3 | 2

	typeAuthQuery    = 1
	typeAuthResponse = 2
	familyINET       = 1
	familyINET6      = 2
	protocolUDP      = 1
	protocolTCP      = 2
)

// prefix encodes what every message begins with.
func prefix(identity, version string) []byte {
	var b []byte
	for _, f := range []struct {
		key  byte
		text string
	}{{keyIdentity, identity}, {keyVersion, version}} {
		if f.text != "" {
			b = append(b, f.key)
			b = binary.AppendUvarint(b, uint64(len(f.text)))
			b = append(b, f.text...)
		}
	}
	return append(b, keyKind, kindMessage)
}

// message encodes all of a message but the DNS message at its end, in memory that it keeps.
type message struct{ inner, whole []byte }

// query encodes the head of an AUTH_QUERY.
func (m *message) query(prefix []byte, x *server.Exchange) []byte {
	m.begin(typeAuthQuery, x)
	return m.end(prefix, keyQueryMessage, len(x.Query))
}

// response encodes the head of an AUTH_RESPONSE.
func (m *message) response(prefix []byte, x *server.Exchange, at time.Time) []byte {
	m.begin(typeAuthResponse, x)
	m.time(keyResponseSeconds, keyResponseNanos, at)
	return m.end(prefix, keyResponseMessage, len(x.Answer))
}

func (m *message) begin(kind byte, x *server.Exchange) {
	family, protocol := byte(familyINET), byte(protocolUDP)
	if x.Client.Addr().Is6() {
		family = familyINET6
	}
	if x.Via == resolver.TCP {
		protocol = protocolTCP
	}
	m.inner = append(m.inner[:0], keyType, kind, keyFamily, family, keyProtocol, protocol)
	m.address(keyQueryAddress, keyQueryPort, x.Client)
	m.address(keyResponseAddress, keyResponsePort, x.Local)
	m.time(keyQuerySeconds, keyQueryNanos, x.Received)
}

// address encodes an address, unless that is not known, and its port.
func (m *message) address(key, keyPort byte, a netip.AddrPort) {
	if addr := a.Addr(); addr.Is4() && !addr.IsUnspecified() {
		b := addr.As4()
		m.inner = append(append(m.inner, key, 4), b[:]...)
	} else if addr.Is6() && !addr.IsUnspecified() {
		b := addr.As16()
		m.inner = append(append(m.inner, key, 16), b[:]...)
	}
	m.inner = binary.AppendUvarint(append(m.inner, keyPort), uint64(a.Port()))
}

func (m *message) time(keySeconds, keyNanos byte, t time.Time) {
	m.inner = binary.AppendUvarint(append(m.inner, keySeconds), uint64(t.Unix()))
	m.inner = binary.LittleEndian.AppendUint32(append(m.inner, keyNanos), uint32(t.Nanosecond()))
}

// end puts everything together, up to the DNS message of so many octets.
func (m *message) end(prefix []byte, key byte, size int) []byte {
	m.inner = binary.AppendUvarint(append(m.inner, key), uint64(size))
	m.whole = append(append(m.whole[:0], prefix...), keyMessage)
	m.whole = binary.AppendUvarint(m.whole, uint64(len(m.inner)+size))
	m.whole = append(m.whole, m.inner...)
	return m.whole
}
