package server

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// TestNumberedAgainstModel counts numbers of all sizes from several goroutines: none is lost, none appears.
func TestNumberedAgainstModel(t *testing.T) {
	var n numbered
	want := map[uint32]uint64{}
	var mu sync.Mutex
	var all sync.WaitGroup
	for seed := range uint64(4) {
		all.Go(func() {
			r := rand.New(rand.NewPCG(seed, 1))
			var tally numberTally
			own := map[uint32]uint64{}
			for range 200 {
				for range r.IntN(40) {
					number := uint32(r.IntN(3 * chunkSize))
					tally.add(number)
					own[number]++
				}
				tally.flush(&n)
			}
			mu.Lock()
			defer mu.Unlock()
			for number, count := range own {
				want[number] += count
			}
		})
	}
	all.Wait()
	got := n.addTo(nil)
	for number, count := range got {
		if count != want[uint32(number)] {
			t.Errorf("%d: %d, want %d", number, count, want[uint32(number)])
		}
	}
	if twice := n.addTo(got); twice[chunkSize+1] != 2*want[chunkSize+1] || len(got) != 3*chunkSize {
		t.Errorf("%d numbers, %d", len(got), twice[chunkSize+1])
	}
}

// TestNumbersWithoutEnd holds that a number too high costs nothing.
func TestNumbersWithoutEnd(t *testing.T) {
	var n numbered
	var tally numberTally
	tally.add(chunkSize * maxChunks)
	tally.add(1<<32 - 1)
	tally.add(1<<20 - 1)
	tally.flush(&n)
	n.add(1<<32-1, 1)
	if got := n.addTo(nil); len(got) != 1<<20 || got[1<<20-1] != 1 {
		t.Errorf("%d numbers", len(got))
	}
}

// TestNumbersAllocateNothing counts numbers met before.
func TestNumbersAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	var n numbered
	var tally numberTally
	if per := testing.AllocsPerRun(100, func() {
		tally.add(5)
		tally.add(2000)
		tally.flush(&n)
	}); per != 0 {
		t.Errorf("%v allocations", per)
	}
}
