package steer

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
)

// allAttributes is a database that knows everything.
var allAttributes = geo.Attributes{Coordinates: true, Country: true, Continent: true, Subdivision: true, ASN: true, IPv4: true, IPv6: true}

// compileFor compiles without a database, as if one knew every attribute.
func compileFor(part *geo.Partition, limit int, pools ...Pool) (*Set, error) {
	c := newCompiler(nil, part)
	c.has, c.limit = allAttributes, limit
	return c.compile(pools)
}

// poolMaker makes random pools over a world; slots counts the checks.
type poolMaker struct {
	*rand.Rand
	w     *world
	slots int
	most  int // servers
}

// newPoolMaker makes pools of at most so many servers, in a world of its own.
func newPoolMaker(t testing.TB, seed uint64, most int) *poolMaker {
	t.Helper()
	m := &poolMaker{Rand: random(t, seed), most: most}
	m.w = newWorld(m.Rand)
	return m
}

func (m *poolMaker) one(n int) bool { return m.IntN(n) == 0 }

// pool makes pools until one passes the checks of a load.
func (m *poolMaker) pool(name string) Pool {
	for {
		before := m.slots
		p := m.try(name)
		if _, err := newMatcher(p.Rules, newNetworks(m.w.nets)); p.check(allAttributes) == nil && err == nil {
			return p
		}
		m.slots = before
	}
}

func (m *poolMaker) try(name string) Pool {
	p := Pool{
		Name: name, Order: Order(m.IntN(3)), Pick: Pick(m.IntN(4)), Each: m.one(3), MinUp: m.IntN(4),
		AllDown: AllDown(m.IntN(4)), TTLMin: uint32(m.IntN(2) * 7),
	}
	if m.one(2) {
		p.N = 1 + m.IntN(4)
	}
	for i := range 1 + m.IntN(m.most) {
		p.Servers = append(p.Servers, m.server(fmt.Sprintf("s%d", i)))
	}
	if p.AllDown == UseFallback {
		for i := range 1 + m.IntN(3) {
			p.Fallback = append(p.Fallback, m.server(fmt.Sprintf("f%d", i)))
		}
	}
	for i := range p.Servers {
		p.Servers[i].Number = uint32(1 + i)
	}
	for i := range p.Fallback {
		p.Fallback[i].Number = uint32(1 + len(p.Servers) + i)
	}
	for i := range m.IntN(5) {
		p.Rules = append(p.Rules, m.rule(fmt.Sprintf("rule %d", i), len(p.Servers)))
	}
	return p
}

func (m *poolMaker) server(name string) Server {
	s := Server{Name: name, Weight: m.IntN(4), Located: !m.one(8), Slot: healthcheck.NoCheck}
	s.At = geo.Point{Lat: float64(m.IntN(35)*5 - 85), Lon: float64(m.IntN(72)*5 - 180)}
	if m.one(8) {
		s.CNAME, s.Slot = name+".example.net.", m.slot()
		return s
	}
	kind := m.IntN(6)
	if kind != 0 {
		s.Addrs = append(s.Addrs, m.address(0))
	}
	if kind != 1 {
		s.Addrs = append(s.Addrs, m.address(1))
	}
	if m.one(4) {
		s.Addrs = append(s.Addrs, m.address(m.IntN(2)))
	}
	return s
}

func (m *poolMaker) slot() healthcheck.Slot {
	if m.one(12) {
		return healthcheck.NoCheck
	}
	m.slots++
	return healthcheck.Slot(m.slots - 1)
}

func (m *poolMaker) address(family int) Address {
	n := m.Uint64N(1 << 24)
	a := netip.AddrFrom4([4]byte{203, byte(n >> 16), byte(n >> 8), byte(n)})
	if family == 1 {
		a = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 15: byte(n), 14: byte(n >> 8), 13: byte(n >> 16)})
	}
	return Address{a, m.slot()}
}

func (m *poolMaker) rule(source string, servers int) Rule {
	r := Rule{Source: source, Fence: m.one(4)}
	for range 1 + m.IntN(3) {
		r.Tokens = append(r.Tokens, m.token())
	}
	for range 1 + m.IntN(2) {
		var tier []int
		for range 1 + m.IntN(servers) {
			tier = append(tier, m.IntN(servers))
		}
		r.Tiers = append(r.Tiers, tier)
	}
	return r
}

func (m *poolMaker) token() Token {
	t := Token{Kind: TokenKind(m.IntN(6))}
	if m.one(3) {
		t.Group = "g"
	}
	switch t.Kind {
	case Net:
		if len(m.w.nets) == 0 {
			return Token{}
		}
		t.Net = m.w.nets[m.IntN(len(m.w.nets))].Prefix
	case ASN:
		t.ASN = asns[m.IntN(len(asns))]
	case Subdivision:
		t.Subdivision = subdivisions[m.IntN(len(subdivisions))]
	case Country:
		t.Code = countries[m.IntN(len(countries))]
	case Continent:
		t.Code = continents[m.IntN(len(continents))]
	}
	return t
}

// snapshot makes random states of all checks; worse tells how much is down: 0 nothing, 3 almost all.
func (m *poolMaker) snapshot(worse int) *healthcheck.Snapshot {
	s := &healthcheck.Snapshot{States: make([]healthcheck.State, m.slots)}
	for i := range s.States {
		st := healthcheck.State{Status: healthcheck.Up, Interval: time.Duration(1+m.IntN(20)) * time.Second}
		if m.IntN(4) < worse {
			st.Status = healthcheck.Status(m.IntN(5))
		}
		if worse == 3 && !m.one(4) {
			st.Status = healthcheck.Down
		}
		if m.one(8) {
			st.Streak, st.Needed = 1, 1+m.IntN(2)
		}
		s.States[i] = st
	}
	return s
}

// client makes a client of any kind of address, with and without subnet.
func (m *poolMaker) client() Client {
	c := Client{Resolver: m.addr()}
	if m.one(4) {
		return c
	}
	c.HasSubnet, c.Subnet = true, m.addr()
	c.Source = uint8(m.IntN(c.Subnet.BitLen() + 1))
	if m.one(2) { // what resolvers send
		c.Source = uint8(widths[c.Subnet.BitLen()/128])
	}
	c.Subnet = netip.PrefixFrom(c.Subnet, int(c.Source)).Masked().Addr()
	return c
}

func (m *poolMaker) addr() netip.Addr {
	f := m.IntN(2)
	a := addrOf(f, randomBlock(m.Rand, f))
	if f == 0 {
		switch v4 := a.As4(); m.IntN(8) {
		case 0:
			return netip.AddrFrom16(a.As16())
		case 1:
			return netip.AddrFrom16([16]byte{0, 0x64, 0xff, 0x9b, 12: v4[0], 13: v4[1], 14: v4[2], 15: v4[3]})
		case 2:
			return netip.AddrFrom16([16]byte{0x20, 0x02, v4[0], v4[1], v4[2], v4[3]})
		}
	}
	return a
}
