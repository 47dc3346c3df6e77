package geo

// NewAtoms makes atoms by hand, for tests of what is built over a Partition.
// bits is 24 for IPv4 or 56 for IPv6. starts are the first blocks of the atoms,
// ascending from 0, places their places, and borders the indexes of those that
// start at the edge of a special-purpose block.
func NewAtoms(bits int, starts []uint64, places []PlaceID, borders []int) Atoms {
	a := Atoms{end: 1 << bits, ids: places, borders: make([]uint64, (len(starts)+63)/64)}
	for _, i := range borders {
		a.borders[i/64] |= 1 << (i % 64)
	}
	if bits == ipv6.blockBits() {
		a.long = starts
		a.levels = thin(starts)
		return a
	}
	for _, s := range starts {
		a.short = append(a.short, uint32(s))
	}
	a.mark()
	return a
}
