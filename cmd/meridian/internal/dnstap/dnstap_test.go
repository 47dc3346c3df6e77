package dnstap

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/server"
)

func exchange(size int) *server.Exchange {
	return &server.Exchange{
		Query: make([]byte, 40), Answer: make([]byte, size), Client: netip.MustParseAddrPort("[2001:db8::1]:5353"),
		Local: netip.MustParseAddrPort("[2001:db8::53]:53"), Via: resolver.TCP, Received: time.Unix(1, 2),
	}
}

// reader is a program at the other end, as far as a test wants it.
type reader struct {
	t *testing.T
	l net.Listener
}

func newReader(t *testing.T, path string) *reader {
	t.Helper()
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return &reader{t, l}
}

// accept shakes hands.
func (r *reader) accept(answer []byte) (net.Conn, error) {
	c, err := r.l.Accept()
	if err != nil {
		return nil, err
	}
	r.t.Cleanup(func() { c.Close() })
	kind, types, err := readControl(c)
	if err != nil || kind != controlReady || len(types) != 1 || string(types[0]) != contentType {
		return nil, errors.Join(err, errors.New("no READY"))
	}
	_, err = c.Write(answer)
	return c, err
}

// start reads START.
func start(c net.Conn) error {
	kind, _, err := readControl(c)
	if kind != controlStart {
		err = errors.Join(err, errors.New("no START"))
	}
	return err
}

// frame reads a frame; nil for a control frame.
func frame(c net.Conn) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(length[:]))
	_, err := io.ReadFull(c, b)
	return b, err
}

// states collects what Options.State was told. Safe for concurrent use.
type states struct {
	mu  sync.Mutex
	all []string
}

func (s *states) tell(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		s.all = append(s.all, "well")
	} else {
		s.all = append(s.all, err.Error())
	}
}

func (s *states) await(t *testing.T, want string) {
	t.Helper()
	eventually(t, want, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.all) > 0 && strings.Contains(s.all[len(s.all)-1], want)
	})
}

func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited for %q", what)
		}
	}
}

func run(t *testing.T, o *Output) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); o.Run(ctx) }()
	return func() { cancel(); <-ended }
}

// TestReconnects lets readers come and go: every message that was taken by one is whole, all others are counted.
func TestReconnects(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	var s states
	o := New(Options{Socket: path, Sample: 1, State: s.tell})
	sink := o.Tap().Open()
	sink.Take(exchange(100))
	stop := run(t, o)
	s.await(t, "no such file")
	r := newReader(t, path)
	got := 0
	for round := range 3 {
		c, err := r.accept(control(controlAccept, round > 0)) // without a content type it takes all
		if err != nil {
			t.Fatal(err)
		}
		if err := start(c); err != nil {
			t.Fatal(err)
		}
		s.await(t, "well")
		eventually(t, "reached", o.reached.Load)
		sink.Take(exchange(3000))
		for range 2 {
			if b, err := frame(c); err != nil || len(b) < 40 {
				t.Fatalf("%d octets, %v", len(b), err)
			}
			got++
		}
		if round == 2 {
			go stop()
			if b, err := frame(c); err != nil || len(b) != 0 {
				t.Fatalf("%x, %v", b, err)
			}
			if b, err := frame(c); err != nil || binary.BigEndian.Uint32(b) != controlStop {
				t.Fatalf("%x, %v", b, err)
			}
			c.Write(control(controlFinish, false))
			break
		}
		c.Close()
		s.await(t, "the reader has gone")
		sink.Take(exchange(10))
	}
	if sent, dropped, _ := o.Counts(); sent != 6 || dropped != 6 || got != 6 {
		t.Errorf("%d sent, %d dropped, %d read", sent, dropped, got)
	}
}

// TestDeadReader holds that messages are dropped and counted while the reader reads nothing, and that nothing waits.
func TestDeadReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	r := newReader(t, path)
	o := New(Options{Socket: path, Sample: 1})
	stop := run(t, o)
	c, err := r.accept(control(controlAccept, true))
	if err != nil {
		t.Fatal(err)
	}
	if err := start(c); err != nil {
		t.Fatal(err)
	}
	eventually(t, "reached", o.reached.Load)
	sink, x := o.Tap().Open(), exchange(60_000)
	const n = 400 // of 60 kB each: many times what a ring and the kernel hold
	for range n {
		sink.Take(x)
	}
	eventually(t, "drops", func() bool { _, dropped, _ := o.Counts(); return dropped > n/4 })
	stop()
	if sent, dropped, _ := o.Counts(); sent+dropped > 2*n {
		t.Errorf("%d sent, %d dropped", sent, dropped)
	}
}

// TestReaderWhoLeaves holds that a reader who shakes hands and leaves is met less and less often.
func TestReaderWhoLeaves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	r := newReader(t, path)
	var s states
	o := New(Options{Socket: path, Sample: 1, State: s.tell})
	stop := run(t, o)
	begun := time.Now()
	for range 5 {
		c, err := r.accept(control(controlAccept, true))
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	if took := time.Since(begun); took < (1+2+4+8)*leastWait {
		t.Errorf("five connections within %v", took)
	}
	s.await(t, "/s: ")
	stop()
	for _, text := range s.all {
		if strings.Contains(text, "->") {
			t.Errorf("it says %s", text)
		}
	}
}

// TestStrangeReaders holds what is said of readers that do not speak the protocol.
func TestStrangeReaders(t *testing.T) {
	other := control(controlAccept, true)
	other[len(other)-1] = 'x'
	for want, answer := range map[string][]byte{
		"does not take protobuf:dnstap.Dnstap":    other,
		"control frame of type 5, not ACCEPT":     control(controlFinish, false),
		"does not speak Frame Streams":            []byte("HTTP/1.1 400 Bad Request\r\n"),
		"sends a control frame that is malformed": {0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1, 9, 9},
	} {
		path := filepath.Join(t.TempDir(), "s")
		r := newReader(t, path)
		go func() { _, _ = r.accept(answer) }()
		var s states
		o := New(Options{Socket: path, Sample: 1, State: s.tell})
		stop := run(t, o)
		s.await(t, want)
		stop()
	}
}

// TestTakeAllocatesNothing is the ceiling of the query path.
func TestTakeAllocatesNothing(t *testing.T) {
	o := New(Options{Sample: 1, Identity: "ns1", Version: "v"})
	o.reached.Store(true)
	sink, x := o.Tap().Open(), exchange(1000)
	if per := testing.AllocsPerRun(2000, func() { sink.Take(x) }); per != 0 {
		t.Errorf("%v allocations", per)
	}
	if _, dropped, _ := o.Counts(); dropped == 0 {
		t.Error("the ring has no end")
	}
}
