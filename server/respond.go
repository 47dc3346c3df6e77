package server

import (
	"crypto/rand"
	"encoding/binary"
	mathrand "math/rand/v2"
	"net/netip"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/meridian-dns/meridian/resolver"
	"go.uber.org/zap"
)

// answerer is what the server needs of a view. Both methods are called with the same requests and scratch.
type answerer interface {
	Prepare(reqs []resolver.Request, s *resolver.Scratch)
	Write(dst []byte, i int, s *resolver.Scratch) int
}

// responder answers messages, those that came together in one batch: begin, add each, prepare, answer each. It
// belongs to one goroutine at a time.
type responder struct {
	load    func() answerer
	panics  *alarm
	view    answerer           // of the batch
	begun   time.Time          // the batch
	before  uint64             // answers in the tally then
	now     uint32             // the same as Unix time
	reqs    []resolver.Request // its queries
	alone   bool               // a query made the resolver panic: those that follow are prepared one at a time
	scratch resolver.Scratch
	random  mathrand.PCG
	tally   tally
	servers numberTally
	counts  *counters // of the servers
	taps    tapped
	local   netip.AddrPort             // the address asked
	localOf func(i int) netip.AddrPort // the same of message i, where local does not tell
	via     resolver.Transport
}

// newResponder makes one for batches of so many messages, which counts into c.
func newResponder(s *Server, t resolver.Transport, batch int, c *counters) *responder {
	r := &responder{load: s.view, panics: &s.panics, via: t, counts: c, taps: tapped{now: &s.taps}, reqs: make([]resolver.Request, 0, batch)}
	var seed [16]byte
	rand.Read(seed[:]) // never fails
	r.random.Seed(binary.NativeEndian.Uint64(seed[:8]), binary.NativeEndian.Uint64(seed[8:]))
	return r
}

// begin starts a batch, with the view and the time that its answers have.
func (r *responder) begin() {
	r.begun, r.before = time.Now(), r.tally.Answers
	r.view, r.now, r.reqs, r.alone = r.load(), uint32(r.begun.Unix()), r.reqs[:0], false
	if r.taps.of != r.taps.now.Load() {
		r.taps.renew(&r.random)
	}
}

// full tells whether the batch takes no more.
func (r *responder) full() bool { return len(r.reqs) == cap(r.reqs) }

// add adds a message, which must stay as it is until it is answered.
func (r *responder) add(msg []byte, from netip.AddrPort) {
	r.reqs = r.reqs[:len(r.reqs)+1]
	q := &r.reqs[len(r.reqs)-1]
	q.Msg, q.Client, q.Transport, q.Random, q.Now = msg, from, r.via, r.random.Uint64(), r.now
}

// prepare comes before the answers to the batch.
func (r *responder) prepare() {
	defer func() {
		if recover() != nil {
			r.alone = true // the query at fault will be met again
		}
	}()
	r.view.Prepare(r.reqs, &r.scratch)
}

// answer writes the answer to message i of the batch into dst and returns its length, 0 for none.
func (r *responder) answer(dst []byte, i int) int {
	n := r.guarded(dst, i)
	if !counting {
		return n
	}
	t, asked := &r.tally, len(r.reqs[i].Msg)
	t.Queries++
	if n < headerSize {
		t.Dropped++
		if asked < headerSize {
			t.Short++
		}
		return 0
	}
	t.Answers++
	// The header has only the low bits (RFC 6891 section 6.1.3).
	t.RCodes[min(max(int(dst[3]&0x0f), r.scratch.RCode()), rcodes-1)]++
	t.Types[indexOfType(r.scratch.Type())]++
	t.Asked.add(asked)
	t.Answered.add(n)
	if dst[2]&flagTC != 0 {
		t.Truncated++
	}
	if r.scratch.Subnet() {
		t.Subnet++
	}
	if r.scratch.DO() {
		t.DO++
	}
	for _, number := range r.scratch.Servers() {
		r.servers.add(number)
	}
	if len(r.taps.ends) > 0 {
		r.tap(i, dst[:n])
	}
	return n
}

// ignore counts a message from a source to which no answer can be sent.
func (r *responder) ignore() {
	r.tally.Queries++
	r.tally.Dropped++
	r.tally.Sources++
}

// end follows the answers to the batch, and comes before the tally is flushed.
func (r *responder) end() {
	if !counting {
		return
	}
	r.tally.Times.add(time.Since(r.begun), int(r.tally.Answers-r.before))
	r.servers.flush(&r.counts.servers)
}

func (r *responder) guarded(dst []byte, i int) (n int) {
	defer r.rescue(dst, i, &n)
	if r.alone {
		r.view.Prepare(r.reqs[i:i+1], &r.scratch)
		return len(dst[:r.view.Write(dst, 0, &r.scratch)])
	}
	return len(dst[:r.view.Write(dst, i, &r.scratch)])
}

// rest comes before a wait that may be long, and after the batch: it keeps nothing of the view.
func (r *responder) rest() {
	r.view = nil
	r.scratch.Forget()
}

// rescue turns a panic into SERVFAIL: a defect met by one query must not stop the others.
func (r *responder) rescue(dst []byte, i int, n *int) {
	cause := recover()
	if cause == nil {
		return
	}
	r.tally.panics++
	r.scratch, r.alone = resolver.Scratch{}, true
	q := &r.reqs[i]
	*n = servfail(dst, q.Msg)
	r.panics.raise("a query made the resolver panic; it was answered with SERVFAIL", func() []zap.Field {
		return []zap.Field{
			zap.Any("panic", cause), zap.Stringer("client", q.Client),
			zap.Binary("query", q.Msg), zap.ByteString("stack", debug.Stack()),
		}
	})
}

// answerable tells whether an answer to this source can arrive anywhere.
func answerable(from netip.AddrPort) bool {
	a := from.Addr()
	return from.Port() != 0 && !a.IsUnspecified() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// alarm logs at most once a second and counts what it swallowed. Safe for concurrent use.
type alarm struct {
	log       *zap.Logger
	next      atomic.Int64 // unix nanoseconds
	swallowed atomic.Uint64
}

// raise calls fields only when the line is written.
func (a *alarm) raise(text string, fields func() []zap.Field) { a.raiseAt(time.Now(), text, fields) }

func (a *alarm) raiseAt(now time.Time, text string, fields func() []zap.Field) {
	next := a.next.Load()
	if now.UnixNano() < next || !a.next.CompareAndSwap(next, now.Add(time.Second).UnixNano()) {
		a.swallowed.Add(1)
		return
	}
	a.log.Error(text, append(fields(), zap.Uint64("not_logged_before", a.swallowed.Swap(0)))...)
}
