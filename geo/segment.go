package geo

import (
	"fmt"
	"net/netip"
	"slices"
	"sort"
)

// Net is a network that a rule names.
type Net struct {
	Prefix netip.Prefix
	Parent int32 // index+1 of the innermost other network around it, 0 for none
}

// arrange checks the wanted networks and returns them once each, IPv4 first,
// by address, a network before those inside it.
func arrange(wanted []netip.Prefix) ([]Net, error) {
	prefixes := make([]netip.Prefix, 0, len(wanted))
	for _, p := range wanted {
		if err := checkNet(p); err != nil {
			return nil, err
		}
		prefixes = append(prefixes, p.Masked())
	}
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	prefixes = slices.Compact(prefixes)
	nets := make([]Net, len(prefixes))
	for i, p := range prefixes {
		parent := int32(i) // the one before, or the innermost of those around it
		for parent != 0 && !nets[parent-1].Prefix.Overlaps(p) {
			parent = nets[parent-1].Parent
		}
		nets[i] = Net{p, parent}
	}
	return nets, nil
}

func checkNet(p netip.Prefix) error {
	if !p.IsValid() {
		return fmt.Errorf("net %s: invalid prefix", p)
	}
	for _, outer := range []netip.Prefix{mapped, translate, sixToFour} {
		if inside(p, outer) {
			return fmt.Errorf("net %s: lies in %s, where IPv4 addresses are embedded: write the IPv4 network", p, outer)
		}
	}
	for _, outer := range []netip.Prefix{low, translateBlock} {
		if inside(p, outer) {
			return fmt.Errorf("net %s: lies in %s, where no client has its address", p, outer)
		}
	}
	if most := familyOf(p.Addr()).blockBits(); p.Bits() > most {
		return fmt.Errorf("net %s: longer than /%d", p, most)
	}
	return nil
}

func inside(p, outer netip.Prefix) bool {
	return p.Bits() >= outer.Bits() && outer.Contains(p.Addr())
}

// segment is a stretch of address space that lies wholly inside or outside
// each wanted network and each special-purpose block. Its ends are ends of
// blocks of the tables.
type segment struct {
	span
	special bool
	masked  bool  // databases say nothing true here
	border  bool  // a special-purpose block begins or ends before it
	net     int32 // index+1 of the innermost wanted network
}

// segments cuts the space of a family, in order and without gaps. It masks
// special-purpose space and Teredo: databases alias their IPv4 data into
// 2001::/32, 2002::/16, ::ffff:0:0/96 and 64:ff9b::/96, and the clients behind
// a Teredo server may be anywhere.
func segments(f family, nets []Net) []segment {
	cuts := newCuts(f, nets)
	out := make([]segment, len(cuts))
	table, tunnel := special(f), spanOf(teredo)
	for i, first := range cuts {
		s := segment{span: span{first, lastPosition()}}
		if i+1 < len(cuts) {
			s.last = cuts[i+1].previous()
		}
		b := blockAt(table, first)
		s.special = b != nil
		s.masked = s.special || f == ipv6 && tunnel.contains(first)
		s.border = s.special && b.first == first || i > 0 && out[i-1].special && !s.special
		if !s.special || !b.netless {
			s.net = netAt(f, nets, first)
		}
		out[i] = s
	}
	return out
}

// newCuts are the positions where anything begins, or begins again after an
// end, in order.
func newCuts(f family, nets []Net) []position {
	cuts := []position{{}}
	add := func(s span) {
		cuts = append(cuts, s.first)
		if s.last != lastPosition() {
			cuts = append(cuts, s.last.next())
		}
	}
	for _, b := range special(f) {
		add(b.span)
	}
	if f == ipv6 {
		add(spanOf(teredo))
	}
	for _, n := range nets {
		if familyOf(n.Prefix.Addr()) == f {
			add(spanOf(n.Prefix))
		}
	}
	slices.SortFunc(cuts, position.compare)
	return slices.Compact(cuts)
}

// netAt is the innermost of the arranged networks around p, as index+1.
func netAt(f family, nets []Net, p position) int32 {
	i := sort.Search(len(nets), func(i int) bool {
		g := familyOf(nets[i].Prefix.Addr())
		return g > f || g == f && p.less(positionOf(nets[i].Prefix.Addr()))
	})
	n := int32(i)
	for n != 0 && !nets[n-1].covers(f, p) {
		n = nets[n-1].Parent
	}
	return n
}

func (n Net) covers(f family, p position) bool {
	return familyOf(n.Prefix.Addr()) == f && spanOf(n.Prefix).contains(p)
}
