package steer

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/meridian-dns/meridian/geo"
)

// world is an address space in its plainest form, and the partition made of it.
type world struct {
	regions [2][]region
	nets    []geo.Net
	part    *geo.Partition
}

// region is a run of blocks of one place, or one block of several.
type region struct {
	from, to uint64
	shares   []held
	special  netip.Prefix // the special-purpose block it lies in
}

type held struct {
	place  geo.Place
	hi, lo uint64
}

var widths = [2]int{width4, width6}

// specials are some blocks of the registries; neighbours among them, and 6to4, are the traps.
var specials = [2][]string{
	{"0.0.0.0/8", "10.0.0.0/8", "127.0.0.0/8", "192.0.2.0/24", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4"},
	{"::/56", "64:ff9b::/56", "2001:1::/32", "2001:2::/31", "2001:db8::/32", "2002::/16", "fc00::/7", "fe80::/10", "ff00::/8"},
}

func blockOf(a netip.Addr) uint64 {
	if a.Is4() {
		b := a.As4()
		return uint64(binary.BigEndian.Uint32(b[:]) >> 8)
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:]) >> 8
}

func addrOf(family int, block uint64) netip.Addr {
	if family == 0 {
		return netip.AddrFrom4([4]byte{byte(block >> 16), byte(block >> 8), byte(block)})
	}
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], block<<8)
	return netip.AddrFrom16(b)
}

func blocks(p netip.Prefix) (from, to uint64) {
	f := 0
	if p.Addr().Is6() {
		f = 1
	}
	from = blockOf(p.Masked().Addr())
	return from, from + 1<<(widths[f]-p.Bits())
}

// newWorld makes a random address space in which networks, special blocks and places interlock.
func newWorld(r *rand.Rand) *world {
	w := &world{}
	w.makeNets(r)
	for f := range w.regions {
		w.makeRegions(r, f)
	}
	w.makePartition()
	return w
}

func randomBlock(r *rand.Rand, family int) uint64 {
	width := widths[family]
	switch r.IntN(4) {
	case 0: // near the others, so that prefixes touch
		return r.Uint64N(1<<10) | 0x51<<(width-8)
	case 1:
		return r.Uint64N(1<<8) << (width - 8)
	case 2:
		p := netip.MustParsePrefix(specials[family][r.IntN(len(specials[family]))])
		from, to := blocks(p)
		return from + r.Uint64N(to-from)
	}
	return r.Uint64N(1 << width)
}

func (w *world) makeNets(r *rand.Rand) {
	seen := map[netip.Prefix]bool{}
	for range r.IntN(12) {
		f := r.IntN(2)
		p := netip.PrefixFrom(addrOf(f, randomBlock(r, f)), 1+r.IntN(widths[f])).Masked()
		from, _ := blocks(p)
		if f == 1 && (from>>40 == 0x2002 || from < 1<<8) || seen[p] {
			continue
		}
		seen[p] = true
		w.nets = append(w.nets, geo.Net{Prefix: p})
	}
	for i := range w.nets {
		best := -1
		for j, n := range w.nets {
			if o := w.nets[i].Prefix; n.Prefix.Bits() < o.Bits() && n.Prefix.Contains(o.Addr()) && n.Prefix.Bits() > best {
				w.nets[i].Parent, best = int32(j)+1, n.Prefix.Bits()
			}
		}
	}
}

func (w *world) innermost(family int, block uint64) int32 {
	var at int32
	best := -1
	for i, n := range w.nets {
		if n.Prefix.Bits() > best && n.Prefix.Contains(addrOf(family, block)) {
			at, best = int32(i)+1, n.Prefix.Bits()
		}
	}
	return at
}

