package healthcheck

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// frail is a real server that can be told to hang, or to close its port.
type frail struct {
	listener net.Listener
	hung     atomic.Bool
	answered atomic.Int64  // when the last answer began, in ns
	served   chan struct{} // gets a token after every answer
	conns    sync.WaitGroup
}

func newFrail(t *testing.T) *frail {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &frail{listener: l, served: make(chan struct{}, 1)}
	f.conns.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.conns.Go(func() { f.handle(c) })
		}
	})
	t.Cleanup(func() { l.Close(); f.conns.Wait() })
	return f
}

func (f *frail) handle(c net.Conn) {
	defer c.Close()
	if f.hung.Load() {
		silent(c)
		return
	}
	f.answered.Store(time.Now().UnixNano())
	answering(ok("well"))(c)
	select {
	case f.served <- struct{}{}:
	default:
	}
}

// outAfter fails a real server just after a probe and measures how long it takes from the last answer until a
// publication has it down.
func outAfter(t *testing.T, fail func(*frail)) time.Duration {
	t.Helper()
	f := newFrail(t)
	at := netip.MustParseAddrPort(f.listener.Addr().String())
	c := classic()
	c.Port, c.Jitter = at.Port(), NoJitter
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
	<-f.served // of the first round, after which the interval is shorter
	<-f.served
	fail(f)
	return (<-down).Sub(time.Unix(0, f.answered.Load()))
}

// TestRealWorstCases holds the promised bounds on real sockets, with room for a
// machine that is busy with other things; TestWorstCases has the exact ones. However
// busy it is, no timer fires early; but a probe that was answered fails too if this process stood still for a second, so
// there are three tries.
func TestRealWorstCases(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 4 seconds")
	}
	const busy = 15 * time.Second
	for _, test := range []struct {
		name         string
		fail         func(*frail)
		least, bound time.Duration
	}{
		{"hung", func(f *frail) { f.hung.Store(true) }, 3300 * time.Millisecond, 3550 * time.Millisecond},
		{"refusing", func(f *frail) { f.listener.Close() }, 1300 * time.Millisecond, 1600 * time.Millisecond},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d := outAfter(t, test.fail)
			for tries := 1; tries < 3 && d < test.least; tries++ {
				d = outAfter(t, test.fail)
			}
			t.Logf("out after %v, promised within %v", d, test.bound)
			if d < test.least || d > test.bound+busy {
				t.Errorf("out after %v, want %v to %v", d, test.least, test.bound)
			}
		})
	}
}

// TestManyRealTargets probes a hundred servers of all sorts, replaces them
// under way, stops, and looks for goroutines left behind.
func TestManyRealTargets(t *testing.T) {
	well := site(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	hung, closed := serve(t, silent), refusing(t)
	before := runtime.NumGoroutine()
	var targets []Target
	for i := range 120 {
		c := Check{Type: "http", Path: fmt.Sprint("/", i), Interval: 100 * time.Millisecond, Timeout: 150 * time.Millisecond, Rise: 1, Fall: 1}
		c.Port = []uint16{well.Port(), hung.Port(), closed.Port()}[i%3]
		if c.Port == well.Port() {
			c.Timeout = time.Minute // it is well on a machine that is busy, too
		}
		targets = append(targets, Target{Check: c, Addr: well.Addr()})
	}
	var published atomic.Uint64
	m := New(Options{Publish: func(s *Snapshot) { published.Store(s.Generation) }})
	m.Set(targets)
	m.Start(context.Background())
	m.FirstRound(context.Background())
	for i := range 20 {
		m.Set(targets[i*3 : 60+i*3])
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
	deadline := time.Now().Add(30 * time.Second)
	for runtime.NumGoroutine() > most {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), most, buf[:runtime.Stack(buf, true)])
		}
		time.Sleep(time.Millisecond)
	}
}
