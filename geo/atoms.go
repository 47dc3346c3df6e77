package geo

import (
	"math/bits"
	"net/netip"

	"github.com/meridian-dns/meridian/internal/prefetch"
)

// Atoms cuts the address space of a family into maximal runs of blocks of equal
// place, cut also where special-purpose space begins or ends. A block is the
// top 24 bits of an IPv4 address or the top 56 bits of an IPv6 address. The
// zero Atoms is empty. Atoms is immutable.
type Atoms struct {
	end     uint64     // number of blocks
	short   []uint32   // first blocks, IPv4
	long    []uint64   // first blocks, IPv6
	ids     []PlaceID  // by atom
	borders []uint64   // bit by atom
	marks   []mark     // IPv4: by 64 blocks
	levels  [][]uint64 // IPv6: every 16th of long, every 16th of that, and so on
}

// mark says of 64 blocks where atoms start. It takes 16 octets, so that none
// lies in two cache lines.
type mark struct {
	starts uint64 // bit by block
	before uint32 // atoms that start before the first of them
	_      uint32
}

// fan is how many keys of a level stand under one key of the level above: two
// cache lines.
const fan = 16

// BlockOf is the number of the block around an address, which is not to be
// IPv4-mapped.
func BlockOf(a netip.Addr) uint64 {
	return positionOf(a).hi >> familyOf(a).blockShift()
}

// newAtoms takes over what a builder has made.
func newAtoms(b *builder) Atoms {
	a := Atoms{end: 1 << b.family.blockBits(), ids: make([]PlaceID, 0, b.ids.len()), borders: b.borders}
	for _, chunk := range b.ids.full {
		a.ids = append(a.ids, chunk...)
	}
	if b.family == ipv6 {
		a.long = make([]uint64, 0, len(a.ids))
		for _, chunk := range b.starts.full {
			a.long = append(a.long, chunk...)
		}
		a.levels = thin(a.long)
		return a
	}
	a.short = make([]uint32, 0, len(a.ids))
	for _, chunk := range b.starts.full {
		for _, block := range chunk {
			a.short = append(a.short, uint32(block))
		}
	}
	a.mark()
	return a
}

// number gives marked mixes their final numbers, behind those of the places.
func (a *Atoms) number(places int) {
	for i, id := range a.ids {
		if id&mixed != 0 {
			a.ids[i] = id&^mixed + PlaceID(places)
		}
	}
}

// mark makes the index of IPv4: which atom holds a block is how many start up to
// it, which a bit for every block tells in 4 MiB and without a branch.
func (a *Atoms) mark() {
	a.marks = make([]mark, a.end/64)
	for _, block := range a.short {
		a.marks[block/64].starts |= 1 << (block % 64)
	}
	n := uint32(0)
	for w := range a.marks {
		a.marks[w].before = n
		n += uint32(bits.OnesCount64(a.marks[w].starts))
	}
}

// thin makes the levels above keys, the lowest first, until one fits a fan.
func thin(keys []uint64) [][]uint64 {
	var levels [][]uint64
	for len(keys) > fan {
		above := make([]uint64, 0, len(keys)/fan+1)
		for i := 0; i < len(keys); i += fan {
			above = append(above, keys[i])
		}
		levels = append(levels, above)
		keys = above
	}
	return levels
}

// Len is the number of atoms.
func (a *Atoms) Len() int { return len(a.ids) }

// Start is the first block of atom i; Start(Len()) is the number of blocks,
// 1<<24 or 1<<56.
func (a *Atoms) Start(i int) uint64 {
	switch {
	case i == len(a.ids):
		return a.end
	case a.short != nil:
		return uint64(a.short[i])
	}
	return a.long[i]
}

// Place is the place of atom i, or its mix.
func (a *Atoms) Place(i int) PlaceID { return a.ids[i] }

// Places are the places or mixes of all atoms. Read only.
func (a *Atoms) Places() []PlaceID { return a.ids }

// Borders holds a bit by atom, 64 to a word, that says what Border says. Read
// only.
func (a *Atoms) Borders() []uint64 { return a.borders }

// Border tells whether atom i starts at the edge of a special-purpose block.
func (a *Atoms) Border(i int) bool { return a.borders[i/64]>>(i%64)&1 != 0 }

// Find is the atom that holds a block; of a block beyond the end, the last
// atom, which is -1 if there is none. It allocates nothing.
func (a *Atoms) Find(block uint64) int {
	if block >= a.end {
		return len(a.ids) - 1
	}
	if a.short != nil {
		return a.findShort(uint32(block))
	}
	return a.findLong(block)
}

func (a *Atoms) findShort(block uint32) int {
	m := &a.marks[block/64]
	return int(m.before) + bits.OnesCount64(m.starts<<(63-block%64)) - 1
}

func (a *Atoms) findLong(block uint64) int {
	i := 0
	for l := len(a.levels) - 1; l >= 0; l-- {
		i = under(a.levels[l], i, block)
	}
	return under(a.long, i, block)
}

// under is the last key not above block among those under key i of the level
// above.
func under(keys []uint64, i int, block uint64) int {
	first := i * fan
	keys = keys[first:min(first+fan, len(keys))]
	n := 0
	for n < len(keys) && keys[n] <= block {
		n++
	}
	return first + n - 1
}

// Ask asks for what Find of a block will read, of IPv4.
func (a *Atoms) Ask(block uint64) {
	if w := block / 64; w < uint64(len(a.marks)) {
		prefetch.Line(&a.marks[w])
	}
}

// AskPlace asks for what Place will read.
func (a *Atoms) AskPlace(i int) { prefetch.Line(&a.ids[i]) }

// AskStart asks for what Start will read.
func (a *Atoms) AskStart(i int) {
	switch {
	case i == len(a.ids):
	case a.short != nil:
		prefetch.Line(&a.short[i])
	default:
		prefetch.Line(&a.long[i])
	}
}
