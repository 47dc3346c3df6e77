package steer

import "testing"

func TestBitsetNeighbours(t *testing.T) {
	r := random(t, 1)
	for _, n := range []int{1, 2, 63, 64, 65, 4095, 4096, 4097, 70000, 300000} {
		for _, every := range []int{1, 3, 64, 5000, 1 << 30} {
			b := newBitset(n)
			has := make([]bool, n)
			for range n / every {
				has[r.IntN(n)] = true
			}
			has[0] = r.IntN(2) == 0
			for i := range has {
				if has[i] {
					b.add(i)
				}
			}
			b.sum()
			checkNeighbours(t, &b, has)
		}
	}
}

func checkNeighbours(t *testing.T, b *bitset, has []bool) {
	t.Helper()
	prev, next := make([]int, len(has)), make([]int, len(has))
	last := -1
	for i := range has {
		if has[i] {
			last = i
		}
		prev[i] = last
	}
	last = len(has)
	for i := len(has) - 1; i >= 0; i-- {
		next[i] = last
		if has[i] {
			last = i
		}
	}
	for i := range has {
		if got := b.prev(i); got != prev[i] {
			t.Fatalf("prev(%d) of %d = %d, want %d", i, len(has), got, prev[i])
		}
		if got := b.next(i); got != next[i] {
			t.Fatalf("next(%d) of %d = %d, want %d", i, len(has), got, next[i])
		}
	}
}

// TestPrefixLength tries every run and every block of a space of 64 blocks.
func TestPrefixLength(t *testing.T) {
	const width = 6
	for from := range uint64(1 << width) {
		for to := from + 1; to <= 1<<width; to++ {
			for c := from; c < to; c++ {
				want := 0
				for ; ; want++ {
					low := c >> (width - want) << (width - want)
					if low >= from && low+1<<(width-want) <= to {
						break
					}
				}
				if got := prefixLength(c, from, to, width); int(got) != want {
					t.Fatalf("block %d in [%d,%d): length %d, want %d", c, from, to, got, want)
				}
			}
		}
	}
}
