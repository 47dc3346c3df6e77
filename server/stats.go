package server

import (
	"sync/atomic"
)

// Stats counts since Listen, over all listeners, closed ones included.
type Stats struct {
	UDP, TCP    Traffic
	Connections ConnectionStats
	Panics      uint64 // queries whose answer panicked
}

// Traffic counts messages of one transport. Queries = Answers + Dropped.
type Traffic struct {
	Queries   uint64         // messages handed to the resolver
	Answers   uint64         // answers it made
	Dropped   uint64         // messages without an answer, unanswerable sources included
	Truncated uint64         // answers with TC
	Unsent    uint64         // answers the kernel or the client did not take
	RCodes    [rcodes]uint64 // answers by response code, extended ones included
}

// rcodes is above the highest response code assigned, BADCOOKIE (RFC 7873).
const rcodes = 24

// ConnectionStats counts TCP connections.
type ConnectionStats struct {
	Open     uint64 // now
	Accepted uint64
	Refused  uint64 // closed at once: at a cap, and no connection idle to make room
	Evicted  uint64 // closed to make room
	Expired  uint64 // closed for idling, a slow message or a client that does not read
}

// Stats returns the counts up to the last batch of every worker.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.retired
	for _, l := range s.listeners {
		l.count(&st)
	}
	st.Connections = s.table.stats()
	return st
}

// tally counts without atomics, for one goroutine between two flushes.
type tally struct {
	Traffic
	panics uint64
}

// counters are written by one worker and read by anybody. Padded, so that no two workers share a cache line.
type counters struct {
	_                                                    [128]byte
	queries, answers, dropped, truncated, unsent, panics atomic.Uint64
	rcodes                                               [rcodes]atomic.Uint64
	_                                                    [128]byte
}

// flush moves what t holds into c.
func (c *counters) flush(t *tally) {
	add(&c.queries, t.Queries)
	add(&c.answers, t.Answers)
	add(&c.dropped, t.Dropped)
	add(&c.truncated, t.Truncated)
	add(&c.unsent, t.Unsent)
	add(&c.panics, t.panics)
	for i, n := range t.RCodes {
		add(&c.rcodes[i], n)
	}
	*t = tally{}
}

func add(to *atomic.Uint64, n uint64) {
	if n != 0 {
		to.Add(n)
	}
}

func (c *counters) addTo(t *Traffic, panics *uint64) {
	t.Queries += c.queries.Load()
	t.Answers += c.answers.Load()
	t.Dropped += c.dropped.Load()
	t.Truncated += c.truncated.Load()
	t.Unsent += c.unsent.Load()
	for i := range c.rcodes {
		t.RCodes[i] += c.rcodes[i].Load()
	}
	*panics += c.panics.Load()
}
