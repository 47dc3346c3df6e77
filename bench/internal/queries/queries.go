// Package queries makes the questions of a load and keeps them in dnsperf's binary format: each message behind its
// length in two octets, as over TCP.
//
// A Set is immutable once made and safe for concurrent use.
package queries

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"strings"
)

// Set is an ordered set of queries in wire form, with message IDs of 0.
type Set struct{ messages [][]byte }

// Len is the number of queries.
func (s *Set) Len() int { return len(s.messages) }

// At gives query i, which must not be changed.
func (s *Set) At(i int) []byte { return s.messages[i%len(s.messages)] }

// All gives the messages.
func (s *Set) All() [][]byte { return s.messages }

// New makes a set of messages.
func New(messages [][]byte) *Set { return &Set{messages} }

const (
	typeA     = 1
	typeOPT   = 41
	classIN   = 1
	udpSize   = 1232
	optSubnet = 8
	familyV4  = 1
)

// A makes a query for the addresses of name. A valid subnet makes it carry a client subnet (RFC 7871); otherwise it
// has an empty OPT.
func A(name string, subnet netip.Prefix) ([]byte, error) {
	b := []byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1} // one question, one additional record
	b, err := appendName(b, name)
	if err != nil {
		return nil, err
	}
	b = append(b, 0, typeA, 0, classIN)
	b = append(b, 0, 0, typeOPT)
	b = binary.BigEndian.AppendUint16(b, udpSize)
	b = append(b, 0, 0, 0, 0) // extended RCODE, version, flags
	if !subnet.IsValid() {
		return append(b, 0, 0), nil
	}
	octets := subnet.Masked().Addr().AsSlice()[:(subnet.Bits()+7)/8]
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(octets)))
	b = append(b, 0, optSubnet, 0, byte(4+len(octets)), 0, familyV4, byte(subnet.Bits()), 0)
	return append(b, octets...), nil
}

// Signed is A without a subnet, and with DO set: signatures are asked for.
func Signed(name string) ([]byte, error) {
	b, err := A(name, netip.Prefix{})
	if err == nil {
		b[len(b)-4] |= 0x80
	}
	return b, err
}

func appendName(b []byte, name string) ([]byte, error) {
	for label := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if len(label) == 0 || len(label) > 63 {
			return nil, fmt.Errorf("name %q has a label of %d octets", name, len(label))
		}
		b = append(b, byte(len(label)))
		b = append(b, label...)
	}
	return append(b, 0), nil
}

// Clients draws n random /24 of the unicast space of IPv4, special-purpose blocks left out. The same seed gives the
// same ones.
func Clients(n int, seed uint64) []netip.Prefix {
	r := rand.New(rand.NewPCG(seed, 24))
	all := make([]netip.Prefix, 0, n)
	for len(all) < n {
		v := r.Uint32N(224 << 24)
		a := netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8)})
		if ordinary(a) {
			all = append(all, netip.PrefixFrom(a, 24))
		}
	}
	return all
}

// ordinary leaves out whole blocks of 8 and 16 bits around the special-purpose registries' entries, so that all servers
// agree on what is asked.
func ordinary(a netip.Addr) bool {
	b := a.As4()
	switch b[0] {
	case 0, 10, 127:
		return false
	case 100:
		return b[1]&0xc0 != 64
	case 169:
		return b[1] != 254
	case 172:
		return b[1]&0xf0 != 16
	case 192:
		return b[1] != 0 && b[1] != 168 && b[1] != 88 && b[1] != 31 && b[1] != 52 && b[1] != 175
	case 198:
		return b[1] != 18 && b[1] != 19 && b[1] != 51
	case 203:
		return b[1] != 0
	}
	return true
}

// Geo makes n queries for name, each with a random client subnet.
func Geo(name string, n int, seed uint64) (*Set, error) {
	s := &Set{}
	for _, subnet := range Clients(n, seed) {
		m, err := A(name, subnet)
		if err != nil {
			return nil, err
		}
		s.messages = append(s.messages, m)
	}
	return s, nil
}

// Random makes n queries whose names, types, classes and client subnets are random; most names lie in the geo zone of the
// bench, and some queries ask for the geo name itself.
func Random(n int, seed uint64) *Set {
	r := rand.New(rand.NewPCG(seed, 77))
	s := &Set{messages: make([][]byte, 0, n)}
	for len(s.messages) < n {
		name := "www.geo.bench"
		switch r.IntN(8) {
		case 0:
		case 1:
			name = fmt.Sprintf("n%x.example", r.Uint64())
		default:
			name = fmt.Sprintf("n%x.geo.bench", r.Uint64())
		}
		subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())}), r.IntN(33))
		m, err := A(name, subnet)
		if err != nil {
			continue // the names are good
		}
		end := 12
		for m[end] != 0 {
			end += 1 + int(m[end])
		}
		binary.BigEndian.PutUint16(m[end+1:], uint16(r.Uint32()))
		if r.IntN(16) == 0 {
			binary.BigEndian.PutUint16(m[end+3:], uint16(r.Uint32()))
		}
		s.messages = append(s.messages, m)
	}
	return s
}

// Signed gives the same queries with the DO bit.
func (s *Set) Signed() *Set {
	next := &Set{}
	for _, m := range s.messages {
		m = append([]byte(nil), m...)
		at := 12
		for m[at] != 0 {
			at += 1 + int(m[at])
		}
		const question, flags = 1 + 4, 1 + 2 + 2 + 2 // the rest of the question; the OPT record up to its flags
		m[at+question+flags] |= 0x80
		next.messages = append(next.messages, m)
	}
	return next
}

// Static makes n queries for random names of a zone with the given number of names; one in missing, if that is over 0,
// is for a name that is not there. All have the same length.
func Static(zone string, names, n, missing int, seed uint64) (*Set, error) {
	r := rand.New(rand.NewPCG(seed, 53))
	s := &Set{}
	for range n {
		label := Label(r.IntN(names))
		if missing > 0 && r.IntN(missing) == 0 {
			label = "x" + label[1:]
		}
		m, err := A(label+"."+zone, netip.Prefix{})
		if err != nil {
			return nil, err
		}
		s.messages = append(s.messages, m)
	}
	return s, nil
}

// Label is the name of host i in the zones of the bench.
func Label(i int) string { return fmt.Sprintf("h%07d", i) }

// Write writes the queries to w in dnsperf's binary format.
func (s *Set) Write(w io.Writer) error {
	var length [2]byte
	for _, m := range s.messages {
		binary.BigEndian.PutUint16(length[:], uint16(len(m)))
		if _, err := w.Write(append(length[:], m...)); err != nil {
			return err
		}
	}
	return nil
}

// Read reads queries in dnsperf's binary format.
func Read(r io.Reader) (*Set, error) {
	s := &Set{}
	for {
		var length [2]byte
		if _, err := io.ReadFull(r, length[:]); err == io.EOF {
			return s, nil
		} else if err != nil {
			return nil, fmt.Errorf("length of query %d: %w", s.Len(), err)
		}
		m := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(r, m); err != nil {
			return nil, fmt.Errorf("query %d of %d octets: %w", s.Len(), len(m), err)
		}
		s.messages = append(s.messages, m)
	}
}

// Save writes the queries to a file for dnsperf.
func (s *Set) Save(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := s.Write(w); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return w.Flush()
}
