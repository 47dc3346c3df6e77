package server

import (
	"math"
	mathrand "math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meridian-dns/meridian/resolver"
)

// Tap is where a random sample of what is answered goes.
type Tap struct {
	// Sample is the share of the answers that are handed over, over 0 and at most 1.
	Sample float64
	// Open makes the sink of one worker, or of all TCP connections of an address. It is called when the first answer with
	// the tap in force is about to be given.
	Open func() Sink
}

// Sink takes the sample of one worker, one exchange after the other.
type Sink interface {
	// Take is called on the query path: it neither waits nor keeps anything of the exchange.
	Take(x *Exchange)
	// Close follows the last Take, but for those of connections that do not know yet. They are counted as dropped.
	Close()
}

// Exchange is a query and its answer. It is good until Take returns.
type Exchange struct {
	View     *resolver.View
	Query    []byte
	Answer   []byte
	Client   netip.AddrPort
	Local    netip.AddrPort // the address that was asked
	Via      resolver.Transport
	Received time.Time         // when the batch of the query was
	Told     *resolver.Scratch // what it tells of this query
}

// SetTaps makes these the taps, in place of all before. Workers go over to them with their next batch.
func (s *Server) SetTaps(taps ...Tap) { s.taps.Store(&taps) }

// tapped is what one responder hands exchanges to.
type tapped struct {
	now    *atomic.Pointer[[]Tap]
	of     *[]Tap
	ends   []end
	shared *sharedSinks // where the sinks come from; nil: they are the responder's own
	x      Exchange
}

// end is one tap's.
type end struct {
	sink Sink
	left int     // answers up to the next that is handed over, that one included
	gap  float64 // 1/ln(1-Sample), 0 for a sample of all
}

// openAll opens sinks of a goroutine's own.
func openAll(taps *[]Tap) []Sink {
	if taps == nil {
		return nil
	}
	sinks := make([]Sink, len(*taps))
	for i := range *taps {
		sinks[i] = (*taps)[i].Open()
	}
	return sinks
}

// renew goes over to the taps in force.
func (t *tapped) renew(random mathrand.Source) {
	t.close()
	t.open()
	for t.of != t.now.Load() { // taps that were replaced meanwhile may be over, as they had no sink of this one
		t.close()
		t.open()
	}
	for k := range t.ends {
		e := &t.ends[k]
		if p := (*t.of)[k].Sample; p < 1 {
			e.gap = 1 / math.Log1p(-p)
		}
		e.left = e.next(random)
	}
}

// open opens sinks of the taps in force.
func (t *tapped) open() {
	var sinks []Sink
	if t.shared != nil {
		t.of, sinks = t.shared.open(t.now)
	} else {
		t.of = t.now.Load()
		sinks = openAll(t.of)
	}
	for _, sink := range sinks {
		t.ends = append(t.ends, end{sink: sink})
	}
}

// close follows the last answer.
func (t *tapped) close() {
	for _, e := range t.ends {
		if t.shared == nil {
			e.sink.Close()
		}
	}
	t.ends = nil
}

// next draws how far the next exchange of the sample is: the gaps of independent draws are distributed geometrically.
func (e *end) next(random mathrand.Source) int {
	if e.gap == 0 {
		return 1
	}
	u := (float64(random.Uint64()>>11) + 1) / (1 << 53) // over 0, at most 1
	return 1 + int(min(math.Log(u)*e.gap, math.MaxInt32))
}

// tap counts an answer to message i and hands it to those whose turn it is.
func (r *responder) tap(i int, answer []byte) {
	t := &r.taps
	for k := range t.ends {
		e := &t.ends[k]
		if e.left--; e.left > 0 {
			continue
		}
		e.left = e.next(&r.random)
		q := &r.reqs[i]
		view, _ := r.view.(*resolver.View)
		t.x = Exchange{view, q.Msg, answer, q.Client, r.local, r.via, r.begun, &r.scratch}
		if r.localOf != nil {
			t.x.Local = r.localOf(i)
		}
		e.sink.Take(&t.x)
		t.x = Exchange{}
	}
}

// sharedSinks are the sinks of all connections of an address.
type sharedSinks struct {
	mu    sync.Mutex // guards what follows
	of    *[]Tap
	sinks []Sink
}

// open gives the taps in force and their sinks, one set for all who ask.
func (s *sharedSinks) open(now *atomic.Pointer[[]Tap]) (*[]Tap, []Sink) {
	s.mu.Lock()
	defer s.mu.Unlock()
	taps := now.Load() // here, so that whoever was slow does not bring old ones back
	if s.of != taps {
		s.drop()
		s.of, s.sinks = taps, openAll(taps)
		for i := range s.sinks {
			s.sinks[i] = &lockedSink{Sink: s.sinks[i]}
		}
	}
	return taps, s.sinks
}

// drop closes the sinks. mu is held.
func (s *sharedSinks) drop() {
	for _, old := range s.sinks {
		old.Close()
	}
	s.sinks = nil
}

func (s *sharedSinks) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop()
}

// lockedSink lets several goroutines use a sink. Nothing waits while it is locked.
type lockedSink struct {
	mu sync.Mutex
	Sink
}

func (s *lockedSink) Take(x *Exchange) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Sink.Take(x)
}

func (s *lockedSink) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Sink.Close()
}
