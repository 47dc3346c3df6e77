package steer

import (
	"math/rand/v2"
	"net/netip"
	"testing"
)

// TestOverlappingScopesShareTheirRanking is acceptance 23: over random prefixes at the granularity of /24 and
// /56, scopes that overlap carry one ranking, and so does every block within a scope.
func TestOverlappingScopesShareTheirRanking(t *testing.T) {
	for seed := range uint64(40) {
		m := newPoolMaker(t, 500+seed, 6)
		p := m.pool("p")
		tab := mustCompile(t, m.w.part, p).pools[0].table
		for family := range 2 {
			checkOverlaps(t, m.Rand, tab, family)
		}
	}
}

type scoped struct {
	prefix netip.Prefix
	rank   uint16
}

func checkOverlaps(t *testing.T, r *rand.Rand, tab *table, family int) {
	t.Helper()
	var seen []scoped
	for range 60 {
		block := randomBlock(r, family)
		rank, length := tab.entry(family, block, nil)
		s := scoped{netip.PrefixFrom(addrOf(family, block), int(length)).Masked(), rank}
		for _, o := range seen {
			if o.prefix.Overlaps(s.prefix) && o.rank != s.rank {
				t.Fatalf("%v has ranking %d, %v has %d", o.prefix, o.rank, s.prefix, s.rank)
			}
		}
		seen = append(seen, s)
		from, to := blocks(s.prefix)
		for range 64 {
			within := from + r.Uint64N(to-from)
			if rank, length := tab.entry(family, within, nil); rank != s.rank || length != uint8(s.prefix.Bits()) {
				t.Fatalf("%v has ranking %d, block %x in it has %d and length %d", s.prefix, s.rank, within, rank, length)
			}
		}
	}
}

// TestScopesHoldForAnswers asks, for every scope reported, for other subnets in it: the answer is the same.
func TestScopesHoldForAnswers(t *testing.T) {
	for seed := range uint64(40) {
		m := newPoolMaker(t, 900+seed, 6)
		p := m.pool("p")
		for p.Pick == Weighted {
			p = m.pool("p")
		}
		state := mustCompile(t, m.w.part, p).With(nil, m.snapshot(int(seed)%4))
		for range 60 {
			c := m.client()
			for _, qtype := range []uint16{typeA, typeAAAA} {
				checkWithin(t, m, state, c, qtype)
			}
		}
	}
}

func checkWithin(t *testing.T, m *poolMaker, state *State, c Client, qtype uint16) {
	t.Helper()
	ch := state.Answer(Ref{0, -1}, c, qtype, 0)
	if !c.HasSubnet || ch.Scope == 0 {
		return
	}
	for range 8 {
		o := c
		o.Source = uint8(max(int(ch.Scope), int(c.Source)))
		o.Subnet = m.within(c.Subnet, int(ch.Scope), int(o.Source))
		if embeds(o.Subnet) && int(ch.Scope) < 96 && c.Subnet != o.Subnet && !embeds(c.Subnet) {
			continue // IPv4 addresses inside IPv6 have longer scopes of their own
		}
		got := state.Answer(Ref{0, -1}, o, qtype, 0)
		if sameRecords(ch, got) && got.Scope == ch.Scope {
			continue
		}
		t.Fatalf("%s/%d has scope %d and %v; %s in it has scope %d and %v", c.Subnet, c.Source, ch.Scope,
			answerText(ch), o.Subnet, got.Scope, answerText(got))
	}
}

func sameRecords(a, b Choice) bool {
	x, y := answerText(a), answerText(b)
	if a.Kind != b.Kind || len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}

// embeds says whether an address is translated before it is looked up.
func embeds(a netip.Addr) bool {
	return a.Is4In6() || a.Is6() && (prefix("64:ff9b::/96").Contains(a) || prefix("2002::/16").Contains(a))
}

// within makes an address with the first n bits of a, random ones up to source, and zeros.
func (m *poolMaker) within(a netip.Addr, n, source int) netip.Addr {
	b := a.AsSlice()
	for i := n; i < len(b)*8; i++ {
		b[i/8] &^= 0x80 >> (i % 8)
		if i < source && m.one(2) {
			b[i/8] |= 0x80 >> (i % 8)
		}
	}
	out, _ := netip.AddrFromSlice(b)
	return out
}
