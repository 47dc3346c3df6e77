package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"
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
	c.SetDeadline(time.Now().Add(time.Minute))
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
	s.table.enter(c, c.client.Addr())
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

func TestAcceptance34AllSplits(t *testing.T) {
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

func TestAcceptance34OctetByOctet(t *testing.T) {
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

func TestAcceptance01ResponsesOverTCPAreDropped(t *testing.T) {
	s := start(t, Options{}, echo)
	c := dialTCP(t, s.Addrs()[0])
	response := question(1, "www")
	response[2] |= flagQR
	c.send(response, question(2, "www"))
	if got := c.receive(); got[1] != 2 {
		t.Errorf("answer to %d, want 2", got[1])
	}
}

func TestAcceptance34Pipelining(t *testing.T) {
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
