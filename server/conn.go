package server

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/meridian-dns/meridian/resolver"
)

const (
	// deskQueries holds a hundred pipelined queries; a longer message gets a buffer of its own as it comes.
	deskQueries = 8 << 10
	// maxMessage is the longest message that its two octets of length can announce.
	maxMessage = 1<<16 - 1
	// partialLeast is the least buffer for part of a message.
	partialLeast = 512
)

// desk is what a connection needs while it works, and gives back while it waits.
type desk struct {
	r       *responder
	queries [deskQueries]byte
	answers [deskQueries + lengthSize + maxMessage]byte
}

// deskBatch is how many pipelined queries are worked on together.
const deskBatch = 16

func newDesk(t *streams) *desk {
	d := &desk{r: newResponder(t.s, resolver.TCP, deskBatch, &t.counts)}
	d.r.taps.shared = &t.sinks
	return d
}

// conn is one TCP connection. Its answers go out in the order of its queries; those to queries that came
// together go out together. All but hurry, and closing tcp, belongs to its goroutine.
type conn struct {
	via    *streams
	tcp    *net.TCPConn
	raw    syscall.RawConn
	client netip.AddrPort
	local  netip.AddrPort
	seat   seat // guarded by the table

	desk    *desk     // nil while it waits
	in      []byte    // read and not answered: in the desk or, part of a message while it waits, in the heap
	out     []byte    // answered and not sent: likewise
	unsent  int       // answers in out
	started time.Time // when the first octet of in came; zero: in is empty
	late    bool      // answered something after the stop

	err               error // of the last tryRead or tryWrite
	tryRead, tryWrite func(fd uintptr) bool
}

func newConn(t *streams, tcp *net.TCPConn) (*conn, error) {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return nil, err
	}
	from := tcp.RemoteAddr().(*net.TCPAddr).AddrPort()
	c := &conn{via: t, tcp: tcp, raw: raw}
	c.client = netip.AddrPortFrom(from.Addr().Unmap().WithZone(""), from.Port())
	at := tcp.LocalAddr().(*net.TCPAddr).AddrPort()
	c.local = netip.AddrPortFrom(at.Addr().Unmap().WithZone(""), at.Port())
	c.tryRead, c.tryWrite = c.readStep, c.writeStep
	return c, nil
}

// errDrained says that nothing more has come after the stop.
var errDrained = errors.New("drained")

// serve answers until the client ends, a deadline passes, the connection is evicted or the server stops.
func (c *conn) serve() { c.finish(c.exchange()) }

func (c *conn) finish(err error) {
	if errors.Is(err, errDrained) && c.late {
		c.linger()
	}
	c.in, c.out = nil, nil
	c.park()
	c.tcp.Close()
	c.via.s.table.leave(c, errors.Is(err, os.ErrDeadlineExceeded))
}

func (c *conn) exchange() error {
	table := c.via.s.table
	for {
		if err := c.read(); err != nil {
			return err
		}
		if missing(c.in) > 0 {
			continue
		}
		if !table.busy(c) {
			return net.ErrClosed
		}
		if err := c.work(); err != nil {
			return err
		}
		table.idle(c)
	}
}

// hurry ends the wait for a query. It may be called from any goroutine, after the stop.
func (c *conn) hurry() { c.tcp.SetReadDeadline(time.Unix(1, 0)) }

// read appends to in what has come, after waiting for it. After the stop it no longer waits.
func (c *conn) read() error {
	if !c.via.stopping() {
		c.tcp.SetReadDeadline(c.deadline())
		// The stop comes before hurry: seen here, or else hurry overrides the deadline just set.
		if !c.via.stopping() {
			err := c.raw.Read(c.tryRead)
			if err == nil {
				return c.err
			}
			if !errors.Is(err, os.ErrDeadlineExceeded) || !c.via.stopping() {
				return err
			}
		}
	}
	if err := c.raw.Control(func(fd uintptr) { c.readStep(fd) }); err != nil {
		return err
	}
	return c.err
}

// deadline is when what is awaited must have come: the next message, or all of the one that has begun.
func (c *conn) deadline() time.Time {
	if len(c.in) > 0 {
		return c.started.Add(c.via.s.o.TCP.Message)
	}
	return time.Now().Add(c.via.s.o.TCP.Idle)
}

// readStep reads once; false if nothing is there.
func (c *conn) readStep(fd uintptr) bool {
	to := c.space()
	n, err := again(syscall.Read, int(fd), to)
	switch {
	case err == syscall.EAGAIN:
		c.park()
		c.err = errDrained
		return false
	case err != nil:
		c.err = err
	case n == 0:
		c.err = io.EOF
	default:
		c.took(to, n)
	}
	return true
}

