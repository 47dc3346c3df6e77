package admin

import (
	"errors"
	"sync"
)

// shared makes an answer for all who asked before it was begun, and one at a time. With thousands of servers an answer
// about everything is megabytes: were each of many callers to have one made, DNS would wait and memory would not last.
// The zero value is ready. Safe for concurrent use.
type shared struct {
	mu   sync.Mutex // guards what follows
	now  *made      // begun; nil: none is
	next *made      // not begun, for those who ask now; nil: nobody has asked
}

// made is an answer, or will be.
type made struct {
	ready chan struct{} // closed when body is there
	body  []byte        // nil: it could not be made
}

var errUnmade = errors.New("the answer could not be made")

// get gives what f makes after the call.
func (s *shared) get(f func() []byte) ([]byte, error) {
	s.mu.Lock()
	m, before, first := s.next, s.now, s.next == nil
	if first {
		m = &made{ready: make(chan struct{})}
		s.next = m
	}
	s.mu.Unlock()
	if first {
		if before != nil {
			<-before.ready
		}
		s.fill(m, f)
	}
	<-m.ready
	if m.body == nil {
		return nil, errUnmade
	}
	return m.body, nil
}

// fill makes an answer. Whoever asks from its beginning on waits for the one after it.
func (s *shared) fill(m *made, f func() []byte) {
	s.begin(m)
	defer s.end(m) // should f panic, too
	m.body = f()
}

func (s *shared) begin(m *made) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now, s.next = m, nil
}

func (s *shared) end(m *made) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = nil // it is m: the one after it has not begun
	close(m.ready)
}
