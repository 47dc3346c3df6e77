package steer

import (
	"bytes"
	"encoding/binary"
	"slices"
)

// Variant is one RRset that a reference can be answered with.
type Variant struct {
	Type  uint16   // A, AAAA or CNAME
	RDATA [][]byte // read only; addresses in ascending order, each once, or the target of the CNAME as configured
}

// Variants calls yield with every RRset that a reference can be answered with as the checks stand now, in the
// order of Choice.Variant, until yield says no. The Variant is good until yield returns. The TTL is no part of
// it. Pools with both CNAME and address servers have no variants: they cannot stand in a signed zone.
func (s *State) Variants(r Ref, yield func(v Variant) bool) {
	switch {
	case !s.set.holds(r):
	case r.Server >= 0:
		s.pools[r.Pool].pool.pinnedVariants(r.Server, yield)
	default:
		s.pools[r.Pool].each(yield)
	}
}

// Variants says how many RRsets a reference can be answered with while all servers are up.
func (s *Set) Variants(r Ref) int {
	if !s.holds(r) {
		return 0
	}
	p := s.pools[r.Pool]
	if r.Server < 0 {
		return p.variants()
	}
	n := 0
	p.pinnedVariants(r.Server, func(Variant) bool { n++; return true })
	return n
}

// Same says whether two states of one set answer a reference alike.
func (s *State) Same(o *State, r Ref) bool {
	return s.set == o.set && (r.Server >= 0 || s.set.holds(r) && s.pools[r.Pool] == o.pools[r.Pool])
}

// group is variants with successive numbers, the first of which is first: the combinations of pick of the
// candidates from up to to or, where pick is 0, only what stands in wire.
type group struct {
	first    uint32
	pick     uint16
	typ      uint16
	wire     span
	from, to uint32
}

// maxCount is where counting variants ends; a signed zone allows far fewer.
const maxCount = 1<<31 - 1

// alone gives the number of the variant that consists of what stands in wire.
func (w *writer) alone(typ uint16, wire span) uint32 {
	w.known = append(w.known[:0], 0)
	w.known = binary.BigEndian.AppendUint16(w.known, typ)
	if typ == typeCNAME {
		w.known = append(w.known, w.bytes(wire)...)
	} else {
		for _, data := range w.addresses(nil, wire) {
			w.known = append(w.known, data...)
		}
	}
	return w.number(group{typ: typ, wire: wire}, 1)
}

// combinations gives the number of the first of the variants that consist of several candidates each.
func (w *writer) combinations(from, to uint32) uint32 {
	w.known = append(w.known[:0], 1, byte(w.family))
	for i := from; i < to; i++ {
		w.known = append(w.known, w.bytes(w.candidates[i].wire)...)
		w.known = append(w.known, 0) // no RR begins with a zero
	}
	n := int(to - from)
	g := group{typ: familyTypes[w.family], from: from, to: to, pick: uint16(min(w.pool.limit(), n))}
	return w.number(g, w.pool.choices.of(n, int(g.pick)))
}

var familyTypes = [2]uint16{typeA, typeAAAA}

// number gives a group that is told apart by known its place.
func (w *writer) number(g group, size uint32) uint32 {
	if w.pool.mixed {
		return 0
	}
	if first, ok := w.numbers[string(w.known)]; ok {
		return first
	}
	g.first = w.variants
	w.groups = append(w.groups, g)
	w.variants = min(w.variants+size, maxCount)
	w.numbers[string(w.known)] = g.first
	return g.first
}

// addresses appends the RDATA of address records in canonical order, duplicates once.
func (a *answers) addresses(to [][]byte, wire span) [][]byte {
	for b := a.bytes(wire); len(b) >= 12; {
		n := 12 + int(binary.BigEndian.Uint16(b[10:]))
		to = append(to, b[12:n:n])
		b = b[n:]
	}
	return canonical(to)
}

func canonical(data [][]byte) [][]byte {
	slices.SortFunc(data, bytes.Compare)
	return slices.CompactFunc(data, bytes.Equal)
}

// each calls yield with every variant.
func (a *answers) each(yield func(Variant) bool) {
	var data [][]byte
	for i := range a.groups {
		g := &a.groups[i]
		switch {
		case g.pick > 0:
			if !a.eachOf(g, yield) {
				return
			}
			continue
		case g.typ == typeCNAME:
			data = append(data[:0], a.bytes(g.wire))
		default:
			data = a.addresses(data[:0], g.wire)
		}
		if !yield(Variant{g.typ, data}) {
			return
		}
	}
}

// eachOf calls yield with every combination of a group, in the order of rank.
func (a *answers) eachOf(g *group, yield func(Variant) bool) bool {
	var at [maxParts + 1]uint32
	k := int(g.pick)
	for i := range k {
		at[i] = uint32(i)
	}
	at[k] = g.to - g.from
	var data [][]byte
	for {
		data = data[:0]
		for _, c := range at[:k] {
			for b := a.bytes(a.candidates[g.from+c].wire); len(b) >= 12; {
				n := 12 + int(binary.BigEndian.Uint16(b[10:]))
				data = append(data, b[12:n:n])
				b = b[n:]
			}
		}
		data = canonical(data)
		if !yield(Variant{g.typ, data}) {
			return false
		}
		if !next(at[:k+1]) {
			return true
		}
	}
}

// next steps to the combination that follows: the lowest element that can grow does, and those below it go back
// to the bottom. Behind the elements stands their limit.
func next(at []uint32) bool {
	for i := range at[:len(at)-1] {
		if at[i]+1 < at[i+1] {
			at[i]++
			for j := range at[:i] {
				at[j] = uint32(j)
			}
			return true
		}
	}
	return false
}

// binomials holds the numbers of ways to choose up to pick things out of up to some number of them, at most
// maxCount each, so that a query needs no division.
type binomials struct {
	pick int
	list []uint32 // of n things k: n*(pick+1) + k
}

func newBinomials(n, pick int) binomials {
	b := binomials{pick, make([]uint32, (n+1)*(pick+1))}
	for i := range n + 1 {
		row := b.list[i*(pick+1):]
		row[0] = 1
		for k := 1; k <= min(i, pick); k++ {
			above := b.list[(i-1)*(pick+1):]
			row[k] = min(above[k-1]+above[k], maxCount)
		}
	}
	return b
}

func (b *binomials) of(n, k int) uint32 { return b.list[n*(b.pick+1)+k] }

// rank numbers a combination (the combinatorial number system, Knuth 7.2.1.3): with the elements in ascending
// order, the sum of the ways to choose 1 of what lies below the first, 2 of what lies below the second, and so on.
// The elements are put in order.
func (b *binomials) rank(taken []int) uint32 {
	var sum uint32
	for i := range taken {
		for j := i; j > 0 && taken[j] < taken[j-1]; j-- {
			taken[j], taken[j-1] = taken[j-1], taken[j]
		}
	}
	for i, c := range taken {
		sum += b.of(c, i+1)
	}
	return sum
}

// pinnedVariants calls yield with the variants of one server.
func (p *pool) pinnedVariants(server int32, yield func(Variant) bool) {
	m := &p.members[server]
	if m.alias != nil {
		yield(Variant{typeCNAME, [][]byte{m.alias}})
		return
	}
	for f, records := range m.addrs {
		var data [][]byte
		for _, r := range records {
			data = append(data, r.wire[12:])
		}
		if len(data) > 0 && !yield(Variant{familyTypes[f], canonical(data)}) {
			return
		}
	}
}
