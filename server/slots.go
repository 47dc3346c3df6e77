package server

import "sync/atomic"

// slots are permits to wait while keeping a processor of the Go scheduler. There is one fewer than processors,
// so that something can always run. Safe for concurrent use.
type slots struct{ free atomic.Int32 }

func (s *slots) take() bool {
	for {
		n := s.free.Load()
		if n <= 0 {
			return false
		}
		if s.free.CompareAndSwap(n, n-1) {
			return true
		}
	}
}

func (s *slots) give() { s.free.Add(1) }
