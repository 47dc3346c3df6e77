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

// answerer is what the server needs of a view.
type answerer interface {
	Answer(dst []byte, req *resolver.Request, s *resolver.Scratch) int
}

// responder answers messages one after another. It belongs to one goroutine at a time.
type responder struct {
	view    func() answerer
	panics  *alarm
	req     resolver.Request
	scratch resolver.Scratch
	random  mathrand.PCG
	tally   tally
}

func newResponder(s *Server, t resolver.Transport) *responder {
	r := &responder{view: s.view, panics: &s.panics}
	r.req.Transport = t
	var seed [16]byte
	rand.Read(seed[:]) // never fails
	r.random.Seed(binary.NativeEndian.Uint64(seed[:8]), binary.NativeEndian.Uint64(seed[8:]))
	return r
}

// tick takes the time, to whole seconds, for the messages that follow.
func (r *responder) tick() { r.req.Now = uint32(time.Now().Unix()) }

// answer writes the answer to msg into dst and returns its length, 0 for none.
func (r *responder) answer(dst, msg []byte, from netip.AddrPort) int {
	r.req.Msg = msg
	r.req.Client = from
	r.req.Random = r.random.Uint64()
	n := r.guarded(dst)
	r.tally.Queries++
	if n < headerSize {
		r.tally.Dropped++
		return 0
	}
	r.tally.Answers++
	// The header has only the low bits (RFC 6891 section 6.1.3).
	r.tally.RCodes[min(max(int(dst[3]&0x0f), r.scratch.RCode()), rcodes-1)]++
	if dst[2]&flagTC != 0 {
		r.tally.Truncated++
	}
	return n
}

func (r *responder) guarded(dst []byte) (n int) {
	defer r.rescue(dst, &n)
	return len(dst[:r.view().Answer(dst, &r.req, &r.scratch)])
}

// rescue turns a panic into SERVFAIL: a defect met by one query must not stop the others.
func (r *responder) rescue(dst []byte, n *int) {
	cause := recover()
	if cause == nil {
		return
	}
	r.tally.panics++
	r.scratch = resolver.Scratch{}
	*n = servfail(dst, r.req.Msg)
	r.panics.raise("a query made the resolver panic; it was answered with SERVFAIL", func() []zap.Field {
		return []zap.Field{
			zap.Any("panic", cause), zap.Stringer("client", r.req.Client),
			zap.Binary("query", r.req.Msg), zap.ByteString("stack", debug.Stack()),
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
