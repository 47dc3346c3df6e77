package server

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/resolver"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

type answerFunc func(dst []byte, req *resolver.Request, s *resolver.Scratch) int

// fake is a view that answers with a function. It is safe for concurrent use.
type fake struct {
	answer   answerFunc
	mu       sync.Mutex
	prepared map[*resolver.Scratch][]resolver.Request
}

func newFake(f answerFunc) *fake {
	return &fake{answer: f, prepared: map[*resolver.Scratch][]resolver.Request{}}
}

func (f *fake) Prepare(reqs []resolver.Request, s *resolver.Scratch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.prepared[s] = reqs
}

func (f *fake) Write(dst []byte, i int, s *resolver.Scratch) int {
	f.mu.Lock()
	req := &f.prepared[s][i]
	f.mu.Unlock()
	return f.answer(dst, req, s)
}

// echo answers a query with itself.
func echo(dst []byte, req *resolver.Request, _ *resolver.Scratch) int {
	if len(req.Msg) < headerSize || req.Msg[2]&flagQR != 0 {
		return 0
	}
	n := copy(dst, req.Msg)
	dst[2] |= flagQR
	return n
}

func viewOf(f answerFunc) func() answerer {
	a := newFake(f)
	return func() answerer { return a }
}

var loopback4 = netip.MustParseAddrPort("127.0.0.1:0")

// start serves until the test ends, then checks that Serve returned.
func start(t testing.TB, o Options, f answerFunc) *Server {
	t.Helper()
	if o.Listen == nil {
		o.Listen = []netip.AddrPort{loopback4}
	}
	if o.Workers == 0 {
		o.Workers = 2
	}
	s, err := listen(o, viewOf(f))
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve(context.Background()) }()
	for !s.isServing() {
		runtime.Gosched()
	}
	t.Cleanup(func() {
		if err := s.Shutdown(deadline(t, time.Minute)); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return s
}

func (s *Server) isServing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phase == serving
}

func deadline(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// paths runs a test over each way of serving UDP that this system has.
func paths(t *testing.T, f func(t *testing.T, o Options)) {
	t.Run("default", func(t *testing.T) { f(t, Options{}) })
	t.Run("portable", func(t *testing.T) { f(t, Options{portable: true}) })
}

// question builds a query for name (one label) and type A.
func question(id uint16, name string) []byte {
	b := []byte{0, 0, flagRD, 0, 0, 1, 0, 0, 0, 0, 0, 0, byte(len(name))}
	binary.BigEndian.PutUint16(b, id)
	b = append(b, name...)
	return append(b, 0, 0, 1, 0, 1)
}

func dialUDP(t testing.TB, to netip.AddrPort) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return c
}

// ask sends one query on a connected socket and returns the answer.
func ask(t testing.TB, c *net.UDPConn, query []byte) []byte {
	t.Helper()
	if _, err := c.Write(query); err != nil {
		t.Fatal(err)
	}
	answer := make([]byte, 65536)
	n, err := c.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	return answer[:n]
}

func wantAnswer(t testing.TB, query, answer []byte) {
	t.Helper()
	want := append([]byte(nil), query...)
	want[2] |= flagQR
	if string(answer) != string(want) {
		t.Fatalf("answer % x, want % x", answer, want)
	}
}

func observed() (*zap.Logger, *observer.ObservedLogs) {
	core, logs := observer.New(zap.DebugLevel)
	return zap.New(core), logs
}
