package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/resolver"
)

// big answers with 60000 octets.
func big(dst []byte, req *resolver.Request, sc *resolver.Scratch) int {
	n := echo(dst, req, sc)
	clear(dst[n:60000])
	return 60000
}

func TestTCPSlowReaderGetsAll(t *testing.T) {
	s := start(t, Options{}, big)
	c := dialTCP(t, s.Addrs()[0])
	const n = 300 // 18 MB: more than the sockets hold
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		for i := range n {
			c.Write(framed(question(uint16(i), "www")))
		}
	}()
	<-sent
	for i := range n {
		if got := c.receive(); len(got) != 60000 || binary.BigEndian.Uint16(got) != uint16(i) {
			t.Fatalf("answer %d: %d octets, ID %d", i, len(got), binary.BigEndian.Uint16(got))
		}
	}
}

func TestAcceptance35ClientThatNeverReads(t *testing.T) {
	s := start(t, Options{TCP: TCPLimits{Write: 100 * time.Millisecond, Idle: time.Hour}}, big)
	c := dialTCP(t, s.Addrs()[0])
	queries := bytes.Repeat(framed(question(1, "www")), 1000)
	var err error
	for err == nil { // until the server has closed
		_, err = c.Write(queries)
	}
	if errors.Is(err, net.ErrClosed) || isTimeout(err) {
		t.Fatalf("the server did not close: %v", err)
	}
	s.Shutdown(deadline(t, 5*time.Second))
	if st := s.Stats(); st.Connections.Expired != 1 || st.TCP.Unsent == 0 {
		t.Errorf("counted %+v, want one expired and answers unsent", st)
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func TestAcceptance34Idle(t *testing.T) {
	s := start(t, Options{TCP: TCPLimits{Idle: 50 * time.Millisecond, Message: time.Hour}}, echo)
	silent := dialTCP(t, s.Addrs()[0])
	clients := uint64(1)
	for answered := false; !answered && clients < 100; clients++ { // on a machine that is busy one may be too late with its question
		asking := dialTCP(t, s.Addrs()[0])
		asking.Write(framed(question(1, "www")))
		_, err := io.ReadFull(asking, make([]byte, len(framed(question(1, "www")))))
		answered = err == nil
		if answered {
			asking.wantEnd()
		}
	}
	silent.wantEnd()
	s.Shutdown(deadline(t, 5*time.Second))
	if got := s.Stats().Connections; got.Expired != clients || got.Open != 0 {
		t.Errorf("counted %+v, want %d expired, 0 open", got, clients)
	}
}

func TestAcceptance35SlowDrip(t *testing.T) {
	s := start(t, Options{TCP: TCPLimits{Idle: time.Hour, Message: 100 * time.Millisecond}}, echo)
	c := dialTCP(t, s.Addrs()[0])
	var dripping sync.WaitGroup
	dripping.Go(func() {
		c.Write([]byte{0xff, 0xff})
		for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
			if _, err := c.Write([]byte{0}); err != nil {
				return
			}
		}
	})
	c.wantEnd()
	c.Close()
	dripping.Wait()
}

// The idle timeout must not end a message that has begun, nor a message's deadline an idle connection.
func TestTCPDeadlines(t *testing.T) {
	limits := TCPLimits{Idle: time.Hour, Message: time.Minute}
	c, client := benchConn(t, Options{TCP: limits}, echo)
	query := framed(question(1, "www"))
	if got := time.Until(c.deadline()); got < 59*time.Minute {
		t.Errorf("idle: %v", got)
	}
	client.Write(query[:5])
	c.readWork(t, query[:5])
	first := c.deadline()
	if got := time.Until(first); got > time.Minute {
		t.Errorf("message begun: %v", got)
	}
	client.Write(query[5:9])
	c.readWork(t, query[5:9])
	if got := c.deadline(); got != first {
		t.Errorf("more of it moved the deadline by %v", got.Sub(first))
	}
	client.Write(query[9:])
	c.readWork(t, query[9:])
	if got := time.Until(c.deadline()); got < 59*time.Minute {
		t.Errorf("idle again: %v", got)
	}
}

func TestTCPWaitingHoldsNoDesk(t *testing.T) {
	c, client := benchConn(t, Options{}, echo)
	query := framed(question(1, "www"))
	client.Write(query[:20])
	c.readWork(t, query[:20])
	c.raw.Control(func(fd uintptr) { c.readStep(fd) }) // finds nothing
	if c.desk != nil || cap(c.in) > 2*partialLeast {
		t.Errorf("part of a message: desk %v, %d octets", c.desk != nil, cap(c.in))
	}
	client.Write(query[20:])
	c.readWork(t, query[20:])
	c.raw.Control(func(fd uintptr) { c.readStep(fd) })
	if c.desk != nil || c.in != nil || c.out != nil {
		t.Errorf("idle: desk %v, in %d, out %d octets", c.desk != nil, cap(c.in), cap(c.out))
	}
}

func TestTCPBlockedWriterHoldsNoDesk(t *testing.T) {
	c, client := benchConn(t, Options{TCP: TCPLimits{Write: 50 * time.Millisecond}}, big)
	queries := framed(question(1, "www"))
	for err := error(nil); err == nil; { // until the client has all it can hold unread
		client.Write(queries)
		if err = c.read(); err == nil {
			err = c.work()
		}
		if err != nil && !isTimeout(err) {
			t.Fatal(err)
		}
	}
	if c.desk != nil {
		t.Error("a client that does not read held a desk")
	}
}

func TestAcceptance35Caps(t *testing.T) {
	s := start(t, Options{TCP: TCPLimits{Connections: 4, PerClient: 2, Idle: time.Hour}}, echo)
	to, n := s.Addrs()[0], uint16(0)
	use := func(c stream) {
		n++
		c.send(question(n, "www"))
		wantAnswer(t, question(n, "www"), c.receive())
	}
	connect := func(from string) stream {
		c := dialFrom(t, netip.MustParseAddr(from), to)
		use(c)
		return c
	}
	a1, a2 := connect("127.0.0.1"), connect("127.0.0.1")
	b1, b2 := connect("127.0.0.2"), connect("127.0.0.2")
	use(a1)
	a3 := connect("127.0.0.1") // the client's cap: a2 is its longest idle
	a2.wantEnd()
	use(b1)
	c1 := connect("127.0.0.3") // the cap of all: b2 is the longest idle
	b2.wantEnd()
	for _, c := range []stream{a1, a3, b1, c1} {
		use(c)
	}
	if got := s.Stats().Connections; got.Open != 4 || got.Evicted != 2 || got.Refused != 0 || got.Accepted != 6 {
		t.Errorf("counted %+v, want 4 open, 6 accepted, 2 evicted, none refused", got)
	}
}

func TestTCPRefusesWhereNoneIsIdle(t *testing.T) {
	gate, asked := make(chan struct{}), make(chan struct{})
	s := start(t, Options{TCP: TCPLimits{Connections: 1}}, func(dst []byte, req *resolver.Request, sc *resolver.Scratch) int {
		asked <- struct{}{}
		<-gate
		return echo(dst, req, sc)
	})
	first := dialTCP(t, s.Addrs()[0])
	first.send(question(1, "www"))
	<-asked
	dialTCP(t, s.Addrs()[0]).wantEnd()
	close(gate)
	wantAnswer(t, question(1, "www"), first.receive())
	if got := s.Stats().Connections; got.Refused != 1 || got.Evicted != 0 {
		t.Errorf("counted %+v, want 1 refused", got)
	}
}

func TestTCPClientThatNeverReadsMakesRoom(t *testing.T) {
	s := start(t, Options{TCP: TCPLimits{Connections: 1, Write: time.Hour}}, big)
	c := dialTCP(t, s.Addrs()[0])
	c.stuff()
	other := dialTCP(t, s.Addrs()[0])
	other.send(question(2, "www"))
	other.receive()
	if got := s.Stats().Connections; got.Evicted != 1 || got.Refused != 0 {
		t.Errorf("counted %+v, want 1 evicted", got)
	}
}

// stuff sends queries and reads nothing, until the server takes no more: not an octet, several times over.
func (c stream) stuff() {
	queries := bytes.Repeat(framed(question(1, "www")), 1000)
	rest := queries
	for still := 0; still < 4; still++ {
		c.SetDeadline(time.Now().Add(100 * time.Millisecond))
		n, err := c.Write(rest)
		if err != nil && !isTimeout(err) {
			c.t.Fatal(err)
		}
		if rest = rest[n:]; len(rest) == 0 {
			rest = queries
		}
		if n > 0 {
			still = -1
		}
	}
	c.SetDeadline(time.Now().Add(time.Minute))
}

func TestTCPShutdownAnswersWhatWasReceived(t *testing.T) {
	gate := make(chan struct{})
	s := start(t, Options{TCP: TCPLimits{Idle: time.Hour}}, func(dst []byte, req *resolver.Request, sc *resolver.Scratch) int {
		<-gate
		return echo(dst, req, sc)
	})
	const clients, each = 20, 300
	var conns [clients]stream
	for i := range conns {
		conns[i] = dialTCP(t, s.Addrs()[0])
		for k := range each {
			conns[i].send(question(uint16(k), "www"))
		}
	}
	idle := dialTCP(t, s.Addrs()[0])
	done := make(chan error)
	go func() { done <- s.Shutdown(deadline(t, time.Minute)) }()
	for !s.listeners[0].tcp.stopping() {
		runtime.Gosched()
	}
	close(gate)
	for _, c := range conns {
		for k := range each {
			wantAnswer(t, question(uint16(k), "www"), c.receive())
		}
		c.wantEnd()
		c.Close()
	}
	idle.wantEnd()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// Who was connected before the stop is answered, also where a busy machine comes to accept only after the lull.
func TestTCPShutdownAcceptsWhatTheKernelHolds(t *testing.T) {
	s, err := listen(Options{Listen: []netip.AddrPort{loopback4}, Workers: 1}, viewOf(echo))
	if err != nil {
		t.Fatal(err)
	}
	l := s.listeners[0].tcp
	defer s.listeners[0].close()
	var conns [20]stream
	for i := range conns {
		conns[i] = dialTCP(t, s.Addrs()[0])
		conns[i].send(question(uint16(i), "www"))
	}
	close(l.quit)
	l.ln.SetDeadline(time.Unix(1, 0))
	l.serve()
	l.ln.Close()
	for i, c := range conns {
		wantAnswer(t, question(uint16(i), "www"), c.receive())
		c.wantEnd()
		c.Close()
	}
	l.ends.Wait()
}

// Queries that come too late must not cost the client the answers it has not taken yet.
func TestTCPEndDoesNotOvertakeAnswers(t *testing.T) {
	c, client := benchConn(t, Options{}, big)
	query := framed(question(1, "www"))
	for range 5 { // more than the client's buffer takes at first
		client.Write(query)
		c.readWork(t, query)
	}
	client.Write(query)
	c.late = true
	ended := make(chan struct{})
	go func() { c.finish(errDrained); close(ended) }()
	for range 5 {
		client.receive()
	}
	if _, err := client.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("after the answers: %v, want the end", err)
	}
	client.Close()
	<-ended
}

func TestTCPShutdownCutsAtDeadline(t *testing.T) {
	s := start(t, Options{TCP: TCPLimits{Write: time.Hour}}, big)
	c := dialTCP(t, s.Addrs()[0])
	c.stuff()
	if err := s.Shutdown(deadline(t, 50*time.Millisecond)); err == nil {
		t.Error("a client that does not read did not hold up the shutdown")
	}
	if got := s.Stats().Connections.Open; got != 0 {
		t.Errorf("%d connections left open", got)
	}
}
