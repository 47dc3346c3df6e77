package steer

import "math/bits"

// bitset is a set of small integers that finds the neighbours of a number in one step per level: a bit of
// level l+1 says whether a word of level l has any bit set. Safe for concurrent readers once summed.
type bitset struct {
	level [6][]uint64 // 64 to the power of 6 bits are more atoms than there can be blocks worth telling apart
	top   int
	n     int
}

func newBitset(n int) bitset {
	b := bitset{n: n}
	for words := (n + 63) / 64; ; words = (words + 63) / 64 {
		b.level[b.top] = make([]uint64, max(words, 1))
		if words <= 1 {
			return b
		}
		b.top++
	}
}

// add puts i into the set; sum must follow before a lookup.
func (b *bitset) add(i int) { b.level[0][i>>6] |= 1 << (i & 63) }

// sum fills the upper levels from the lowest.
func (b *bitset) sum() {
	for l := range b.top {
		for w, word := range b.level[l] {
			if word != 0 {
				b.level[l+1][w>>6] |= 1 << (w & 63)
			}
		}
	}
}

// next returns the least member above i, or the size of the set's range if there is none.
func (b *bitset) next(i int) int {
	for l, i := 0, i+1; l <= b.top; l++ {
		w := i >> 6
		if w >= len(b.level[l]) {
			break
		}
		if rest := b.level[l][w] &^ (1<<(i&63) - 1); rest != 0 {
			return b.lowest(l, w<<6|bits.TrailingZeros64(rest))
		}
		i = w + 1
	}
	return b.n
}

// prev returns the greatest member that is not above i, or -1 if there is none.
func (b *bitset) prev(i int) int {
	for l := 0; l <= b.top && i >= 0; l++ {
		w := i >> 6
		if rest := b.level[l][w] << (63 - i&63); rest != 0 {
			return b.highest(l, i-bits.LeadingZeros64(rest))
		}
		i = w - 1
	}
	return -1
}

func (b *bitset) lowest(l, i int) int {
	for l--; l >= 0; l-- {
		i = i<<6 | bits.TrailingZeros64(b.level[l][i])
	}
	return i
}

func (b *bitset) highest(l, i int) int {
	for l--; l >= 0; l-- {
		i = i<<6 | (63 - bits.LeadingZeros64(b.level[l][i]))
	}
	return i
}
