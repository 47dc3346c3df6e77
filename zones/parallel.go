package zones

import (
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/meridian-dns/meridian/internal/background"
)

// processors is how many goroutines work on one zone at a time.
func processors() int { return min(runtime.GOMAXPROCS(0), runtime.NumCPU()) }

// parallel cuts 0 to n into ranges and works on several at a time.
func parallel(n int, work func(from, to int)) { parallelBy(16<<10, n, work) }

// parallelBy is parallel with ranges of a given length.
func parallelBy(per, n int, work func(from, to int)) {
	if n <= per {
		work(0, n)
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	beside := background.Here()
	for range min(processors(), (n+per-1)/per) {
		wg.Go(func() {
			background.Follow(beside)
			for from := int(next.Add(int64(per))) - per; from < n; from = int(next.Add(int64(per))) - per {
				work(from, min(from+per, n))
			}
		})
	}
	wg.Wait()
}

// run fills the chunks of 0 to n, several at a time, and adds each to the zone
// in its order.
func (s *signing) run(n int, fill func(c *chunk, from, to int)) error {
	const per = 1024
	count := (n + per - 1) / per
	if count == 0 {
		return nil
	}
	if count == 1 {
		c := newChunk(s)
		fill(c, 0, n)
		return s.add(c)
	}
	workers := min(processors(), count)
	free := make(chan *chunk, 4*workers) // bounds what is filled and not added
	for range cap(free) {
		free <- newChunk(s)
	}
	done := make(chan *chunk, cap(free))
	var next, failed atomic.Int64
	var wg sync.WaitGroup
	beside := background.Here()
	for range workers {
		wg.Go(func() {
			background.Follow(beside)
			for c := range free {
				if c.number = int(next.Add(1)) - 1; c.number >= count {
					return
				}
				if failed.Load() == 0 {
					fill(c, c.number*per, min(c.number*per+per, n))
				}
				done <- c
			}
		})
	}
	err := s.collect(count, done, free, &failed)
	wg.Wait()
	return err
}

// collect adds chunks in their order as they get ready.
func (s *signing) collect(count int, done, free chan *chunk, failed *atomic.Int64) (err error) {
	waiting := map[int]*chunk{}
	for at := 0; at < count; at++ {
		for waiting[at] == nil {
			c := <-done
			waiting[c.number] = c
		}
		c := waiting[at]
		delete(waiting, at)
		if err == nil {
			if err = s.add(c); err != nil {
				failed.Store(1)
			}
		}
		c.reset()
		free <- c
	}
	close(free)
	return err
}
