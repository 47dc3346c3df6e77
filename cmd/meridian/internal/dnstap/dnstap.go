// Package dnstap sends a sample of the queries answered and of their answers, as messages AUTH_QUERY and AUTH_RESPONSE
// of dnstap, to a program that listens on a Unix socket, by the protocol of Frame Streams with its handshake.
//
// On the query path both messages are encoded into the ring of their worker and no more. One goroutine (Run) sends what
// the rings hold, and connects anew when it must. While nobody listens, or too slowly, messages are dropped and counted,
// and nothing waits.
//
// An Output is safe for concurrent use.
package dnstap

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/ring"
	"github.com/meridian-dns/meridian/server"
)

// Options say what is sent, and where to.
type Options struct {
	Socket   string  // path
	Sample   float64 // share of the answers, over 0 and at most 1
	Identity string  // of this nameserver; "": not told
	Version  string  // likewise
	// State is told when the connection is there (nil), and why it is not, when that changes.
	State func(error)
}

const (
	ringSize  = 1 << 20 // of a worker
	chunkSize = 128 << 10
	lookEvery = 20 * time.Millisecond // into rings that were empty
	patience  = 5 * time.Second       // for the reader to say or take something
	lastWords = 500 * time.Millisecond
	leastWait = 100 * time.Millisecond
	mostWait  = 5 * time.Second // before a connection is tried again
)

// Output is where dnstap messages go.
type Output struct {
	o       Options
	prefix  []byte // of every message
	wake    chan struct{}
	reached atomic.Bool // somebody listens
	sent    atomic.Uint64
	failed  atomic.Uint64 // messages on connections that broke
	sinks   ring.Ends[*sink]
}

// New makes an output; Run must follow for anything to be sent.
func New(o Options) *Output {
	return &Output{o: o, prefix: prefix(o.Identity, o.Version), wake: make(chan struct{}, 1)}
}

// Tap is where the server hands the sample to.
func (o *Output) Tap() server.Tap { return server.Tap{Sample: o.o.Sample, Open: o.open} }

// Counts tells how many messages were sent since the start, and how many were dropped; final means that Run has ended and
// neither will change.
func (o *Output) Counts() (sent, dropped uint64, final bool) {
	dropped, final = o.sinks.Dropped()
	return o.sent.Load(), dropped + o.failed.Load(), final
}

// sink is one worker's end.
type sink struct {
	ring.End // Close lets the sink go when what it holds is sent
	out      *Output
	ring     *ring.Frames
	m        message
}

func (o *Output) open() server.Sink {
	s := &sink{out: o, ring: ring.NewFrames(ringSize)}
	o.sinks.Add(s)
	return s
}

// Take encodes the query and the answer.
func (s *sink) Take(x *server.Exchange) {
	if s.Closed() {
		s.out.sinks.Late(2)
		return
	}
	s.Offer(2)
	if !s.out.reached.Load() {
		s.Drop(2)
		return
	}
	now := time.Now()
	s.give(s.m.query(s.out.prefix, x), x.Query)
	s.give(s.m.response(s.out.prefix, x, now), x.Answer)
}

func (s *sink) give(head, body []byte) {
	switch waiting := s.ring.Give(head, body); {
	case waiting == 0:
		s.Drop(1)
	case waiting > ringSize/4:
		select {
		case s.out.wake <- struct{}{}:
		default:
		}
	}
}

// Run connects and sends until ctx ends.
func (o *Output) Run(ctx context.Context) {
	defer o.sinks.Abandon()
	last := "-"
	tell := func(err error) {
		text := ""
		if err != nil {
			text = err.Error()
		}
		if text != last && o.o.State != nil {
			o.o.State(err)
		}
		last = text
	}
	for wait := leastWait; ctx.Err() == nil; wait = min(2*wait, mostWait) {
		c, err := o.connect(ctx)
		if err == nil {
			begun := time.Now()
			tell(nil)
			err = o.send(ctx, c)
			c.Close()
			if time.Since(begun) > mostWait { // a reader who leaves at once is not met more and more often
				wait = leastWait
			}
		}
		o.discard()
		if ctx.Err() != nil {
			return
		}
		tell(fmt.Errorf("%s: %w", o.o.Socket, reasonOf(err)))
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (o *Output) connect(ctx context.Context) (net.Conn, error) {
	c, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "unix", o.o.Socket)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := handshake(c); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// send sends what comes until the connection breaks or ctx ends; then what there is, and the end.
func (o *Output) send(ctx context.Context, c net.Conn) error {
	o.reached.Store(true)
	defer o.reached.Store(false)
	defer context.AfterFunc(ctx, func() { hold(ctx, c) })()
	ended := make(chan error, 1) // the reader says nothing more, but for the end of the connection
	go func() { ended <- listen(c) }()
	buffer, tick := make([]byte, 0, chunkSize), time.NewTimer(lookEvery)
	defer tick.Stop()
	for {
		ending := ctx.Err() != nil
		if err := o.drain(ctx, c, &buffer); err != nil {
			return err
		}
		if ending {
			return finish(c, ended)
		}
		tick.Reset(lookEvery)
		select {
		case <-ctx.Done():
		case <-o.wake:
		case <-tick.C:
		case err := <-ended:
			return err
		}
	}
}

// drain sends what the rings hold, each at most once over.
func (o *Output) drain(ctx context.Context, c net.Conn, buffer *[]byte) error {
	for _, s := range o.sinks.All() {
		closed := s.Closed() // before the ring is looked into
		for sent := 0; sent < ringSize; {
			chunk, n := s.chunk((*buffer)[:0])
			*buffer = chunk
			if n == 0 {
				break
			}
			hold(ctx, c)
			if _, err := c.Write(chunk); err != nil {
				o.failed.Add(uint64(n))
				return err
			}
			o.sent.Add(uint64(n))
			sent += len(chunk)
		}
		if closed {
			o.sinks.Remove(s)
		}
	}
	return nil
}

// hold bounds the next write, and the one under way.
func hold(ctx context.Context, c net.Conn) {
	if ctx.Err() == nil {
		c.SetWriteDeadline(time.Now().Add(patience))
	}
	if ctx.Err() != nil { // perhaps only now
		c.SetWriteDeadline(time.Now().Add(lastWords))
	}
}

// chunk takes as many messages as fit a chunk.
func (s *sink) chunk(to []byte) ([]byte, int) {
	for n := 0; ; n++ {
		more, ok := s.ring.Take(to, chunkSize)
		if !ok {
			s.Took(uint64(n))
			return to, n
		}
		to = more
	}
}

// discard empties the rings when nobody listens any longer: what they hold would be old.
func (o *Output) discard() {
	buffer := make([]byte, 0, chunkSize)
	for _, s := range o.sinks.All() {
		closed := s.Closed()
		for _, n := s.chunk(buffer); n > 0; _, n = s.chunk(buffer) {
			o.failed.Add(uint64(n))
		}
		if closed {
			o.sinks.Remove(s)
		}
	}
}
