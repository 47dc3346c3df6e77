package server

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

func TestMain(m *testing.M) {
	if to := os.Getenv(loadVariable); to != "" {
		load(to)
		return
	}
	os.Exit(m.Run())
}

// loadVariable makes the test binary a load generator instead.
const loadVariable = "MERIDIAN_TEST_LOAD"

// load asks as a process of its own, so that the CPU time of the server can be told from the client's. what is
// "ADDRESS WINDOW COUNT PER_SECOND": queries in flight, queries in all, and a pace (0: none).
func load(what string) {
	field := strings.Fields(what)
	number := func(i int) int { n, _ := strconv.Atoi(field[i]); return n }
	answered := generate(netip.MustParseAddrPort(field[0]), number(1), number(2), number(3))
	fmt.Println(answered)
}

// generate returns how many answers came.
func generate(to netip.AddrPort, window, count, pace int) int {
	conns := make([]*net.UDPConn, 16)
	batches := make([]*loadBatch, len(conns))
	for i := range conns {
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
		if err != nil {
			panic(err)
		}
		raw, _ := c.SyscallConn()
		raw.Control(func(fd uintptr) {
			timeout := unix.NsecToTimeval(int64(50 * time.Millisecond))
			unix.SetsockoptTimeval(int(fd), unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout)
			unix.SetNonblock(int(fd), false)
			batches[i] = newLoadBatch(int(fd), window)
		})
		conns[i] = c
	}
	answered, began := 0, time.Now()
	for sent := 0; sent < count; sent += window {
		if pace > 0 {
			time.Sleep(time.Until(began.Add(time.Duration(sent) * time.Second / time.Duration(pace))))
		}
		answered += batches[sent/window%len(batches)].round()
	}
	return answered
}

type loadBatch struct {
	fd      int
	out, in []mmsghdr
}

func newLoadBatch(fd, window int) *loadBatch {
	b := &loadBatch{fd: fd, out: make([]mmsghdr, window), in: make([]mmsghdr, window)}
	for i := range window {
		query, answer := question(uint16(i), "www"), make([]byte, 512)
		for _, m := range []struct {
			h    *mmsghdr
			data []byte
		}{{&b.out[i], query}, {&b.in[i], answer}} {
			v := &unix.Iovec{Base: &m.data[0]}
			v.SetLen(len(m.data))
			m.h.Iov = v
			m.h.SetIovlen(1)
		}
	}
	return b
}

// round sends the window and waits for its answers.
func (b *loadBatch) round() int {
	sent, _, _ := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&b.out[0])), uintptr(len(b.out)), 0, 0, 0)
	got := 0
	for got < int(sent) {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(b.fd), uintptr(unsafe.Pointer(&b.in[0])),
			uintptr(int(sent)-got), unix.MSG_WAITFORONE, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			break
		}
		got += int(n)
	}
	return got
}

// BenchmarkUDP reports the CPU time of the server per answer, with a client in another process.
func BenchmarkUDP(b *testing.B) {
	for _, bm := range []struct {
		name   string
		o      Options
		slots  bool
		listen string
		pace   int
		window int
	}{
		{"batch", Options{}, true, "127.0.0.1:0", 0, 64},
		{"batch_polled", Options{}, false, "127.0.0.1:0", 0, 64},
		{"batch_wildcard", Options{}, true, "0.0.0.0:0", 0, 64},
		{"portable", Options{portable: true}, true, "127.0.0.1:0", 0, 64},
		{"batch_single", Options{}, true, "127.0.0.1:0", 0, 1},
		{"batch_polled_single", Options{}, false, "127.0.0.1:0", 0, 1},
		{"portable_single", Options{portable: true}, true, "127.0.0.1:0", 0, 1},
		{"batch_1000_per_s", Options{}, true, "127.0.0.1:0", 1000, 1},
		{"batch_polled_1000_per_s", Options{}, false, "127.0.0.1:0", 1000, 1},
		{"portable_1000_per_s", Options{portable: true}, true, "127.0.0.1:0", 1000, 1},
	} {
		b.Run(bm.name, func(b *testing.B) {
			bm.o.Listen = []netip.AddrPort{netip.MustParseAddrPort(bm.listen)}
			bm.o.Workers = 1
			s := start(b, bm.o, echo)
			if !bm.slots {
				s.slots.used.Store(1 << 20)
			}
			to := netip.AddrPortFrom(loopback4.Addr(), s.Addrs()[0].Port())
			b.ResetTimer()
			before, cpu := s.Stats().UDP.Answers, cpuTime()
			runLoad(b, to, bm.window, b.N, bm.pace)
			n := s.Stats().UDP.Answers - before
			b.ReportMetric(float64(cpuTime()-cpu)/float64(n), "cpu-ns/answer")
		})
	}
}

func runLoad(t testing.TB, to netip.AddrPort, window, count, pace int) int {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%v %d %d %d", loadVariable, to, window, count, pace))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("load generator: %v", err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatalf("load generator: %v", err)
	}
	return n
}

func cpuTime() time.Duration {
	var u unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (u *batchUDP) draining() bool { return u.stopped.Load() }

func TestUDPAllocatesNothingPerQuery(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	s := start(t, Options{Workers: 1}, echo)
	const queries = 20000
	burst := func() (answers int) { return runLoad(t, s.Addrs()[0], 32, queries, 0) }
	burst()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	answers := burst()
	runtime.ReadMemStats(&after)
	if answers < queries*9/10 {
		t.Fatalf("only %d of %d queries answered", answers, queries)
	}
	// Starting the load generator allocates a few hundred times.
	if per := float64(after.Mallocs-before.Mallocs) / float64(answers); per > 0.1 {
		t.Errorf("%.3f allocations per query", per)
	}
}
