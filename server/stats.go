package server

import (
	"slices"
	"sync/atomic"
	"time"
)

// Stats counts since Listen, over all listeners, closed ones included.
type Stats struct {
	UDP, TCP    Traffic
	UDP6, TCP6  Traffic // of them, over IPv6
	Connections ConnectionStats
	Panics      uint64 // queries whose answer panicked
	// Servers counts the answers that hold a server that a client was steered to, by steer.Server.Number. Numbers
	// behind its end are 0.
	Servers []uint64
}

// Traffic counts messages of one transport. Queries = Answers + Dropped.
type Traffic struct {
	Queries   uint64         // messages handed to the resolver
	Answers   uint64         // answers it made
	Dropped   uint64         // messages without an answer, unanswerable sources included
	Sources   uint64         // of them, from sources to which no answer can be sent
	Short     uint64         // of them, shorter than a header; all others are responses
	Truncated uint64         // answers with TC
	Unsent    uint64         // answers the kernel or the client did not take
	Subnet    uint64         // answers to queries with a client subnet (RFC 7871)
	DO        uint64         // answers to queries that want DNSSEC (RFC 3225)
	RCodes    [rcodes]uint64 // answers by response code, extended ones included
	Types     [Types]uint64  // answers by the type asked for; see TypeName
	Asked     Sizes          // of the queries that were answered, in octets
	Answered  Sizes          // of their answers
	Times     Times          // from when queries were received to when their answers went to the kernel, over TCP were ready to
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
	st.Servers = slices.Clone(st.Servers)
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
	sources, short, subnet, do                           atomic.Uint64
	rcodes                                               [rcodes]atomic.Uint64
	types                                                [Types]atomic.Uint64
	asked, answered                                      [sizeBuckets]atomic.Uint64
	times                                                [timeBuckets]atomic.Uint64
	askedSum, answeredSum, timesSum                      atomic.Uint64
	servers                                              numbered
	_                                                    [128]byte
}

// flush moves what t holds into c.
func (c *counters) flush(t *tally) {
	if !counting {
		return
	}
	add(&c.queries, t.Queries)
	add(&c.answers, t.Answers)
	add(&c.dropped, t.Dropped)
	add(&c.truncated, t.Truncated)
	add(&c.unsent, t.Unsent)
	add(&c.panics, t.panics)
	add(&c.sources, t.Sources)
	add(&c.short, t.Short)
	add(&c.subnet, t.Subnet)
	add(&c.do, t.DO)
	addAll(c.rcodes[:], t.RCodes[:])
	addAll(c.types[:], t.Types[:])
	addAll(c.asked[:], t.Asked.Counts[:])
	addAll(c.answered[:], t.Answered.Counts[:])
	addAll(c.times[:], t.Times.Counts[:])
	add(&c.askedSum, t.Asked.Sum)
	add(&c.answeredSum, t.Answered.Sum)
	add(&c.timesSum, uint64(t.Times.Sum))
	*t = tally{}
}

func addAll(to []atomic.Uint64, from []uint64) {
	for i, n := range from {
		add(&to[i], n)
	}
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
	t.Sources += c.sources.Load()
	t.Short += c.short.Load()
	t.Truncated += c.truncated.Load()
	t.Unsent += c.unsent.Load()
	t.Subnet += c.subnet.Load()
	t.DO += c.do.Load()
	loadAll(t.RCodes[:], c.rcodes[:])
	loadAll(t.Types[:], c.types[:])
	loadAll(t.Asked.Counts[:], c.asked[:])
	loadAll(t.Answered.Counts[:], c.answered[:])
	loadAll(t.Times.Counts[:], c.times[:])
	t.Asked.Sum += c.askedSum.Load()
	t.Answered.Sum += c.answeredSum.Load()
	t.Times.Sum += time.Duration(c.timesSum.Load())
	*panics += c.panics.Load()
}

func loadAll(to []uint64, from []atomic.Uint64) {
	for i := range from {
		to[i] += from[i].Load()
	}
}
