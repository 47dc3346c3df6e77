package ring

import (
	"slices"
	"sync"
	"sync/atomic"
)

// End counts what goes through a ring. Its giver calls Offer, Drop and Close, its taker Took and Closed. It is made to be
// embedded.
type End struct {
	offered, dropped, taken atomic.Uint64
	closed                  atomic.Bool
}

// Offer counts values that are about to be given or dropped.
func (e *End) Offer(n uint64) { e.offered.Add(n) }

// Drop counts those of them for which there is no room.
func (e *End) Drop(n uint64) { e.dropped.Add(n) }

// Took counts values that were taken, before anybody learns what became of them.
func (e *End) Took(n uint64) { e.taken.Add(n) }

// Close says that nothing more will be given.
func (e *End) Close() { e.closed.Store(true) }

// Closed tells whether nothing more will be given. Ask before looking into the ring for the last time.
func (e *End) Closed() bool { return e.closed.Load() }

func (e *End) end() *End { return e }

// Ends are the rings that one taker looks after, added by any goroutine. The zero value has none.
type Ends[T interface {
	comparable
	end() *End
}] struct {
	mu   sync.Mutex // guards what follows
	all  []T
	lost uint64 // by those that are gone
	over bool
	late atomic.Uint64
}

// Add adds one.
func (e *Ends[T]) Add(one T) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, one)
}

// All gives those that there are.
func (e *Ends[T]) All() []T {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.all)
}

// Remove lets one go that is closed and empty.
func (e *Ends[T]) Remove(one T) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = slices.DeleteFunc(e.all, func(other T) bool { return other == one })
	e.lost += one.end().untaken()
}

// Late counts values that were to be given to an end that is closed already.
func (e *Ends[T]) Late(n uint64) { e.late.Add(n) }

// Abandon says that the taker is gone: what is still given counts as dropped.
func (e *Ends[T]) Abandon() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.over = true
}

// Dropped tells how many values did not reach the taker, and whether that is the last word.
func (e *Ends[T]) Dropped() (n uint64, final bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	n, final = e.lost+e.late.Load(), e.over
	for _, one := range e.all {
		end := one.end()
		final = final && end.Closed() // first: what was offered stays as it is then
		if e.over {
			n += end.untaken()
		} else {
			n += end.dropped.Load()
		}
	}
	return n, final
}

// untaken is how many values were offered that nobody took. What is taken was offered before, so it is read first.
func (e *End) untaken() uint64 {
	taken := e.taken.Load()
	return e.offered.Load() - taken
}
