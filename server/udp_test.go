package server

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/resolver"
)

func TestUDPAnswers(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		for _, addr := range []string{"127.0.0.1:0", "[::1]:0"} {
			if addr[0] == '[' && !hasIPv6() {
				continue
			}
			o.Listen = []netip.AddrPort{netip.MustParseAddrPort(addr)}
			s := start(t, o, echo)
			for i := range 20 { // sockets enough to meet every worker
				c := dialUDP(t, s.Addrs()[0])
				query := question(uint16(i), "www")
				wantAnswer(t, query, ask(t, c, query))
			}
		}
	})
}

// A client that connects its socket takes answers from the address it asked only.
func TestUDPWildcardAnswersFromAddressAsked(t *testing.T) {
	for _, tc := range []struct {
		listen string
		ask    []string
	}{
		{"0.0.0.0:0", []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"}},
		{"[::]:0", append([]string{"::1"}, linkLocal(t)...)},
	} {
		paths(t, func(t *testing.T, o Options) {
			if runtime.GOOS != "linux" && tc.listen[0] != '[' {
				t.Skip("needs all of 127.0.0.0/8")
			}
			if tc.listen[0] == '[' && !hasIPv6() {
				t.Skip("no IPv6")
			}
			o.Listen = []netip.AddrPort{netip.MustParseAddrPort(tc.listen)}
			s := start(t, o, echo)
			for _, a := range tc.ask {
				c := dialUDP(t, netip.AddrPortFrom(netip.MustParseAddr(a), s.Addrs()[0].Port()))
				query := question(7, "www")
				wantAnswer(t, query, ask(t, c, query))
			}
		})
	}
}

// From an address of wider scope nothing but the packet info says which interface a link-local address is of.
func TestUDPLinkLocalAskedFromElsewhere(t *testing.T) {
	asked := linkLocal(t)
	from := slices.DeleteFunc(hostAddrs(), netip.Addr.Is4)
	if len(asked) == 0 || len(from) == 0 {
		t.Skip("needs a link-local and a global IPv6 address")
	}
	paths(t, func(t *testing.T, o Options) {
		o.Listen = addrs("[::]:0")
		s := start(t, o, echo)
		to := netip.AddrPortFrom(netip.MustParseAddr(asked[0]), s.Addrs()[0].Port())
		c, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(from[0], 0)), net.UDPAddrFromAddrPort(to))
		if err != nil {
			t.Skip(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(10 * time.Second))
		wantAnswer(t, question(1, "www"), ask(t, c, question(1, "www")))
	})
}

// linkLocal returns the link-local addresses of this machine, with their zones.
func linkLocal(t *testing.T) []string {
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, i := range interfaces {
		addrs, _ := i.Addrs()
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
				out = append(out, p.Addr().WithZone(i.Name).String())
			}
		}
	}
	return out
}

func hasIPv6() bool {
	c, err := net.ListenPacket("udp6", "[::1]:0")
	if err != nil {
		return false
	}
	c.Close()
	return true
}

func TestWildcardsOfBothFamiliesShareAPort(t *testing.T) {
	if !hasIPv6() {
		t.Skip("no IPv6")
	}
	paths(t, func(t *testing.T, o Options) {
		o.Listen = []netip.AddrPort{onFreePort(t, "0.0.0.0")}
		s := start(t, o, echo)
		port := s.Addrs()[0].Port()
		six := netip.AddrPortFrom(netip.IPv6Unspecified(), port)
		if err := s.SetListen([]netip.AddrPort{o.Listen[0], six}); err != nil {
			t.Fatal(err)
		}
		for _, a := range []string{"127.0.0.1", "::1"} {
			to := netip.AddrPortFrom(netip.MustParseAddr(a), port)
			query := question(1, "www")
			wantAnswer(t, query, ask(t, dialUDP(t, to), query))
			c := dialTCP(t, to)
			c.send(query)
			wantAnswer(t, query, c.receive())
		}
	})
}

func TestRequestCarriesClientAndTime(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		got := make(chan resolver.Request, 3)
		s := start(t, o, func(dst []byte, req *resolver.Request, sc *resolver.Scratch) int {
			got <- *req
			return echo(dst, req, sc)
		})
		u := dialUDP(t, s.Addrs()[0])
		before := time.Now().Unix()
		ask(t, u, question(1, "www"))
		ask(t, u, question(2, "www"))
		c := dialTCP(t, s.Addrs()[0])
		c.send(question(3, "www"))
		c.receive()
		first, second, third := <-got, <-got, <-got
		if first.Client.String() != u.LocalAddr().String() || first.Transport != resolver.UDP {
			t.Errorf("client %v over %v, want %v over UDP", first.Client, first.Transport, u.LocalAddr())
		}
		if third.Client.String() != c.LocalAddr().String() || third.Transport != resolver.TCP {
			t.Errorf("client %v over %v, want %v over TCP", third.Client, third.Transport, c.LocalAddr())
		}
		if now := time.Now().Unix(); int64(first.Now) < before || int64(first.Now) > now {
			t.Errorf("time %d, want %d to %d", first.Now, before, now)
		}
		if first.Random == second.Random {
			t.Error("two queries got the same random number")
		}
	})
}

