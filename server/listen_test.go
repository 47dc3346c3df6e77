package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/internal/testport"
)

// occupy binds addr for one transport as another program would, and returns the address.
func occupy(t *testing.T, network, addr string, control func(string, string, syscall.RawConn) error) netip.AddrPort {
	t.Helper()
	lc := net.ListenConfig{Control: control}
	if network == "udp" {
		c, err := lc.ListenPacket(t.Context(), network, addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	lc.SetMultipathTCP(false)
	c, err := lc.Listen(t.Context(), network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c.Addr().(*net.TCPAddr).AddrPort()
}

// occupyAlone occupies a port of addr that is free at all other addresses and for the other transport.
func occupyAlone(t *testing.T, network, addr string, control func(string, string, syscall.RawConn) error) netip.AddrPort {
	t.Helper()
	return occupy(t, network, onFreePort(t, addr).String(), control)
}

// onFreePort is an address with a port that is free on all addresses.
func onFreePort(t *testing.T, addr string) netip.AddrPort {
	t.Helper()
	return netip.AddrPortFrom(netip.MustParseAddr(addr), uint16(testport.Port(t)))
}

func TestListenNamesTheHolder(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	comm, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	sharing := func(_, _ string, c syscall.RawConn) error { return sharePort(c) }
	for _, network := range []string{"udp", "tcp"} {
		for _, control := range []func(string, string, syscall.RawConn) error{nil, sharing} {
			for _, wildcard := range []bool{false, true} {
				paths(t, func(t *testing.T, o Options) {
					held := occupyAlone(t, network, "127.0.0.3", control)
					want := held
					if wildcard {
						want = netip.AddrPortFrom(netip.IPv4Unspecified(), held.Port())
					}
					o.Listen = []netip.AddrPort{loopback4, want}
					o.Workers = 2
					_, err := listen(o, viewOf(echo))
					if !errors.Is(err, syscall.EADDRINUSE) {
						t.Fatalf("listen: %v; want address in use", err)
					}
					holder := fmt.Sprintf("listen %s %v: address already in use by %s (pid %d) on %v", network, want,
						strings.TrimSpace(string(comm)), os.Getpid(), held)
					if !strings.HasPrefix(err.Error(), holder) {
						t.Errorf("%q, want %q", err, holder)
					}
				})
			}
		}
	}
}

func TestListenBindsAllOrNothing(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		free := occupyAlone(t, "udp", "127.0.0.1", nil)
		first := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), free.Port())
		o.Listen = []netip.AddrPort{first, free}
		if _, err := listen(o, viewOf(echo)); err == nil {
			t.Fatal("an address in use was bound")
		}
		occupy(t, "udp", first.String(), nil)
		occupy(t, "tcp", first.String(), nil)
	})
}

func TestSecondServerIsRefused(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		s := start(t, o, echo)
		o.Listen = s.Addrs()
		if _, err := listen(o, viewOf(echo)); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("listen: %v; want address in use", err)
		}
	})
}

func TestListenOnAnAddressOfNobody(t *testing.T) {
	_, err := listen(Options{Listen: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:0")}}, viewOf(echo))
	if !errors.Is(err, syscall.EADDRNOTAVAIL) || !strings.Contains(err.Error(), "192.0.2.1:0") {
		t.Errorf("listen: %v; want cannot assign", err)
	}
}

func TestSetListenKeepsAddsAndRemoves(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		o.Listen = []netip.AddrPort{loopback4, onFreePort(t, "127.0.0.2")}
		s := start(t, o, echo)
		kept, removed := s.Addrs()[0], s.Addrs()[1]
		through := dialTCP(t, kept) // stays open through the change
		through.send(question(1, "www"))
		through.receive()
		cut := dialTCP(t, removed)
		cut.send(question(1, "www"))
		cut.receive()
		if err := s.SetListen(addrs("127.0.0.3:0", "127.0.0.1:0")); err != nil {
			t.Fatal(err)
		}
		got := s.Addrs()
		if len(got) != 2 || got[1] != kept || got[0].Addr() != netip.MustParseAddr("127.0.0.3") {
			t.Fatalf("addresses %v, want a new one and %v", got, kept)
		}
		cut.wantEnd()
		through.send(question(2, "www"))
		wantAnswer(t, question(2, "www"), through.receive())
		for _, to := range got {
			wantAnswer(t, question(3, "www"), ask(t, dialUDP(t, to), question(3, "www")))
		}
		occupy(t, "udp", removed.String(), nil)
		occupy(t, "tcp", removed.String(), nil)
		if n := s.Stats().TCP.Queries; n != 3 {
			t.Errorf("%d queries over TCP counted, want 3: those of closed listeners too", n)
		}
	})
}

func addrs(s ...string) []netip.AddrPort {
	var out []netip.AddrPort
	for _, a := range s {
		out = append(out, netip.MustParseAddrPort(a))
	}
	return out
}

