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

// stream is a TCP client; its methods fail the test.
type stream struct {
	*net.TCPConn
	t testing.TB
}

func dialTCP(t testing.TB, to netip.AddrPort) stream { return dialFrom(t, netip.Addr{}, to) }

func dialFrom(t testing.TB, from netip.Addr, to netip.AddrPort) stream {
	t.Helper()
	var d net.Dialer
	if from.IsValid() {
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	c, err := d.DialContext(t.Context(), "tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(10 * time.Second))
	return stream{c.(*net.TCPConn), t}
}

func framed(messages ...[]byte) []byte {
	var b []byte
	for _, m := range messages {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(m))), m...)
	}
	return b
}

func (c stream) send(messages ...[]byte) {
	c.t.Helper()
	if _, err := c.Write(framed(messages...)); err != nil {
		c.t.Fatal(err)
	}
}

func (c stream) receive() []byte {
	c.t.Helper()
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		c.t.Fatal(err)
	}
	m := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, m); err != nil {
		c.t.Fatal(err)
	}
	return m
}

// wantEnd waits for the server to close the connection, with nothing more sent.
func (c stream) wantEnd() {
	c.t.Helper()
	n, err := c.Read(make([]byte, 1))
	var timeout net.Error
	if n != 0 || err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		c.t.Fatalf("read %d octets, %v; want the end", n, err)
	}
}

// benchConn makes a connection of the server that the test drives step by step.
func benchConn(t *testing.T, o Options, f answerFunc) (*conn, stream) {
	t.Helper()
	o.Listen, o.Workers = []netip.AddrPort{loopback4}, 1
	s, err := listen(o, viewOf(f))
	if err != nil {
		t.Fatal(err)
	}
	l := s.listeners[0]
	t.Cleanup(l.close)
	client := dialTCP(t, s.Addrs()[0])
	tcp, err := l.tcp.ln.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tcp.Close() })
	c, err := newConn(l.tcp, tcp)
	if err != nil {
		t.Fatal(err)
	}
	return c, client
}