func TestAcceptance01And02UDPDropsAndCounts(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		o.Workers = 1 // one queue: what follows was answered after what precedes
		s := start(t, o, func(dst []byte, req *resolver.Request, sc *resolver.Scratch) int {
			n := echo(dst, req, sc)
			if n > 0 && len(req.Msg) > 100 {
				dst[2] |= flagTC
			}
			return n
		})
		c := dialUDP(t, s.Addrs()[0])
		response := question(1, "www")
		response[2] |= flagQR
		for _, dropped := range [][]byte{response, {}, {1, 2, 3}} {
			c.Write(dropped)
		}
		last := question(9, strings.Repeat("x", 63))
		last = append(last, make([]byte, 100)...)
		if answer := ask(t, c, last); answer[1] != 9 || answer[2]&flagTC == 0 {
			t.Fatalf("answer % x, want ID 9 and TC", answer[:12])
		}
		s.Shutdown(deadline(t, 5*time.Second))
		want := Traffic{Queries: 4, Answers: 1, Dropped: 3, Short: 2, Truncated: 1}
		want.RCodes[0], want.Types[0] = 1, 1
		want.Asked.add(len(last))
		want.Answered.add(len(last))
		got := s.Stats().UDP
		if want.Times = got.Times; got != want || got.Times.Sum <= 0 {
			t.Errorf("counted %+v, want %+v", got, want)
		}
	})
}

func TestUDPLongDatagramIsCut(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		size := make(chan int, 1)
		s := start(t, o, func(dst []byte, req *resolver.Request, sc *resolver.Scratch) int {
			size <- len(req.Msg)
			req.Msg = req.Msg[:headerSize]
			return echo(dst, req, sc)
		})
		ask(t, dialUDP(t, s.Addrs()[0]), append(question(1, "www"), make([]byte, 9000)...))
		if got := <-size; got != querySize {
			t.Errorf("the resolver saw %d octets, want %d", got, querySize)
		}
	})
}

func TestAnswerable(t *testing.T) {
	for from, want := range map[string]bool{
		"192.0.2.1:53": true, "192.0.2.1:0": false, "0.0.0.0:53": false, "224.0.0.251:5353": false,
		"255.255.255.255:53": false, "[2001:db8::1]:53": true, "[::]:53": false, "[ff02::1]:53": false,
		"[2001:db8::1]:0": false,
	} {
		if got := answerable(netip.MustParseAddrPort(from)); got != want {
			t.Errorf("answerable(%s) = %v, want %v", from, got, want)
		}
	}
}

func TestViewLoadedOncePerQuery(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		var loads atomic.Int64
		o.Listen = []netip.AddrPort{loopback4}
		o.Workers = 2
		view := newFake(echo)
		s, err := listen(o, func() answerer { loads.Add(1); return view })
		if err != nil {
			t.Fatal(err)
		}
		served := make(chan error)
		go func() { served <- s.Serve(t.Context()) }()
		u, c := dialUDP(t, s.Addrs()[0]), dialTCP(t, s.Addrs()[0])
		for i := range 10 {
			ask(t, u, question(uint16(i), "www"))
			c.send(question(uint16(i), "www"))
			c.receive()
		}
		s.Shutdown(deadline(t, 5*time.Second))
		if err := <-served; err != nil {
			t.Fatal(err)
		}
		if got := loads.Load(); got != 20 {
			t.Errorf("20 queries loaded the view %d times", got)
		}
	})
}

