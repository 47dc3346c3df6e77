package geo

import (
	"math/big"
	"net/netip"
	"slices"
	"testing"

	"github.com/oschwald/maxminddb-golang/v2"
)

// reference answers slowly and plainly what a partition is to answer: address
// by address from the library's own lookups.
type reference struct {
	city, asn []*maxminddb.Reader
	place     func(maxminddb.Result) Place // of a record of a city file, subdivision as wanted
	asns      bool
	nets      []netip.Prefix
	index     map[netip.Prefix]int32 // of the nets, as Place.Net counts them
}

func newReference(t testing.TB, p *Partition, place func(maxminddb.Result) Place) *reference {
	r := &reference{place: place, index: map[netip.Prefix]int32{}}
	for i, n := range p.Nets {
		r.nets = append(r.nets, n.Prefix)
		r.index[n.Prefix] = int32(i + 1)
	}
	t.Helper()
	return r
}

func openReader(t testing.TB, data []byte) *maxminddb.Reader {
	t.Helper()
	r, err := maxminddb.OpenBytes(data)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// share is what a reference knows of a block: a place and its addresses.
type share struct {
	place Place
	count *big.Int
}

// block lists the places of a block in order of first address.
func (r *reference) block(block netip.Prefix) []share {
	var out []share
	r.split(block, func(p Place, n *big.Int) {
		i := slices.IndexFunc(out, func(s share) bool { return s.place == p })
		if i < 0 {
			out = append(out, share{p, n})
			return
		}
		out[i].count.Add(out[i].count, n)
	})
	return out
}

// split halves a prefix until all of it has one place.
func (r *reference) split(p netip.Prefix, found func(Place, *big.Int)) {
	place, bits := r.at(p.Addr())
	if bits <= p.Bits() {
		found(place, new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits())))
		return
	}
	left := netip.PrefixFrom(p.Addr(), p.Bits()+1)
	right := positionOf(p.Addr()).last(left.Bits()).next().addr(familyOf(p.Addr()))
	r.split(left, found)
	r.split(netip.PrefixFrom(right, left.Bits()), found)
}

// at is the place of an address, and the length of a prefix that shares it.
func (r *reference) at(a netip.Addr) (Place, int) {
	net := r.net(a)
	for _, b := range special(familyOf(a)) {
		if !b.prefix.Contains(a) {
			continue
		}
		if translates(b.prefix) {
			net = 0
		}
		return Place{Special: true, Net: net}, familyOf(a).blockBits()
	}
	if teredo.Contains(a) {
		return Place{Net: net}, 56
	}
	place, bits := r.cityAt(a)
	if r.asns {
		asn, n := r.asnAt(a)
		place.ASN, bits = asn, max(bits, n)
	}
	place.Net = net
	return place, bits
}

func (r *reference) net(a netip.Addr) int32 {
	best := -1
	var out int32
	for _, n := range r.nets {
		if n.Contains(a) && n.Bits() > best {
			best, out = n.Bits(), r.index[n]
		}
	}
	return out
}

func (r *reference) cityAt(a netip.Addr) (Place, int) {
	bits := 0
	for _, reader := range r.city {
		res, n, ok := lookup(reader, a)
		bits = max(bits, n)
		if !ok {
			continue
		}
		if p := r.place(res); p != (Place{}) {
			return p, bits
		}
	}
	return Place{}, bits
}

func (r *reference) asnAt(a netip.Addr) (uint32, int) {
	bits := 0
	for _, reader := range r.asn {
		res, n, ok := lookup(reader, a)
		bits = max(bits, n)
		if !ok {
			continue
		}
		var rec struct {
			ASN uint32 `maxminddb:"autonomous_system_number"`
		}
		if res.Decode(&rec) == nil && rec.ASN != 0 {
			return rec.ASN, bits
		}
	}
	return 0, bits
}

// lookup hides that an IPv4 database answers IPv6 addresses with an error, and
// that a network above ::/96 has no length in IPv4.
func lookup(r *maxminddb.Reader, a netip.Addr) (res maxminddb.Result, bits int, ok bool) {
	if r.Metadata.IPVersion == 4 && a.Is6() {
		return res, 0, false
	}
	res = r.Lookup(a)
	if p := res.Prefix(); p.Addr().Is4() == a.Is4() {
		return res, p.Bits(), res.Found()
	}
	return res, 0, false
}

// compare checks one block of a partition against the reference.
func (r *reference) compare(t testing.TB, p *Partition, a netip.Addr) {
	t.Helper()
	f := familyOf(a)
	block, _ := a.Prefix(f.blockBits())
	atoms := &p.V4
	if f == ipv6 {
		atoms = &p.V6
	}
	number := BlockOf(a)
	i := atoms.Find(number)
	if atoms.Start(i) > number || atoms.Start(i+1) <= number {
		t.Fatalf("%s: atom %d is [%d, %d), without %d", block, i, atoms.Start(i), atoms.Start(i+1), number)
	}
	want := r.block(block)
	got := p.parts(f, atoms.Place(i))
	if !slices.EqualFunc(got, want, func(a, b share) bool { return a.place == b.place && a.count.Cmp(b.count) == 0 }) {
		t.Fatalf("%s: got %v, want %v", block, got, want)
	}
}

// parts writes a place as the mix it stands for.
func (p *Partition) parts(f family, id PlaceID) []share {
	if int(id) < len(p.Places) {
		whole := new(big.Int).Lsh(big.NewInt(1), uint(f.bits()-f.blockBits()))
		return []share{{p.Places[id], whole}}
	}
	var out []share
	for _, part := range p.Mixes.At(int(id) - len(p.Places)) {
		n := new(big.Int).SetUint64(part.Hi)
		n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(part.Lo))
		out = append(out, share{p.Places[part.Place], n})
	}
	return out
}

// checkShape checks what holds for the atoms of every partition.
func checkShape(t testing.TB, p *Partition) {
	t.Helper()
	for f, atoms := range map[family]*Atoms{ipv4: &p.V4, ipv6: &p.V6} {
		edges := map[uint64]bool{}
		for _, b := range special(f) {
			edges[b.first.hi>>f.blockShift()] = true
			edges[b.last.hi>>f.blockShift()+1] = true
		}
		if atoms.Len() == 0 || atoms.Start(0) != 0 || atoms.Start(atoms.Len()) != 1<<f.blockBits() {
			t.Fatalf("%s: %d atoms do not cover the space", f, atoms.Len())
		}
		for i := range atoms.Len() {
			start := atoms.Start(i)
			if start >= atoms.Start(i+1) {
				t.Fatalf("%s: atom %d is empty", f, i)
			}
			if atoms.Border(i) != edges[start] {
				t.Fatalf("%s: atom %d at %d: border %v", f, i, start, atoms.Border(i))
			}
			delete(edges, start)
			if i > 0 && !atoms.Border(i) && atoms.Place(i) == atoms.Place(i-1) {
				t.Fatalf("%s: atoms %d and %d are one", f, i-1, i)
			}
			if int(atoms.Place(i)) >= len(p.Places)+p.Mixes.Len() {
				t.Fatalf("%s: atom %d has no place", f, i)
			}
		}
		delete(edges, 1<<f.blockBits())
		if len(edges) != 0 {
			t.Fatalf("%s: no atoms begin at the edges %v", f, edges)
		}
	}
}