// readWork does what exchange does when part has been sent: read until it is all there, answer what is whole.
func (c *conn) readWork(t *testing.T, part []byte) {
	t.Helper()
	for taken := 0; taken < len(part); {
		before := len(c.in)
		if err := c.read(); err != nil {
			t.Fatal(err)
		}
		taken += len(c.in) - before
		if missing(c.in) > 0 {
			continue
		}
		if err := c.work(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTCPAllSplits(t *testing.T) {
	queries := [][]byte{question(1, "one"), question(2, "two"), question(3, "three")}
	all := framed(queries...)
	c, client := benchConn(t, Options{}, echo)
	for first := 0; first <= len(all); first++ {
		for _, second := range []int{first, first + 1, (first + len(all)) / 2, len(all)} {
			second = min(second, len(all))
			for _, part := range [][]byte{all[:first], all[first:second], all[second:]} {
				client.Write(part)
				c.readWork(t, part)
			}
			for _, q := range queries {
				wantAnswer(t, q, client.receive())
			}
			if len(c.in) != 0 {
				t.Fatalf("split at %d and %d: %d octets left", first, second, len(c.in))
			}
		}
	}
}

func TestTCPOctetByOctet(t *testing.T) {
	c, client := benchConn(t, Options{}, echo)
	long := append(question(5, "long"), make([]byte, 3000)...)
	for _, q := range [][]byte{question(4, "www"), long} {
		for _, octet := range framed(q) {
			client.Write([]byte{octet})
			c.readWork(t, []byte{octet})
		}
		wantAnswer(t, q, client.receive())
	}
}

func TestTCPMessageSizes(t *testing.T) {
	s := start(t, Options{}, echo)
	c := dialTCP(t, s.Addrs()[0])
	for _, size := range []int{0, 1, 11, headerSize, 511, 512, deskQueries - 2, deskQueries - 1, deskQueries, 20000, maxMessage} {
		query := make([]byte, size)
		copy(query, question(1, "www"))
		marker := question(2, "marker")
		c.send(query, marker)
		if size >= headerSize { // shorter ones are dropped, and the connection stays
			wantAnswer(t, query, c.receive())
		}
		wantAnswer(t, marker, c.receive())
	}
}

func TestTCPDropsResponsesAndStaysOpen(t *testing.T) {
	s := start(t, Options{}, echo)
	c := dialTCP(t, s.Addrs()[0])
	response := question(1, "www")
	response[2] |= flagQR
	c.send(response, question(2, "www"))
	if got := c.receive(); got[1] != 2 {
		t.Errorf("answer to %d, want 2", got[1])
	}
}

func TestTCPPipelining(t *testing.T) {
	s := start(t, Options{}, echo)
	c := dialTCP(t, s.Addrs()[0])
	const n = 5000
	go func() {
		for i := range n {
			c.Write(framed(question(uint16(i), "www")))
		}
		c.CloseWrite()
	}()
	for i := range n {
		wantAnswer(t, question(uint16(i), "www"), c.receive())
	}
	c.wantEnd()
}

// Answers to queries that came together leave together.
func TestTCPBatchesAnswers(t *testing.T) {
	c, client := benchConn(t, Options{}, echo)
	queries := framed(question(1, "a"), question(2, "b"), question(3, "c"))
	client.Write(queries)
	c.readWork(t, queries)
	got := make([]byte, 1000)
	n, err := client.Read(got)
	if err != nil || n != len(queries) {
		t.Errorf("the first read brought %d octets, %v; want all %d", n, err, len(queries))
	}
}

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

func TestTCPClientThatNeverReads(t *testing.T) {
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

func TestTCPIdle(t *testing.T) {
	s := start(t, Options{TCP: TCPLimits{Idle: 50 * time.Millisecond, Message: time.Hour}}, echo)
	silent, asking := dialTCP(t, s.Addrs()[0]), dialTCP(t, s.Addrs()[0])
	asking.send(question(1, "www"))
	asking.receive()
	asking.wantEnd()
	silent.wantEnd()
	s.Shutdown(deadline(t, 5*time.Second))
	if got := s.Stats().Connections; got.Expired != 2 || got.Open != 0 {
		t.Errorf("counted %+v, want 2 expired, 0 open", got)
	}
}

func TestTCPSlowDrip(t *testing.T) {
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

func TestTCPCaps(t *testing.T) {
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
	go func() { done <- s.Shutdown(deadline(t, 5*time.Second)) }()
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

func TestTCPShutdownCutsAtDeadline(t *testing.T) {
	s := start(t, Options{TCP: TCPLimits{Write: time.Hour}}, big)
	c := dialTCP(t, s.Addrs()[0])
	c.SetDeadline(time.Now().Add(100 * time.Millisecond))
	var err error
	for err == nil { // until the server is stuck in a write
		_, err = c.Write(bytes.Repeat(framed(question(1, "www")), 1000))
	}
	if err := s.Shutdown(deadline(t, 50*time.Millisecond)); err == nil {
		t.Error("a client that does not read did not hold up the shutdown")
	}
	if got := s.Stats().Connections.Open; got != 0 {
		t.Errorf("%d connections left open", got)
	}
}

func TestTCPAllocatesNothingPerQuery(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s := start(t, Options{}, echo)
	c := dialTCP(t, s.Addrs()[0])
	query := framed(question(1, "www"))
	answer := make([]byte, len(query))
	exchange := func() {
		c.Write(query)
		if _, err := io.ReadFull(c.TCPConn, answer); err != nil {
			t.Fatal(err)
		}
	}
	exchange()
	if got := testing.AllocsPerRun(2000, exchange); got > 0 {
		t.Errorf("%.2f allocations per query", got)
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(framed(question(1, "www"), nil, []byte{1}), 3)
	f.Add([]byte{0xff, 0xff, 0}, 1)
	f.Fuzz(func(t *testing.T, octets []byte, step int) {
		var whole [][]byte
		for rest := octets; ; {
			m, after, ok := nextFrame(rest)
			if !ok {
				break
			}
			whole, rest = append(whole, m), after
		}
		// Octets that come step by step, read no further than missing says, give the same messages.
		var in []byte
		for left := octets; len(left) > 0; {
			n := min(missing(in), len(left), max(1, step&0xff))
			in, left = append(in, left[:n]...), left[n:]
			m, after, ok := nextFrame(in)
			if !ok {
				continue
			}
			if len(whole) == 0 || !bytes.Equal(m, whole[0]) || len(after) != 0 {
				t.Fatalf("message %x, %d octets after it", m, len(after))
			}
			whole, in = whole[1:], nil
		}
		if len(whole) != 0 {
			t.Fatalf("%d messages missing", len(whole))
		}
	})
}