func TestPanicIsServfailAndNoMore(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		log, logs := observed()
		began := time.Now()
		o.Log, o.Workers = log, 1
		s := start(t, o, func(dst []byte, req *resolver.Request, sc *resolver.Scratch) int {
			switch {
			case strings.Contains(string(req.Msg), "panic"):
				panic(errors.New("a defect"))
			case strings.Contains(string(req.Msg), "beyond"):
				return len(dst) + 1
			}
			return echo(dst, req, sc)
		})
		u, c := dialUDP(t, s.Addrs()[0]), dialTCP(t, s.Addrs()[0])
		for i, name := range []string{"panic", "beyond", "www", "panic"} {
			query := question(uint16(i), name)
			c.send(query)
			for _, answer := range [][]byte{ask(t, u, query), c.receive()} {
				if name == "www" {
					wantAnswer(t, query, answer)
				} else if answer[1] != byte(i) || answer[2] != flagQR|flagRD || answer[3] != servFail || len(answer) != len(query) {
					t.Errorf("%s: % x, want SERVFAIL with the question", name, answer)
				}
			}
		}
		s.Shutdown(deadline(t, 5*time.Second))
		if st := s.Stats(); st.Panics != 6 || st.UDP.RCodes[servFail] != 3 || st.TCP.RCodes[servFail] != 3 {
			t.Errorf("counted %+v, want 6 panics, 3 SERVFAIL each", st)
		}
		lines := logs.All()
		if took := time.Since(began); len(lines) == 0 || len(lines) > 1+int(took/time.Second) {
			t.Fatalf("%d lines logged in %v, want one a second", len(lines), took)
		}
		if stack, _ := lines[0].ContextMap()["stack"].(string); !strings.Contains(stack, "TestPanicIsServfail") {
			t.Errorf("the stack does not show the origin: %q", stack)
		}
	})
}

func TestUDPShutdownAnswersWhatWasReceived(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		gate := make(chan struct{})
		s := start(t, o, func(dst []byte, req *resolver.Request, sc *resolver.Scratch) int {
			<-gate
			if req.Msg[1]%32 == 0 {
				time.Sleep(time.Millisecond) // work: in all, for longer than a lull
			}
			return echo(dst, req, sc)
		})
		const clients, each = 8, 100
		var conns [clients]*net.UDPConn
		for i := range conns {
			conns[i] = dialUDP(t, s.Addrs()[0])
			for k := range each {
				if _, err := conns[i].Write(question(uint16(k), "www")); err != nil {
					t.Fatal(err)
				}
			}
		}
		done := make(chan error)
		go func() { done <- s.Shutdown(deadline(t, 30*time.Second)) }()
		for !s.stoppedReading() {
			runtime.Gosched()
		}
		close(gate)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for i, c := range conns {
			for k := range each {
				if _, err := c.Read(make([]byte, 512)); err != nil {
					t.Fatalf("client %d, answer %d of %d: %v", i, k, each, err)
				}
			}
		}
	})
}

// What came before the stop is answered, also where a busy machine comes to read only after the lull.
func TestPortableUDPReadsWhatTheKernelHolds(t *testing.T) {
	s, err := listen(Options{Listen: []netip.AddrPort{loopback4}, Workers: 1, portable: true}, viewOf(echo))
	if err != nil {
		t.Fatal(err)
	}
	defer s.listeners[0].close()
	u := s.listeners[0].udp.(*portableUDP)
	c := dialUDP(t, s.Addrs()[0])
	for i := range 20 {
		if _, err := c.Write(question(uint16(i), "www")); err != nil {
			t.Fatal(err)
		}
	}
	u.until.Store(time.Now().Add(time.Minute).UnixNano())
	u.conn.SetReadDeadline(time.Unix(1, 0))
	u.serve(0)
	for i := range 20 {
		answer := make([]byte, 512)
		n, err := c.Read(answer)
		if err != nil {
			t.Fatal(err)
		}
		wantAnswer(t, question(uint16(i), "www"), answer[:n])
	}
}

// stoppedReading tells whether the first listener's UDP has been told to stop.
func (s *Server) stoppedReading() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch u := s.listeners[0].udp.(type) {
	case *portableUDP:
		return u.until.Load() != 0
	case interface{ draining() bool }:
		return u.draining()
	}
	return true
}

// An idle worker waits in the poll, where it must hear of the stop.
func TestShutdownWhileIdle(t *testing.T) {
	paths(t, func(t *testing.T, o Options) {
		o.Workers = 8
		s := start(t, o, echo)
		began := time.Now()
		if err := s.Shutdown(deadline(t, 10*time.Second)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

// A worker that waits in a raw system call must let the garbage collector stop the world.
func TestCollectorIsNotHeldUp(t *testing.T) {
	s := start(t, Options{Workers: 4}, echo)
	c := dialUDP(t, s.Addrs()[0])
	worst := time.Duration(0)
	for i := range 50 {
		ask(t, c, question(uint16(i), "www"))
		began := time.Now()
		runtime.GC()
		worst = max(worst, time.Since(began))
	}
	if worst > 10*time.Second {
		t.Errorf("a collection took %v", worst)
	}
}
