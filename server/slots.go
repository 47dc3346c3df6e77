package server

import (
	"runtime"
	"sync/atomic"
)

// slots are permits to wait while keeping a processor of the Go scheduler. There is one fewer than processors,
// so that something can always run. Safe for concurrent use.
type slots struct{ used atomic.Int32 }

// take follows changes of GOMAXPROCS.
func (s *slots) take() bool { return s.takeOf(int32(runtime.GOMAXPROCS(0))) }

func (s *slots) takeOf(processors int32) bool {
	if s.used.Add(1) < processors {
		return true
	}
	s.used.Add(-1)
	return false
}

func (s *slots) give() { s.used.Add(-1) }
