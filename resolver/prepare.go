package resolver

import (
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// Prepare reads queries that are to be answered one after the other by Write
// of the same view: it parses them, finds their zones, and begins to fetch into
// the cache what the answers will read. For queries that came together this is
// where the time would go: a large zone and a city database lie in memory, far
// away. reqs and their messages must stay as they are until the last Write.
// Only the first call for a larger number of queries allocates.
func (v *View) Prepare(reqs []Request, s *Scratch) {
	if len(s.queries) < len(reqs) {
		s.queries = make([]query, len(reqs))
		for i := range s.queries {
			s.queries[i].work = &s.work
		}
	}
	s.batch, s.used = s.queries[:len(reqs)], max(s.used, len(reqs))
	s.lag, s.steered = min(maxLag, len(reqs)/steps), false
	for i := range s.batch {
		q := &s.batch[i]
		q.begin(v, &reqs[i])
		q.read()
		q.seek()
		s.fetch(i)
	}
}

// ahead is what a query reads in advance.
type ahead struct {
	zone zones.Ahead
	pool steer.Ahead
}

const (
	steps  = 5 // of a query, each of which reads what the one before asked for
	maxLag = 6 // ticks between two steps of a query: as long as memory takes to answer that others use, too
)

// fetch lets the queries of a batch ask for the memory that they will read. It
// is called at every tick, which is a query read or an answer written, and lets
// one query take its second step, another its third and so on; the first is
// seek's. So a few things are on their way all the time, and nobody waits for
// them; a processor asked for more at a time forgets some.
func (s *Scratch) fetch(tick int) {
	if q := s.at(tick - s.lag); q != nil {
		q.ahead.zone.Node()
	}
	if q := s.at(tick - 2*s.lag); q != nil && q.steer() {
		s.steered = true
	}
	if !s.steered {
		return
	}
	if q := s.at(tick - 3*s.lag); q != nil {
		q.ahead.pool.Place()
	}
	if q := s.at(tick - 4*s.lag); q != nil {
		q.ahead.pool.Rank()
	}
}

// at is query i of the batch, or nil.
func (s *Scratch) at(i int) *query {
	if uint(i) < uint(len(s.batch)) {
		return &s.batch[i]
	}
	return nil
}

// seek begins the lookup of the current name in its zone, and asks for the
// first that it reads.
func (q *query) seek() {
	q.ahead.zone = zones.Begin(q.zone, &q.name)
	q.ahead.zone.Slot()
}

// steer goes on from the node to its RRsets or, of a geo name, to the pool,
// which it tells.
func (q *query) steer() bool {
	a := &q.ahead
	a.pool.None()
	ref, ok := a.zone.Owner()
	if !ok {
		return false
	}
	var c steer.Client
	q.setClient(&c)
	a.pool.Begin(q.view.steer, q.view.refs[q.entry][ref].ref, &c)
	a.pool.Find()
	return true
}
