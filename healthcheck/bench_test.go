package healthcheck

import (
	"context"
	"crypto/tls"
	"net"
	"syscall"
	"testing"
	"time"
)

// benchmarkProbe runs one probe after the other. The CPU metric counts the server
// in this process too; its part is about a third.
func benchmarkProbe(b *testing.B, o Options, c Check, handle func(net.Conn)) {
	b.Helper()
	at := serve(b, handle)
	c.Port = at.Port()
	target := Target{Check: c, Addr: at.Addr()}.complete()
	p := (&compiler{newNetwork(o), map[Check]*answer{}}).probe(&target)
	b.ReportAllocs()
	before, n := cpu(b), 0
	for b.Loop() {
		ctx, cancel := context.WithTimeout(context.Background(), target.Check.Timeout)
		if err := p(ctx); err != nil {
			b.Fatal(err)
		}
		cancel()
		n++
	}
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/float64(n)/1000, "cpu-us/op")
}

// cpu is the processor time this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func BenchmarkTCP(b *testing.B) {
	benchmarkProbe(b, Options{}, Check{Type: "tcp"}, func(net.Conn) {})
}

func BenchmarkTCPExpect(b *testing.B) {
	hello := func(c net.Conn) { _, _ = c.Write([]byte("220 mail.example ESMTP\r\n")) }
	benchmarkProbe(b, Options{}, Check{Type: "tcp", Expect: "220 "}, hello)
}

func BenchmarkHTTP(b *testing.B) {
	benchmarkProbe(b, Options{}, Check{Type: "http"}, answering(ok("well")))
}

func BenchmarkHTTPBody(b *testing.B) {
	benchmarkProbe(b, Options{}, Check{Type: "http", Body: "well"}, answering(ok("well")))
}

func BenchmarkHTTPS(b *testing.B) {
	ca := newAuthority(b)
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(b, "www.example.com", time.Now().Add(time.Hour))}}
	benchmarkProbe(b, Options{Roots: ca.roots}, Check{Type: "https", Host: "www.example.com"}, overTLS(config, answering(ok("well"))))
}

// BenchmarkRound is the engine alone: one probe that succeeds at once, with its
// bookkeeping.
func BenchmarkRound(b *testing.B) {
	targets := numbered(Check{Type: "http"}, 10000)
	m := newFakes().monitor(Options{})
	m.compile = func() func(*Target) probe {
		return func(*Target) probe { return func(context.Context) error { return nil } }
	}
	m.Set(targets)
	m.Start(context.Background())
	m.FirstRound(context.Background())
	defer m.Stop()
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		t := m.targets[i%len(targets)]
		m.mu.Lock()
		t.due = time.Time{}
		m.mu.Unlock()
		m.fire(t)
		i++
	}
}

func BenchmarkSnapshot(b *testing.B) {
	m := New(Options{})
	m.Set(numbered(Check{Type: "http"}, 10000))
	b.ReportAllocs()
	for b.Loop() {
		m.Snapshot()
	}
}

func BenchmarkSet(b *testing.B) {
	m := New(Options{})
	targets := numbered(Check{Type: "http"}, 10000)
	b.ReportAllocs()
	for b.Loop() {
		m.Set(targets)
	}
}
