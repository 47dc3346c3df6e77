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
	}
	s.n, s.used, s.lag = len(reqs), max(s.used, len(reqs)), min(maxLag, len(reqs)/steps)
	for i := range reqs {
		q := &s.queries[i]
		q.begin(v, &reqs[i])
		q.read()
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
// one query take its first step, another its second and so on. So a few things
// are on their way all the time, and nobody waits for them; a processor asked
// for more at a time forgets some.
func (s *Scratch) fetch(tick int) {
	s.at(tick).seek().Slot()
	s.at(tick - s.lag).ahead.zone.Node()
	s.at(tick - 2*s.lag).steer()
	s.at(tick - 3*s.lag).ahead.pool.Place()
	s.at(tick - 4*s.lag).ahead.pool.Rank()
}

// at is query i of the batch, or one that asks for nothing.
func (s *Scratch) at(i int) *query {
	if i < 0 || i >= s.n {
		return &s.idle
	}
	return &s.queries[i]
}

// seek begins the lookup of the current name in its zone.
func (q *query) seek() *zones.Ahead {
	q.ahead.zone = zones.Begin(q.zone, &q.name)
	return &q.ahead.zone
}

// steer goes on from the node to its RRsets or, of a geo name, to the pool.
func (q *query) steer() {
	a := &q.ahead
	a.zone.Owner()
	a.pool.None()
	id, ok := a.zone.Guess()
	if !ok {
		return
	}
	if ref, _, ok := q.zone.Geo(id); ok {
		var c steer.Client
		q.setClient(&c)
		a.pool.Begin(q.view.steer, q.view.refs[q.entry][ref].ref, &c)
		a.pool.Find()
	}
}
