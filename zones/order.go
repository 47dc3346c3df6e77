package zones

import (
	"cmp"
	"slices"

	"github.com/meridian-dns/meridian/dnssec"
)

// ordered is a node with what decides its place in canonical order (RFC 4034
// section 6.1) in most cases.
type ordered struct {
	high, low uint64
	id        uint32
}

// canonicalOrder puts nodes into canonical order, in place.
func (z *Zone) canonicalOrder(ids []uint32) {
	list := advise(make([]ordered, len(ids)))
	parallel(len(ids), func(from, to int) {
		for i := from; i < to; i++ {
			high, low := sortKey(z.owner(ids[i]), len(z.origin))
			list[i] = ordered{high, low, ids[i]}
		}
	})
	byName := func(a, b ordered) int {
		if a.high != b.high {
			return cmp.Compare(a.high, b.high)
		}
		if a.low != b.low {
			return cmp.Compare(a.low, b.low)
		}
		return dnssec.CompareNames(z.owner(a.id), z.owner(b.id))
	}
	slices.SortFunc(list, byName)
	for i := range list {
		ids[i] = list[i].id
	}
}

// sortKey gives the first 16 octets of a form of the name whose octets sort as
// names do: the labels from the apex down, without the apex, each ended by a
// zero; zeros and ones in labels are written as two octets.
func sortKey(name []byte, origin int) (high, low uint64) {
	var at [maxLabels]uint8
	n := 0
	for i := 0; i < len(name)-origin; i += 1 + int(name[i]) {
		at[n] = uint8(i)
		n++
	}
	var key [16]byte
	size := 0
	for n > 0 && size < len(key) {
		n--
		start := int(at[n])
		size = keyLabel(&key, size, name[start+1:start+1+int(name[start])])
	}
	return beUint64(key[:8]), beUint64(key[8:])
}

// keyLabel writes one label into a key, as far as there is room.
func keyLabel(key *[16]byte, size int, label []byte) int {
	for _, c := range label {
		if c <= 1 && size < len(key) {
			key[size] = 1
			size++
			c++
		}
		if size >= len(key) {
			return size
		}
		key[size] = c
		size++
	}
	return size + 1 // the zero is there already
}

// carryOver puts nodes into canonical order, in place, knowing the order that
// those of them had which were in the zone's version before: old lists that
// version's nodes, now gives the number that such a node has now, plus one.
func (z *Zone) carryOver(ids, old, now []uint32) {
	kept := advise(make([]uint32, 0, len(ids)))
	was := make([]uint64, len(z.nodes)/64+1)
	wanted := make([]uint64, len(z.nodes)/64+1)
	for _, id := range ids {
		wanted[id/64] |= 1 << (id % 64)
	}
	for _, o := range old {
		if id := now[o]; id != 0 && wanted[(id-1)/64]>>((id-1)%64)&1 != 0 {
			kept = append(kept, id-1)
			was[(id-1)/64] |= 1 << ((id - 1) % 64)
		}
	}
	var added []uint32
	for _, id := range ids {
		if was[id/64]>>(id%64)&1 == 0 {
			added = append(added, id)
		}
	}
	z.canonicalOrder(added)
	z.merge(ids, kept, added)
}

// merge puts two ordered lists of nodes together. The second is taken to be
// much shorter.
func (z *Zone) merge(dst, a, b []uint32) {
	dst = dst[:0]
	for _, id := range b {
		n, _ := slices.BinarySearchFunc(a, id, func(x, id uint32) int {
			return dnssec.CompareNames(z.owner(x), z.owner(id))
		})
		dst = append(append(dst, a[:n]...), id)
		a = a[n:]
	}
	copy(dst[len(dst):cap(dst)], a)
}

func beUint64(b []byte) (v uint64) {
	for _, c := range b[:8] {
		v = v<<8 | uint64(c)
	}
	return v
}