func (w *world) makeRegions(r *rand.Rand, f int) {
	cuts := []uint64{0, 1 << widths[f]}
	cut := func(p netip.Prefix) {
		from, to := blocks(p)
		cuts = append(cuts, from, to)
	}
	for _, n := range w.nets {
		if n.Prefix.Addr().Is6() == (f == 1) {
			cut(n.Prefix)
		}
	}
	for _, s := range specials[f] {
		cut(netip.MustParsePrefix(s))
	}
	mixed := map[uint64]bool{}
	for range 40 {
		b := randomBlock(r, f)
		cuts = append(cuts, b)
		if r.IntN(3) == 0 {
			mixed[b] = true
			cuts = append(cuts, b+1)
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	for i := range cuts[1:] {
		w.regions[f] = append(w.regions[f], w.makeRegion(r, f, cuts[i], cuts[i+1], mixed[cuts[i]]))
	}
}

func (w *world) makeRegion(r *rand.Rand, f int, from, to uint64, mixed bool) region {
	g := region{from: from, to: to}
	net := w.innermost(f, from)
	for _, s := range specials[f] {
		if p := netip.MustParsePrefix(s); p.Contains(addrOf(f, from)) {
			g.special = p
			if s == "::/56" || s == "2002::/16" {
				net = 0
			}
			g.shares = []held{{geo.Place{Special: true, Net: net}, 0, 1}}
			return g
		}
	}
	n := 1
	if mixed && to == from+1 {
		n += r.IntN(4)
	}
	for range n {
		h := held{randomPlace(r), uint64(r.IntN(3)), uint64(1+r.IntN(3)) << 62}
		h.place.Net = net
		if slices.ContainsFunc(g.shares, func(o held) bool { return o.place == h.place }) {
			continue
		}
		g.shares = append(g.shares, h)
	}
	return g
}

var (
	continents   = []geo.Code{{'E', 'U'}, {'N', 'A'}, {'O', 'C'}}
	countries    = []geo.Code{{'D', 'E'}, {'F', 'R'}, {'U', 'S'}, {'A', 'U'}, {'J', 'P'}}
	subdivisions = []geo.Subdivision{{'U', 'S', '-', 'C', 'A'}, {'U', 'S', '-', 'N', 'Y'}, {'D', 'E', '-', 'B', 'E'}}
	asns         = []uint32{15169, 64500, 64501}
)

func randomPlace(r *rand.Rand) geo.Place {
	var p geo.Place
	if r.IntN(8) == 0 {
		return p
	}
	if r.IntN(6) > 0 {
		p.Lat, p.Lon, p.Located = float32(r.IntN(35))*5-85, float32(r.IntN(72))*5-180, true
	}
	if r.IntN(6) > 0 {
		p.Continent = continents[r.IntN(len(continents))]
		p.Country = countries[r.IntN(len(countries))]
	}
	if r.IntN(3) == 0 {
		p.Subdivision = subdivisions[r.IntN(len(subdivisions))]
	}
	if r.IntN(3) == 0 {
		p.ASN = asns[r.IntN(len(asns))]
	}
	return p
}

// makePartition does what geo does: numbers places and mixes, merges equal neighbours, marks borders.
func (w *world) makePartition() {
	w.part = &geo.Partition{Places: []geo.Place{{}, {Special: true}}, Nets: w.nets}
	ids := map[geo.Place]geo.PlaceID{{}: 0, {Special: true}: 1}
	id := func(p geo.Place) geo.PlaceID {
		if _, ok := ids[p]; !ok {
			ids[p] = geo.PlaceID(len(w.part.Places))
			w.part.Places = append(w.part.Places, p)
		}
		return ids[p]
	}
	for f := range w.regions {
		for _, g := range w.regions[f] {
			for _, h := range g.shares {
				id(h.place)
			}
		}
	}
	for f, to := range []*geo.Atoms{&w.part.V4, &w.part.V6} {
		*to = w.makeAtoms(f, id)
	}
}

func (w *world) makeAtoms(f int, id func(geo.Place) geo.PlaceID) geo.Atoms {
	var starts []uint64
	var places []geo.PlaceID
	var borders []int
	for i, g := range w.regions[f] {
		place := id(g.shares[0].place)
		if len(g.shares) > 1 {
			var mix geo.Mix
			for _, h := range g.shares {
				mix = append(mix, geo.Part{Place: id(h.place), Hi: h.hi, Lo: h.lo})
			}
			place = geo.PlaceID(len(w.part.Places) + w.part.Mixes.Len())
			w.part.Mixes.Append(mix)
		}
		border := i > 0 && g.special != w.regions[f][i-1].special
		if i > 0 && !border && place == places[len(places)-1] {
			continue
		}
		if border {
			borders = append(borders, len(starts))
		}
		starts, places = append(starts, g.from), append(places, place)
	}
	return geo.NewAtoms(widths[f], starts, places, borders)
}

func (w *world) region(family int, block uint64) *region {
	for i := range w.regions[family] {
		if g := &w.regions[family][i]; g.from <= block && block < g.to {
			return g
		}
	}
	return nil
}

// random returns a source of the same numbers in every run.
func random(t testing.TB, seed uint64) *rand.Rand {
	t.Helper()
	return rand.New(rand.NewPCG(seed, 53))
}
