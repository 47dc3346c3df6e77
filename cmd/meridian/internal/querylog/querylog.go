// Package querylog writes a sample of the queries answered to a log, a line each, with the reasons for the answer.
//
// On the query path an exchange is copied into a slot of its worker's ring and no more. One goroutine (Run) takes the
// copies, works out the reasons from the very view that answered, and writes. When it is slow, or what it writes to is,
// the rings fill up: then queries are left out of the log and counted, and nothing waits. A copy holds its view, which
// its slot lets go of as soon as it is written.
//
// A Log is safe for concurrent use.
package querylog

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/ring"
	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/server"
	"github.com/meridian-dns/meridian/steer"
)

// Options say what is logged, and where.
type Options struct {
	Sample  float64 // share of the answers, over 0 and at most 1
	Console bool    // lines for people, not JSON
	// Write gets whole lines, many at once. It may take as long as it likes.
	Write func(lines []byte) error
	// Failing is told what Write says when that changes, nil for well.
	Failing func(error)
}

const (
	slots    = 256 // of a worker's ring
	lineRoom = 64 << 10
	pause    = 50 * time.Millisecond // between looks into rings that were empty
	restful  = 20                    // looks in vain, after which views are let go
)

// Log is a query log.
type Log struct {
	o    Options
	wake chan struct{}

	sinks   ring.Ends[*sink]
	written atomic.Uint64
	failed  atomic.Uint64 // lines that could not be written

	narrator resolver.Narrator // of Run, like what follows
	line     line
	failing  string
}

// New makes a log; Run must follow for anything to be written.
func New(o Options) *Log {
	return &Log{o: o, wake: make(chan struct{}, 1), line: line{console: o.Console, out: make([]byte, 0, lineRoom+maxLine)}}
}

// Tap is where the server hands the sample to.
func (l *Log) Tap() server.Tap {
	return server.Tap{Sample: l.o.Sample, Open: l.open}
}

// Counts tells how many queries were written since the start, and how many were left out for want of room or time; final
// means that Run has ended and neither will change.
func (l *Log) Counts() (written, dropped uint64, final bool) {
	dropped, final = l.sinks.Dropped()
	return l.written.Load(), dropped + l.failed.Load(), final
}

// sink is one worker's end.
type sink struct {
	ring.End // Close lets the sink go when what it holds is written
	log      *Log
	ring     *ring.Slots[record]
}

func (l *Log) open() server.Sink {
	s := &sink{log: l, ring: ring.NewSlots[record](slots)}
	l.sinks.Add(s)
	return s
}

// Take copies what the line will tell.
func (s *sink) Take(x *server.Exchange) {
	if s.Closed() {
		s.log.sinks.Late(1)
		return
	}
	s.Offer(1)
	r := s.ring.Next()
	if r == nil {
		s.Drop(1)
		return
	}
	r.fill(x)
	if s.ring.Give() == slots/2 {
		select {
		case s.log.wake <- struct{}{}:
		default:
		}
	}
}

// record is what is kept of an exchange.
type record struct {
	view     *resolver.View
	at       time.Time
	client   steer.Client
	port     uint16
	via      resolver.Transport
	opcode   uint8
	rcode    uint16
	size     int32
	question [questionRoom]byte
	asked    int
	servers  [8]uint32
	named    int
}

const questionRoom = 255 + 4

func (r *record) fill(x *server.Exchange) {
	r.view, r.at, r.via, r.size = x.View, x.Received, x.Via, int32(len(x.Answer))
	r.client, r.port = x.Told.Client(), x.Client.Port()
	r.client.Resolver = x.Client.Addr() // also of a query that nothing could be read of
	r.opcode = x.Query[2] >> 3 & 0xf
	r.rcode = uint16(max(int(x.Answer[3]&0xf), x.Told.RCode()))
	r.asked = copy(r.question[:], x.Told.Question())
	r.named = copy(r.servers[:], x.Told.Servers())
}

// Run writes until ctx ends, and then what is left. It returns false if that took too long: then Options.Write is still
// at work.
func (l *Log) Run(ctx context.Context) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.work(ctx)
	}()
	<-ctx.Done()
	select {
	case <-done:
		return true
	case <-time.After(time.Second):
		return false
	}
}

func (l *Log) work(ctx context.Context) {
	defer l.sinks.Abandon()
	idle, wait := 0, time.NewTimer(pause)
	defer wait.Stop()
	for {
		ending := ctx.Err() != nil
		if l.drain() > 0 {
			idle = 0
		} else if idle++; idle == restful {
			l.narrator.Forget()
		}
		if ending {
			return
		}
		wait.Reset(pause)
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-wait.C:
		}
	}
}

// drain writes what the rings hold at this moment.
func (l *Log) drain() (n int) {
	for _, s := range l.sinks.All() {
		closed := s.Closed() // before the ring is looked into
		for range slots {
			r := s.ring.Peek()
			if r == nil {
				break
			}
			l.tell(r)
			r.view = nil
			s.Took(1)
			s.ring.Take()
			n++
		}
		if closed && s.ring.Peek() == nil {
			l.sinks.Remove(s)
		}
	}
	l.flush()
	return n
}

// tell adds a line; a defect in the reasons costs the line its reasons.
func (l *Log) tell(r *record) {
	if len(l.line.out) >= lineRoom {
		l.flush()
	}
	l.line.begin(r)
	b := l.reasons(r)
	l.line.reasons(&b, r, func(number uint32) steer.Seat { return l.narrator.Named(r.view.Steer(), number) })
	l.line.end()
}

func (l *Log) reasons(r *record) (b steer.Brief) {
	defer func() {
		if recover() != nil {
			b = steer.Brief{Why: "could not be told"}
		}
	}()
	const in = 1
	if qtype, class, ok := r.typeAndClass(); ok && r.view != nil && r.opcode == 0 && class == in {
		return l.narrator.Brief(r.view, r.question[:r.asked], qtype, r.client)
	}
	return b
}

// flush writes the lines there are.
func (l *Log) flush() {
	lines := uint64(l.line.lines)
	if lines == 0 {
		return
	}
	err := l.o.Write(l.line.out)
	l.line.out, l.line.lines = l.line.out[:0], 0
	if err == nil {
		l.written.Add(lines)
	} else {
		l.failed.Add(lines)
	}
	if text := textOf(err); l.o.Failing != nil && l.failing != text {
		l.failing = text
		l.o.Failing(err)
	}
}

func textOf(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
