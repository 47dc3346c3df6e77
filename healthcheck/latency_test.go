package healthcheck

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// frail is a real server that can be told how to fail.
type frail struct {
	at     netip.AddrPort
	hung   atomic.Bool
	served chan struct{} // gets a token at every probe
}

func newFrail(t *testing.T) *frail {
	f := &frail{served: make(chan struct{}, 1)}
	f.at = serve(t, func(c net.Conn) {
		if f.hung.Load() {
			silent(c)
			return
		}
		if request(c) != nil {
			_, _ = io.WriteString(c, ok("well"))
		}
		select {
		case f.served <- struct{}{}:
		default:
		}
	})
	return f
}

// outAfter fails a real server just after a probe and measures how long it takes
// until a publication has it down.
func outAfter(t *testing.T, c Check, fail func(*frail)) time.Duration {
	t.Helper()
	f := newFrail(t)
	c.Port = f.at.Port()
	down := make(chan time.Time, 1)
	m := New(Options{Publish: func(s *Snapshot) {
		if s.State(0).Status == Down {
			select {
			case down <- time.Now():
			default:
			}
		}
	}})
	m.Set([]Target{{Check: c, Addr: f.at.Addr()}})
	m.Start(context.Background())
	defer m.Stop()
	m.FirstRound(context.Background())
	time.Sleep(1100 * time.Millisecond) // a quiet second, in real time
	<-f.served
	<-f.served
	fail(f)
	failed := time.Now()
	return (<-down).Sub(failed)
}

// TestRealWorstCases holds the promised bounds on real sockets. The upper bounds
// leave room for a busy machine; the exact ones are in TestWorstCases.
func TestRealWorstCases(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes 5 seconds")
	}
	c := classic()
	c.Jitter = NoJitter
	hang := func(f *frail) { f.hung.Store(true) }
	wrong := c
	wrong.Status, wrong.Timeout = "200", 3*time.Second
	for _, test := range []struct {
		name     string
		check    Check
		fail     func(*frail)
		from, to time.Duration
	}{
		{"hung", c, hang, 3400 * time.Millisecond, 3550 * time.Millisecond},
		{"hung, fast", Check{Type: "http", Interval: 100 * time.Millisecond, Timeout: 200 * time.Millisecond, Fall: 2, Jitter: NoJitter},
			hang, 580 * time.Millisecond, 700 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if d := outAfter(t, test.check, test.fail); d < test.from || d > test.to {
				t.Errorf("out after %v, want %v to %v", d, test.from, test.to)
			}
		})
	}
	t.Run("refusing", func(t *testing.T) {
		t.Parallel()
		if d := refusedAfter(t, c); d < 1400*time.Millisecond || d > 1600*time.Millisecond {
			t.Errorf("out after %v", d)
		}
	})
}

// refusedAfter measures how long until a server that closed its port is out.
func refusedAfter(t *testing.T, c Check) time.Duration {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{}, 1)
	s := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		select {
		case served <- struct{}{}:
		default:
		}
	})}
	var wg sync.WaitGroup
	wg.Go(func() { _ = s.Serve(l) })
	defer wg.Wait()
	at := netip.MustParseAddrPort(l.Addr().String())
	c.Port = at.Port()
	down := make(chan time.Time, 10)
	m := New(Options{Publish: func(s *Snapshot) {
		if s.State(0).Status == Down {
			down <- time.Now()
		}
	}})
	m.Set([]Target{{Check: c, Addr: at.Addr()}})
	m.Start(context.Background())
	defer m.Stop()
	m.FirstRound(context.Background())
	time.Sleep(1100 * time.Millisecond) // a quiet second, in real time
	<-served
	<-served
	failed := time.Now()
	s.Close()
	return (<-down).Sub(failed)
}

// TestManyRealTargets probes a few hundred servers of all sorts, replaces them
// under way, stops, and looks for goroutines left behind.
func TestManyRealTargets(t *testing.T) {
	well := site(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	hung, closed := serve(t, silent), refusing(t)
	before := runtime.NumGoroutine()
	var targets []Target
	for i := range 300 {
		c := Check{Type: "http", Path: fmt.Sprint("/", i), Interval: 100 * time.Millisecond, Timeout: 150 * time.Millisecond, Rise: 1, Fall: 1}
		c.Port = []uint16{well.Port(), hung.Port(), closed.Port()}[i%3]
		targets = append(targets, Target{Check: c, Addr: well.Addr()})
	}
	var published atomic.Uint64
	m := New(Options{Publish: func(s *Snapshot) { published.Store(s.Generation) }})
	m.Set(targets)
	m.Start(context.Background())
	m.FirstRound(context.Background())
	for i := range 20 {
		m.Set(targets[i*5 : 150+i*5])
		time.Sleep(25 * time.Millisecond) // real time: the servers are real
	}
	s := m.Set(targets[:30])
	m.Stop()
	for slot, target := range s.All() {
		checkVerdict(t, s.State(slot), target, well.Port())
	}
	if published.Load() == 0 {
		t.Error("nothing was published")
	}
	waitForGoroutines(t, before)
}

// checkVerdict accepts Up for the good server and not for another.
func checkVerdict(t *testing.T, s State, target Target, good uint16) {
	t.Helper()
	if s.Status == Up && target.Check.Port != good || s.Status == Down && target.Check.Port == good {
		t.Errorf("%v: %+v", target, s)
	}
}

// waitForGoroutines gives the servers of a test a moment to see their clients go.
func waitForGoroutines(t *testing.T, most int) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > most {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), most, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(time.Millisecond)
	}
}
