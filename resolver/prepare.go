package resolver

import (
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// Prepare reads queries that are to be answered one after the other by Write
// of the same view: it parses them, finds their zones, and fetches into the
// cache what the answers will read. For queries that came together this is
// where the time goes: a large zone and a city database lie in memory, and to
// wait for it once is better than once a query. reqs and their messages must
// stay as they are until the last Write. Only the first call for a larger
// number of queries allocates.
func (v *View) Prepare(reqs []Request, s *Scratch) {
	if len(s.queries) < len(reqs) {
		s.queries, s.ahead = make([]query, len(reqs)), make([]ahead, len(reqs))
	}
	qs := s.queries[:len(reqs)]
	s.used = max(s.used, len(reqs))
	for i := range qs {
		qs[i].begin(v, &reqs[i])
		qs[i].read()
	}
	if len(qs) > 1 {
		s.fetch(qs)
	}
}

// ahead is what a query reads in advance.
type ahead struct {
	zone zones.Ahead
	pool steer.Ahead
}

// fetch reads tables in advance, each step for all queries before the next
// one: a step of a query needs what its last one read, but the same steps of
// different queries need nothing of each other, and the loops are short enough
// for the processor to have several of their reads under way.
func (s *Scratch) fetch(qs []query) {
	all, sum := s.ahead[:len(qs)], uint64(0)
	for i := range all {
		all[i].zone.Begin(qs[i].zone, &qs[i].name)
	}
	for i := range all {
		sum += uint64(all[i].zone.Slot())
	}
	for i := range all {
		sum += uint64(all[i].zone.Node())
	}
	for i := range all {
		sum += uint64(all[i].zone.Owner())
		qs[i].steer(&all[i])
	}
	for i := range all {
		sum += all[i].pool.Find()
	}
	for i := range all {
		sum += all[i].pool.Place()
	}
	for i := range all {
		sum += all[i].pool.Rank()
	}
	s.sum = sum // so that the compiler leaves none of it out
}

// steer begins with the pool of a geo name.
func (q *query) steer(a *ahead) {
	a.pool.None()
	id, ok := a.zone.Match()
	if !ok {
		return
	}
	if ref, _, ok := q.zone.Geo(id); ok {
		var c steer.Client
		q.setClient(&c)
		a.pool.Begin(q.view.steer, q.view.refs[q.entry][ref].ref, &c)
	}
}
