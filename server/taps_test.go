package server

import (
	"context"
	"io"
	"math"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/resolver"
)

// bucket is a sink that counts.
type bucket struct {
	taken, closed atomic.Int64
	late          atomic.Bool // something came after the end

	mu   sync.Mutex // guards last
	last Exchange
}

func (b *bucket) Take(x *Exchange) {
	b.late.Store(b.late.Load() || b.closed.Load() > 0)
	b.taken.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last = *x
	b.last.Query, b.last.Answer = append([]byte(nil), x.Query...), append([]byte(nil), x.Answer...)
}

func (b *bucket) Close() { b.closed.Add(1) }

// buckets are all that a tap opened.
type buckets struct {
	mu  sync.Mutex
	all []*bucket
}

func (b *buckets) open() Sink {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, new(bucket))
	return b.all[len(b.all)-1]
}

func (b *buckets) each(f func(*bucket)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range b.all {
		f(one)
	}
}

func (b *buckets) taken() (n int64) {
	b.each(func(one *bucket) { n += one.taken.Load() })
	return n
}

// TestTaps asks over both transports while taps come and go: a sample of all gets every exchange as it was, and each sink
// is closed, once, behind its last exchange.
func TestTaps(t *testing.T) {
	for name, o := range map[string]Options{"batch": {}, "portable": {portable: true}} {
		t.Run(name, func(t *testing.T) {
			o.Workers = 2
			s, err := listen(withLoopback(o), viewOf(echo))
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error)
			ctx, stop := context.WithCancel(t.Context())
			go func() { ended <- s.Serve(ctx) }()
			var first, second buckets
			tap(t, s, "udp", &first, 0)
			s.SetTaps(Tap{1, first.open})
			tap(t, s, "udp", &first, 1)
			tap(t, s, "tcp", &first, 2)
			first.each(func(b *bucket) {
				if b.taken.Load() == 0 {
					return
				}
				b.mu.Lock()
				defer b.mu.Unlock()
				if b.last.Local != s.Addrs()[0] || b.last.Client.Addr() != s.Addrs()[0].Addr() || len(b.last.Answer) != len(b.last.Query) || time.Since(b.last.Received) > time.Hour {
					t.Errorf("%+v", b.last)
				}
			})
			s.SetTaps(Tap{1, first.open}, Tap{1, second.open})
			tap(t, s, "udp", &second, 1)
			tap(t, s, "tcp", &second, 2)
			s.SetTaps()
			tap(t, s, "udp", &second, 2)
			tap(t, s, "tcp", &second, 2)
			stop()
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if n := first.taken(); n != 4 {
				t.Errorf("%d exchanges in the first tap", n)
			}
			for _, all := range []*buckets{&first, &second} {
				all.each(func(b *bucket) {
					if b.closed.Load() != 1 || b.late.Load() {
						t.Errorf("closed %d times, late: %v", b.closed.Load(), b.late.Load())
					}
				})
			}
		})
	}
}

func withLoopback(o Options) Options {
	o.Listen = []netip.AddrPort{loopback4}
	return o
}

// tap asks once, and expects so many exchanges in all.
func tap(t *testing.T, s *Server, network string, b *buckets, want int64) {
	t.Helper()
	before := s.Stats()
	if network == "udp" {
		ask(t, dialUDP(t, s.Addrs()[0]), question(1, "www"))
	} else {
		askTCP(t, s.Addrs()[0])
	}
	for end := time.Now().Add(time.Minute); s.Stats().UDP.Answers+s.Stats().TCP.Answers == before.UDP.Answers+before.TCP.Answers; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not counted")
		}
	}
	if n := b.taken(); n != want {
		t.Errorf("%s: %d exchanges, want %d", network, n, want)
	}
}

func askTCP(t *testing.T, to netip.AddrPort) {
	t.Helper()
	c, err := net.Dial("tcp", to.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	query := question(1, "www")
	answer := make([]byte, lengthSize+len(query))
	if _, err := c.Write(append([]byte{0, byte(len(query))}, query...)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, answer); err != nil {
		t.Fatal(err)
	}
}

// TestSampleIsFair holds the gaps of samples against their distribution.
func TestSampleIsFair(t *testing.T) {
	for _, p := range []float64{1, 0.5, 0.01} {
		taps := []Tap{{p, func() Sink { return new(bucket) }}}
		s := &Server{view: func() answerer { return still{} }}
		s.taps.Store(&taps)
		r := newResponder(s, resolver.UDP, 1, new(counters))
		r.begin()
		e := &r.taps.ends[0]
		const n = 200_000
		sum, ones := 0, 0
		for range n {
			gap := e.next(&r.random)
			if gap < 1 {
				t.Fatalf("a gap of %d", gap)
			}
			sum += gap
			if gap == 1 {
				ones++
			}
		}
		// Both are sums of independent draws; seven standard deviations.
		if mean, off := float64(sum)/n, 7*math.Sqrt(1-p)/p/math.Sqrt(n); math.Abs(mean-1/p) > off+1e-9 {
			t.Errorf("a sample of %v: one in %v", p, mean)
		}
		if share, off := float64(ones)/n, 7*math.Sqrt(p*(1-p)/n); math.Abs(share-p) > off+1e-9 {
			t.Errorf("a sample of %v: %v follow at once", p, share)
		}
	}
}

// nothing is a sink that does nothing.
type nothing struct{}

func (nothing) Take(*Exchange) {}
func (nothing) Close()         {}

// TestTapsAllocateNothing answers with taps on.
func TestTapsAllocateNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s := &Server{view: func() answerer { return still{} }}
	open := func() Sink { return nothing{} }
	s.SetTaps(Tap{1, open}, Tap{0.3, open})
	c := new(counters)
	r := newResponder(s, resolver.UDP, 8, c)
	msg, dst := question(1, "www.example.com"), make([]byte, answerSize)
	if per := testing.AllocsPerRun(100, func() {
		r.begin()
		for range 8 {
			r.add(msg, loopback4)
		}
		r.prepare()
		for i := range 8 {
			r.answer(dst, i)
		}
		r.end()
		c.flush(&r.tally)
	}); per != 0 {
		t.Errorf("%v allocations", per)
	}
}

// TestTapTellsTheAddressAsked asks a wildcard listener under several addresses.
func TestTapTellsTheAddressAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs all of 127.0.0.0/8, and the batched path")
	}
	for listen, asked := range map[string][]string{"0.0.0.0:0": {"127.0.0.1", "127.0.0.3"}, "[::]:0": {"::1"}} {
		if listen[0] == '[' && !hasIPv6() {
			continue
		}
		s := start(t, Options{Listen: []netip.AddrPort{netip.MustParseAddrPort(listen)}, Workers: 1}, echo)
		var all buckets
		s.SetTaps(Tap{1, all.open})
		for i, a := range asked {
			to := netip.AddrPortFrom(netip.MustParseAddr(a), s.Addrs()[0].Port())
			c := dialUDP(t, to)
			ask(t, c, question(7, "www"))
			all.each(func(b *bucket) {
				b.mu.Lock()
				defer b.mu.Unlock()
				if b.last.Local != to || b.last.Client.String() != c.LocalAddr().String() || b.taken.Load() != int64(i+1) {
					t.Errorf("asked at %v: %v from %v", to, b.last.Local, b.last.Client)
				}
			})
		}
	}
}