// space is where to read: the desk, or behind the part of a message that in holds, no further than it goes.
func (c *conn) space() []byte {
	if len(c.in) == 0 {
		c.sit()
		return c.desk.queries[:]
	}
	n := missing(c.in)
	// The buffer grows with what comes: announcing a long message costs the client its octets.
	c.in = slices.Grow(c.in, min(n, max(len(c.in), partialLeast)))
	return c.in[len(c.in):min(cap(c.in), len(c.in)+n)]
}

func (c *conn) took(to []byte, n int) {
	c.err = nil
	if len(c.in) == 0 {
		c.in, c.started = to[:n], time.Now()
		return
	}
	c.in = c.in[:len(c.in)+n]
}

// work answers every whole message in in and sends the answers.
func (c *conn) work() error {
	for {
		c.sit()
		c.answer()
		if err := c.flush(); err != nil {
			return err
		}
		if missing(c.in) > 0 {
			break
		}
	}
	c.late = c.late || c.via.stopping()
	if len(c.in) > 0 {
		c.started = time.Now()
		c.park() // what is left begins a message of its own
	}
	return nil
}

// answer answers the messages in in, as many as one write may hold.
func (c *conn) answer() {
	for len(c.out) <= deskQueries && missing(c.in) == 0 {
		c.batch()
	}
}

// batch answers some of the messages in in.
func (c *conn) batch() {
	r := c.desk.r
	r.local = c.local
	r.begin()
	rest := c.in
	for !r.full() {
		msg, after, ok := nextFrame(rest)
		if !ok {
			break
		}
		r.add(msg, c.client)
		rest = after
	}
	r.prepare()
	for i := 0; i < len(r.reqs) && len(c.out) <= deskQueries; i++ {
		c.in = c.in[lengthSize+len(r.reqs[i].Msg):]
		c.put(i)
	}
	r.end()
}

// put answers message i of the batch.
func (c *conn) put(i int) {
	at := len(c.out) + lengthSize
	n := c.desk.r.answer(c.desk.answers[at:at+maxMessage:at+maxMessage], i)
	if n == 0 {
		return
	}
	binary.BigEndian.PutUint16(c.desk.answers[len(c.out):], uint16(n))
	c.out = c.desk.answers[:at+n]
	c.unsent++
}

// flush sends out.
func (c *conn) flush() error {
	c.via.counts.flush(&c.desk.r.tally)
	if len(c.out) == 0 {
		return nil
	}
	c.tcp.SetWriteDeadline(time.Now().Add(c.via.s.o.TCP.Write))
	err := c.raw.Write(c.tryWrite)
	if err == nil {
		err = c.err
	}
	if err == nil && c.desk == nil && !c.via.s.table.busy(c) {
		err = net.ErrClosed
	}
	if err != nil {
		c.via.counts.unsent.Add(uint64(c.unsent))
	}
	c.out, c.unsent = nil, 0
	return err
}

// writeStep writes until all of out is sent; false if the client must read first.
func (c *conn) writeStep(fd uintptr) bool {
	c.err = nil
	for len(c.out) > 0 {
		n, err := again(syscall.Write, int(fd), c.out)
		if err == syscall.EAGAIN {
			c.park()
			c.via.s.table.idle(c)
			return false
		}
		if err != nil {
			c.err = err
			return true
		}
		c.out = c.out[n:]
	}
	return true
}

// sit takes a desk and prepares it for answers.
func (c *conn) sit() {
	if c.desk == nil {
		c.desk = c.via.desks.Get().(*desk)
	}
	if len(c.out) == 0 {
		c.out = c.desk.answers[:0]
	}
}

// park gives the desk back and keeps what lies on it.
func (c *conn) park() {
	if c.desk == nil {
		return
	}
	c.in, c.out = kept(c.in), kept(c.out)
	c.desk.r.rest()
	c.via.desks.Put(c.desk)
	c.desk = nil
}

func kept(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return slices.Clone(b)
}

// lingerTime is how long a client may take to notice the end of its connection after its last answers.
const lingerTime = 250 * time.Millisecond

// linger ends the sending side and waits for the client to end the other: closing while queries still come
// would reset the connection and throw away answers that the client has not taken.
func (c *conn) linger() {
	if c.tcp.CloseWrite() != nil {
		return
	}
	end := time.Now().Add(lingerTime)
	for err := os.ErrDeadlineExceeded; errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(end); {
		c.tcp.SetReadDeadline(end) // again, if hurry has moved it
		_, err = io.Copy(io.Discard, c.tcp)
	}
}

func again(call func(int, []byte) (int, error), fd int, b []byte) (int, error) {
	for {
		n, err := call(fd, b)
		if err != syscall.EINTR {
			return n, err
		}
	}
}
