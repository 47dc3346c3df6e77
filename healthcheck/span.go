package healthcheck

import (
	"context"
	"sync"
	"time"
)

// span is the context of one probe. Of ten thousand a second each would otherwise
// have a timer and a place in its parent's list; connections keep to its deadline by
// themselves, so a timer runs only for those who ask for Done.
type span struct {
	deadline time.Time

	mu    sync.Mutex // guards what follows
	err   error      // why it has ended before its deadline
	done  chan struct{}
	timer *time.Timer
	then  func() // on cancel
}

// Deadline is the end of the probe.
func (s *span) Deadline() (time.Time, bool) { return s.deadline, true }

// Value is nil: a probe carries none.
func (s *span) Value(any) any { return nil }

// Done is closed at the deadline, or when the span is cancelled.
func (s *span) Done() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done == nil {
		s.done = make(chan struct{})
		if s.err != nil {
			close(s.done)
		} else {
			s.timer = time.AfterFunc(time.Until(s.deadline), func() { s.end(context.DeadlineExceeded) })
		}
	}
	return s.done
}

// Err says whether and why it has ended.
func (s *span) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && !time.Now().Before(s.deadline) {
		s.err = context.DeadlineExceeded
	}
	return s.err
}

// onCancel has f called if the span is cancelled, in place of an f before; stop
// prevents that. The deadline alone may not call it.
func (s *span) onCancel(f func()) (stop func() bool) {
	s.mu.Lock()
	s.then = f
	ended := s.err != nil
	s.mu.Unlock()
	if ended {
		f()
	}
	return s.forget
}

func (s *span) forget() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.then = nil
	return true
}

func (s *span) cancelled() bool { return s.Err() == context.Canceled }

func (s *span) cancel() { s.end(context.Canceled) }

func (s *span) end(err error) {
	s.mu.Lock()
	if s.err == nil {
		s.err = err
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	if s.done != nil {
		select {
		case <-s.done:
		default:
			close(s.done)
		}
	}
	then := s.then
	s.mu.Unlock()
	if then != nil {
		then()
	}
}

// afterEnd is context.AfterFunc without the goroutine and the list of a span.
func afterEnd(ctx context.Context, f func()) (stop func() bool) {
	if s, ok := ctx.(*span); ok {
		return s.onCancel(f)
	}
	return context.AfterFunc(ctx, f)
}