// Going from one address to all at the same port, and back, must not need the port to be free in between.
func TestSetListenBetweenWildcardAndAddress(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("overlapping addresses are refused here")
	}
	one := onFreePort(t, "127.0.0.1")
	s := start(t, Options{Listen: []netip.AddrPort{one}}, echo)
	port := one.Port()
	all := netip.AddrPortFrom(netip.IPv4Unspecified(), port)
	two := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), port)
	for _, set := range [][]netip.AddrPort{{all}, {one}, {one, all}, {two}, {all, one}} {
		if err := s.SetListen(set); err != nil {
			t.Fatal(err)
		}
		for _, a := range set {
			if a == all {
				a = two
			}
			wantAnswer(t, question(1, "www"), ask(t, dialUDP(t, a), question(1, "www")))
			c := dialTCP(t, a)
			c.send(question(2, "www"))
			wantAnswer(t, question(2, "www"), c.receive())
		}
	}
	foreign := occupyAlone(t, "udp", "127.0.0.3", nil)
	beside := netip.AddrPortFrom(netip.IPv4Unspecified(), foreign.Port())
	if err := s.SetListen([]netip.AddrPort{beside}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("beside a foreign socket: %v; want address in use", err)
	}
	if got := s.Addrs(); !slices.Equal(got, []netip.AddrPort{all, one}) {
		t.Errorf("after a refused change: %v", got)
	}
}

func TestManyListeners(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs all of 127.0.0.0/8")
	}
	var o Options
	for i := range 40 {
		o.Listen = append(o.Listen, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 1, byte(i + 1)}), 0))
	}
	s := start(t, o, echo)
	for i, to := range s.Addrs() {
		query := question(uint16(i), "www")
		wantAnswer(t, query, ask(t, dialUDP(t, to), query))
		c := dialTCP(t, to)
		c.send(query)
		wantAnswer(t, query, c.receive())
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	s, err := listen(Options{Listen: addrs("127.0.0.1:0"), Workers: 2}, viewOf(echo))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error)
	go func() { served <- s.Serve(ctx) }()
	ask(t, dialUDP(t, s.Addrs()[0]), question(1, "www"))
	cancel()
	if err := <-served; err != nil {
		t.Error(err)
	}
	if err := s.Serve(t.Context()); err != ErrClosed {
		t.Errorf("a second Serve: %v, want %v", err, ErrClosed)
	}
	if err := s.SetListen(addrs("127.0.0.1:0")); err != ErrClosed {
		t.Errorf("SetListen: %v, want %v", err, ErrClosed)
	}
}

func TestShutdownBeforeServeFreesThePorts(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		o.Listen = []netip.AddrPort{onFreePort(t, "127.0.0.1")}
		s, err := listen(o, viewOf(echo))
		if err != nil {
			t.Fatal(err)
		}
		at := s.Addrs()[0]
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		occupy(t, "udp", at.String(), nil)
		occupy(t, "tcp", at.String(), nil)
		if err := s.Serve(t.Context()); err != ErrClosed {
			t.Errorf("serve: %v, want %v", err, ErrClosed)
		}
	})
}

func TestNoGoroutineStays(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		before := runtime.NumGoroutine()
		s := start(t, o, echo)
		for range 10 {
			c := dialTCP(t, s.Addrs()[0])
			c.send(question(1, "www"))
			c.receive()
		}
		if err := s.Shutdown(deadline(t, 5*time.Second)); err != nil {
			t.Fatal(err)
		}
		// What is left for a moment is the Serve of the test, on its way out, and what waits for the deadline's timer.
		for end := time.Now().Add(30 * time.Second); runtime.NumGoroutine() > before+2; time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d goroutines before, %d after", before, runtime.NumGoroutine())
			}
		}
	})
}

// Queries on both transports while the listen set and its readers change.
func TestQueriesWhileListenersChange(t *testing.T) {
	s := start(t, Options{Listen: addrs("127.0.0.1:0")}, echo)
	steady := s.Addrs()[0]
	var clients sync.WaitGroup
	for range 4 {
		u, c := dialUDP(t, steady), dialTCP(t, steady)
		clients.Go(func() {
			for i := range 200 {
				query := question(uint16(i), "www")
				wantAnswer(t, query, ask(t, u, query))
				c.send(query)
				wantAnswer(t, query, c.receive())
				s.Stats()
			}
		})
	}
	for range 5 {
		for _, set := range [][]string{{"127.0.0.1:0", "127.0.0.2:0"}, {"127.0.0.3:0", "127.0.0.1:0"}, {"127.0.0.1:0"}} {
			if err := s.SetListen(addrs(set...)); err != nil {
				t.Error(err)
			}
		}
	}
	clients.Wait()
}
