// Package load asks a nameserver on this machine and counts what comes back: over UDP in batches, saturating or at a
// rate, and over TCP on connections that are kept.
//
// Every function is one run and uses the calling goroutine; only one should run at a time, because each wants a
// processor to itself. A Result is a plain value.
package load

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/queries"
)

// Result is what a run saw.
type Result struct {
	Sent     int           `json:"sent"`
	Answered int           `json:"answered"`
	Wrong    int           `json:"wrong"` // answers with other codes than NOERROR and NXDOMAIN, counted in Answered too
	Elapsed  time.Duration `json:"elapsed"`
	// Latencies, ascending, in nanoseconds from the intended time of sending; only of runs at a rate. A query without an
	// answer counts with the time that the run waited for one, the least that it costs a client: else a server would look
	// the faster the more it loses.
	Latencies []uint32 `json:"-"`
	// Away is the longest time, of a run at a rate, in which the generator neither sent nor looked for answers, because
	// something else had its processor. All queries of that time look late, whatever the server did.
	Away time.Duration `json:"away"`
}

// Lost is the number of queries without an answer.
func (r Result) Lost() int { return r.Sent - r.Answered }

// Rate is answers a second.
func (r Result) Rate() float64 { return float64(r.Answered) / r.Elapsed.Seconds() }

// run is the state of a UDP run. Message IDs are handed out in turn; one that comes up again while its last query is
// still open counts that query as lost.
type run struct {
	*socket
	set    *queries.Set
	result Result
	next   int // query
	open   [1 << 16]bool
	opened int
	start  time.Time
	due    [1 << 16]time.Duration // since start, by ID
}

// lostAfter is how long the end of a run waits for answers.
const lostAfter = 500 * time.Millisecond

func newRun(server netip.AddrPort, set *queries.Set, seed uint64) (*run, error) {
	s, err := dial(server)
	if err != nil {
		return nil, err
	}
	r := rand.New(rand.NewPCG(seed, 9))
	return &run{socket: s, set: set, next: r.IntN(set.Len()), start: time.Now()}, nil
}

// ask stages the next query, due at a time since the start.
func (r *run) ask(due time.Duration) (full bool) {
	id := uint16(r.result.Sent)
	if r.open[id] {
		r.opened-- // lost
	}
	r.open[id], r.due[id] = true, due
	r.opened++
	r.result.Sent++
	r.next++
	return r.stage(id, r.set.At(r.next))
}

// collect takes the answers that are there. each, if not nil, is told the ID of each.
func (r *run) collect(each func(id uint16)) (int, error) {
	n, err := r.receive()
	for i := range n {
		id, good := r.answer(i)
		if !r.open[id] {
			continue
		}
		r.open[id] = false
		r.opened--
		r.result.Answered++
		if !good {
			r.result.Wrong++
		}
		if each != nil {
			each(id)
		}
	}
	return n, err
}

// finish waits for the last answers.
func (r *run) finish(each func(id uint16)) (Result, error) {
	r.result.Elapsed = time.Since(r.start)
	for end := time.Now().Add(lostAfter); r.opened > 0 && time.Now().Before(end); {
		if _, err := r.collect(each); err != nil {
			return r.result, err
		}
	}
	if r.result.Latencies != nil {
		lost := slices.Repeat([]uint32{uint32(lostAfter)}, r.result.Lost())
		r.result.Latencies = append(r.result.Latencies, lost...)
	}
	slices.Sort(r.result.Latencies)
	return r.result, nil
}

// Saturate keeps window queries open for a time, at most 4096.
func Saturate(server netip.AddrPort, set *queries.Set, window int, length time.Duration, seed uint64) (Result, error) {
	r, err := newRun(server, set, seed)
	if err != nil {
		return Result{}, err
	}
	defer r.close()
	refill := min(batch/2, window)
	stalled := time.Now()
	for now := r.start; now.Sub(r.start) < length; now = time.Now() {
		if now.Sub(stalled) > lostAfter {
			r.giveUp()
		}
		if window-r.opened >= refill {
			for r.opened < window && !r.ask(0) {
			}
			if err := r.flush(); err != nil {
				return r.result, err
			}
		}
		n, err := r.collect(nil)
		if err != nil {
			return r.result, err
		}
		if n > 0 {
			stalled = now
		}
	}
	return r.finish(nil)
}

// giveUp counts all open queries as lost.
func (r *run) giveUp() {
	clear(r.open[:])
	r.opened = 0
}

// Each asks every query of the set once, and keeps at most window of them open, at most 4096.
func Each(server netip.AddrPort, set *queries.Set, window int) (Result, error) {
	r, err := newRun(server, set, 0)
	if err != nil {
		return Result{}, err
	}
	defer r.close()
	stalled := time.Now()
	for r.result.Sent < set.Len() {
		if time.Since(stalled) > lostAfter {
			r.giveUp()
		}
		for r.opened < window && r.result.Sent < set.Len() && !r.ask(0) {
		}
		if err := r.flush(); err != nil {
			return r.result, err
		}
		n, err := r.collect(nil)
		if err != nil {
			return r.result, err
		}
		if n > 0 {
			stalled = time.Now()
		}
	}
	return r.finish(nil)
}

// Paced asks at a rate, in queries a second, with exponential gaps, whether answers come or not. A query that the
// generator is late with is measured from when it should have been sent.
func Paced(server netip.AddrPort, set *queries.Set, rate float64, length time.Duration, seed uint64) (Result, error) {
	r, err := newRun(server, set, seed)
	if err != nil {
		return Result{}, err
	}
	defer r.close()
	r.result.Latencies = make([]uint32, 0, int(1.1*rate*length.Seconds())+1000)
	gaps := rand.New(rand.NewPCG(seed, 10))
	record := func(id uint16) {
		r.result.Latencies = append(r.result.Latencies, uint32(min(time.Since(r.start)-r.due[id], time.Hour/1000)))
	}
	gap := func() time.Duration { return time.Duration(gaps.ExpFloat64() / rate * 1e9) }
	before := time.Since(r.start)
	for due := gap(); due < length; {
		now := time.Since(r.start)
		r.result.Away, before = max(r.result.Away, now-before), now
		full := false
		for ; due <= now && due < length && !full; due += gap() {
			full = r.ask(due)
		}
		if err := r.flush(); err != nil {
			return r.result, err
		}
		if _, err := r.collect(record); err != nil {
			return r.result, err
		}
	}
	return r.finish(record)
}

// Burst sends n queries at once, at most 4096, and waits for their answers.
func Burst(server netip.AddrPort, set *queries.Set, n int, seed uint64) (Result, error) {
	r, err := newRun(server, set, seed)
	if err != nil {
		return Result{}, err
	}
	defer r.close()
	for r.result.Sent < n {
		for r.result.Sent < n && !r.ask(0) {
		}
		if err := r.flush(); err != nil {
			return r.result, err
		}
	}
	return r.finish(nil)
}
