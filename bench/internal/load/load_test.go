package load

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/queries"
)

func set(t *testing.T) *queries.Set {
	t.Helper()
	s, err := queries.Geo("www.example.com.", 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// echo answers every query with itself and QR set, except each drop-th one if drop is over 0.
func echo(t *testing.T, drop int) netip.AddrPort {
	t.Helper()
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 1500)
		for i := 1; ; i++ {
			n, from, err := c.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			b[2] |= 0x80
			if drop == 0 || i%drop != 0 {
				c.WriteToUDPAddrPort(b[:n], from)
			}
		}
	}()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// losing asks until no more are lost than the server drops, a few times: what this machine's standing still for half a
// second costs is lost, too.
func losing(t *testing.T, drops int, ask func() (Result, error)) Result {
	t.Helper()
	r, err := ask()
	for tries := 1; err == nil && r.Lost() > drops && tries < 5; tries++ {
		r, err = ask()
	}
	if err != nil || r.Lost() != drops {
		t.Errorf("%d are lost, want %d: %+v, %v", r.Lost(), drops, r, err)
	}
	return r
}

func TestBurst(t *testing.T) {
	r := losing(t, 0, func() (Result, error) { return Burst(echo(t, 0), set(t), 100, 1) })
	if r.Sent != 100 || r.Wrong != 0 {
		t.Errorf("%+v", r)
	}
	losing(t, 10, func() (Result, error) { return Burst(echo(t, 10), set(t), 100, 1) })
}

func TestSaturate(t *testing.T) {
	r := losing(t, 0, func() (Result, error) { return Saturate(echo(t, 0), set(t), 16, 50*time.Millisecond, 1) })
	if r.Answered < 16 {
		t.Errorf("%+v", r)
	}
}

func TestPaced(t *testing.T) {
	r, err := Paced(echo(t, 0), set(t), 2000, 200*time.Millisecond, 1)
	if err != nil || r.Sent < 300 || r.Sent > 500 {
		t.Fatalf("2000 a second for 0.2 s: %d sent, %v", r.Sent, err)
	}
	if len(r.Latencies) != r.Answered || r.Latencies[0] == 0 || r.Latencies[0] > r.Latencies[len(r.Latencies)-1] {
		t.Errorf("%d latencies of %d answers, first %d", len(r.Latencies), r.Answered, r.Latencies[0])
	}
}

func TestStream(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				io.Copy(c, c)
			}()
		}
	}()
	r := losing(t, 0, func() (Result, error) {
		return Stream(netip.MustParseAddrPort(l.Addr().String()), set(t), 5, 4, 30*time.Millisecond)
	})
	if r.Answered < 20 {
		t.Errorf("%+v", r)
	}
}

func TestAnswerChecksTheReply(t *testing.T) {
	for _, c := range []struct {
		flags uint16
		good  bool
	}{{0x8400, true}, {0x8403, true}, {0x8402, false}, {0x8405, false}, {0x0000, false}} {
		var s socket
		binary.BigEndian.PutUint16(s.messages[1][0][:], 7)
		binary.BigEndian.PutUint16(s.messages[1][0][2:], c.flags)
		s.in[0].size = 12
		if id, good := s.answer(0); id != 7 || good != c.good {
			t.Errorf("%04x: ID %d, good %v", c.flags, id, good)
		}
	}
}

const dnsperfPrinted = `Statistics:

  Queries sent:         1000
  Queries completed:    990 (99.00%)
  Queries lost:         10 (1.00%)

  Response codes:       NOERROR 800 (80.81%), SERVFAIL 40 (4.04%), NXDOMAIN 150 (15.15%)
  Average packet size:  request 60, response 90
  Run time (s):         2.500000
  Queries per second:   396.000000
`

func TestParseDnsperf(t *testing.T) {
	r, err := parseDnsperf(dnsperfPrinted)
	if err != nil || r.Sent != 1000 || r.Lost() != 10 || r.Wrong != 40 || r.Elapsed != 2500*time.Millisecond || r.Rate() != 396 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := parseDnsperf("[Error] unable to connect"); err == nil {
		t.Error("no statistics, and no error")
	}
}
