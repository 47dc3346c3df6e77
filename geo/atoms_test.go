package geo

import (
	"math/rand/v2"
	"slices"
	"sort"
	"testing"
)

// randomAtoms makes n atoms or fewer, dense in one corner as real ones are.
func randomAtoms(f family, n int, rnd *rand.Rand) (Atoms, []uint64) {
	end := uint64(1) << f.blockBits()
	starts := []uint64{0}
	for range n - 1 {
		b := rnd.Uint64N(end)
		if rnd.IntN(3) > 0 {
			b = end/3 + rnd.Uint64N(uint64(2*n))
		}
		starts = append(starts, b)
	}
	slices.Sort(starts)
	starts = slices.Compact(starts)
	b := newBuilder(f, newPlaces())
	for i, s := range starts {
		b.push(s, PlaceID(i%2))
	}
	return newAtoms(b), starts
}

func TestAtomsFind(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, f := range []family{ipv4, ipv6} {
		for _, n := range []int{1, 2, 15, 16, 17, 18, 255, 256, 257, 258, 4096, 5000, 70_000} {
			a, starts := randomAtoms(f, n, rnd)
			if a.Len() != len(starts) || a.Start(a.Len()) != 1<<f.blockBits() {
				t.Fatalf("%s: %d atoms of %d", f, a.Len(), len(starts))
			}
			check := func(block uint64) {
				want := sort.Search(len(starts), func(i int) bool { return starts[i] > block }) - 1
				if got := a.Find(block); got != want {
					t.Fatalf("%s, %d atoms: block %d in atom %d, want %d", f, n, block, got, want)
				}
			}
			for i, s := range starts {
				check(s)
				check(max(s, 1) - 1)
				if a.Start(i) != s || a.Place(i) != PlaceID(i%2) {
					t.Fatalf("%s: atom %d starts at %d, want %d", f, i, a.Start(i), s)
				}
			}
			for range 1000 {
				check(rnd.Uint64N(a.end))
			}
			check(a.end - 1)
			for _, block := range []uint64{0, a.end - 1, a.end} {
				a.Ask(block) // is harmless
			}
			if got := a.Find(a.end); got != a.Len()-1 {
				t.Errorf("beyond the end: %d", got)
			}
		}
	}
	new(Atoms).Ask(0)
	if got := new(Atoms).Find(0); got != -1 {
		t.Errorf("empty: %d", got)
	}
}

func TestAtomsFindAllocatesNothing(t *testing.T) {
	for _, f := range []family{ipv4, ipv6} {
		a, _ := randomAtoms(f, 5000, rand.New(rand.NewPCG(1, 1)))
		if n := testing.AllocsPerRun(100, func() { a.Find(a.end / 3) }); n != 0 {
			t.Errorf("%s: %v allocations", f, n)
		}
	}
}

func BenchmarkAtomsFind(b *testing.B) {
	for _, f := range []family{ipv4, ipv6} {
		b.Run(f.String(), func(b *testing.B) {
			rnd := rand.New(rand.NewPCG(1, 1))
			a, starts := randomAtoms(f, 4_000_000, rnd)
			blocks := make([]uint64, 1<<16)
			for i := range blocks {
				blocks[i] = starts[rnd.IntN(len(starts))]
			}
			b.ResetTimer()
			for i := range b.N {
				a.Find(blocks[i&(1<<16-1)])
			}
		})
	}
}
