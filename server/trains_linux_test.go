package server

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/meridian-dns/meridian/resolver"
	"golang.org/x/sys/unix"
)

// An answer of a batch, by the client and the address asked.
type passenger struct{ client, asked, size int }

func repeated(n int, p passenger) []passenger { return slices.Repeat([]passenger{p}, n) }

// upTo lists the numbers from a to b.
func upTo(a, b int) (all []int) {
	for ; a <= b; a++ {
		all = append(all, a)
	}
	return all
}

func TestTrainsAreMade(t *testing.T) {
	for _, tc := range []struct {
		name    string
		answers []passenger
		want    [][]int
	}{
		{"none", nil, nil},
		{"one", []passenger{{1, 0, 90}}, [][]int{{0}}},
		{"alike", repeated(batchSize, passenger{1, 0, 90}), [][]int{upTo(0, 63)}},
		{"clients in turns", []passenger{{1, 0, 90}, {2, 0, 90}, {1, 0, 90}, {3, 0, 90}, {2, 0, 90}, {1, 0, 90}}, [][]int{{0, 2, 5}, {1, 4}, {3}}},
		{"asked at two addresses", []passenger{{1, 7, 90}, {1, 7, 90}, {1, 8, 90}, {1, 8, 90}}, [][]int{{0, 1}, {2, 3}}},
		{"the last one shorter", []passenger{{1, 0, 90}, {1, 0, 50}, {1, 0, 90}}, [][]int{{0, 2, 1}}},
		{"the shorter one first", []passenger{{1, 0, 50}, {1, 0, 90}, {2, 0, 90}}, [][]int{{1, 0}, {2}}},
		{"a shorter one of another client", []passenger{{1, 0, 90}, {2, 0, 50}}, [][]int{{0}, {1}}},
		{"several shorter ones", []passenger{{1, 0, 90}, {1, 0, 50}, {1, 0, 50}}, [][]int{{0}, {1, 2}}},
		{"several longer ones", []passenger{{1, 0, 50}, {1, 0, 90}, {1, 0, 90}}, [][]int{{1, 2, 0}}},
		{"no two alike", []passenger{{1, 0, 50}, {1, 0, 51}, {1, 0, 53}, {1, 0, 52}, {1, 0, 49}}, [][]int{{1, 0}, {2, 3}, {4}}},
		{"long", repeated(batchSize, passenger{1, 0, answerSize}), [][]int{upTo(0, 51), upTo(52, 63)}},
		{"long with a shorter one", append(repeated(52, passenger{1, 0, 1250}), passenger{1, 0, 1}), [][]int{upTo(0, 51), {52}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := &batchWorker{answers: make([]byte, batchSize*replyStride)}
			for pause := range 2 {
				w.trains.known, w.trains.pause = true, 2*pause
				messages := w.coupled(tc.answers)
				want := tc.want
				if pause > 0 {
					want = nil
					for i := range tc.answers {
						want = append(want, []int{i})
					}
				}
				if got := w.answersOf(messages); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("pause %v: trains %v, want %v", pause > 0, got, want)
				}
				w.checkMessages(t, messages, tc.answers)
			}
		})
	}
}

// coupled makes the messages of a batch in which every query gets an answer.
func (w *batchWorker) coupled(answers []passenger) []mmsghdr {
	w.trains.begin()
	for i, p := range answers {
		w.names[i] = [nameSize]byte{1: 2, 3: byte(p.client)}
		w.received[i].Name, w.received[i].Namelen = &w.names[i][0], 16
		if p.asked > 0 {
			w.received[i].Control = &w.control[i][0]
			w.received[i].SetControllen(unix.CmsgSpace(12))
			w.control[i] = [controlSize]byte{20: byte(p.asked)}
		}
		w.couple(i, p.size)
	}
	return w.compose()
}

// answersOf tells by message which answers of the batch are in it.
func (w *batchWorker) answersOf(messages []mmsghdr) (all [][]int) {
	for k := range messages {
		var in []int
		for _, v := range vectorsOf(&messages[k].Msghdr) {
			in = append(in, slices.IndexFunc(upTo(0, batchSize-1), func(i int) bool { return &w.answers[i*replyStride] == v.Base }))
		}
		all = append(all, in)
	}
	return all
}

// checkMessages sees that every answer goes whole to its client, from the address asked.
func (w *batchWorker) checkMessages(t *testing.T, messages []mmsghdr, answers []passenger) {
	t.Helper()
	for k, in := range w.answersOf(messages) {
		m := &messages[k].Msghdr
		control := int(m.Controllen)
		for n, v := range vectorsOf(m) {
			i := in[n]
			query := w.received[i].Controllen
			if int(v.Len) != answers[i].size || [nameSize]byte(bytesAt(m.Name, nameSize)) != w.names[i] || int(m.Namelen) != 16 {
				t.Errorf("message %d: answer %d is cut or goes elsewhere", k, i)
			}
			if query > 0 && string(bytesAt(m.Control, int(query))) != string(w.control[i][:query]) {
				t.Errorf("message %d: answer %d leaves from another address", k, i)
			}
			if n == 0 {
				control -= int(query)
			}
		}
		if len(in) == 1 && control != 0 || len(in) > 1 && control != segmentSpace {
			t.Errorf("message %d: %d octets of control for %d answers", k, control, len(in))
		}
		if len(in) < 2 {
			continue
		}
		segment := bytesAt(m.Control, int(m.Controllen))[int(m.Controllen)-segmentSpace:]
		if size := binary.NativeEndian.Uint16(segment[unix.CmsgLen(0):]); int(size) != answers[in[0]].size {
			t.Errorf("message %d is cut at %d octets", k, size)
		}
	}
}

func vectorsOf(m *unix.Msghdr) []unix.Iovec { return unsafe.Slice(m.Iov, m.Iovlen) }

func bytesAt(p *byte, n int) []byte { return unsafe.Slice(p, n) }

// What is asked in a batch is answered in trains that a client may take whole, from the address asked.
func TestTrainsAreSent(t *testing.T) {
	for _, tc := range []struct{ listen, ask string }{
		{"127.0.0.1:0", "127.0.0.1"}, {"0.0.0.0:0", "127.0.0.3"}, {"[::1]:0", "::1"}, {"[::]:0", "::1"},
	} {
		t.Run(tc.listen, func(t *testing.T) {
			if tc.listen[0] == '[' && !hasIPv6() {
				t.Skip("no IPv6")
			}
			s, gate := gated(t, tc.listen)
			if !knowsTrains(s.listeners[0].udp.(*batchUDP).fds[0]) {
				t.Skip("the kernel has no UDP_SEGMENT")
			}
			c := dialUDP(t, netip.AddrPortFrom(netip.MustParseAddr(tc.ask), s.Addrs()[0].Port()))
			takeTrains(t, c)
			longest := askBehindGate(t, c, gate)
			if longest < 8 {
				t.Errorf("the longest train had %d answers", longest)
			}
			wantAllSent(t, s)
		})
	}
}

// SO_NO_CHECK makes the kernel refuse trains, as devices do that cannot compute checksums.
func TestTrainsThatAreRefusedAreSentSingly(t *testing.T) {
	s, gate := gated(t, "127.0.0.1:0")
	if err := unix.SetsockoptInt(s.listeners[0].udp.(*batchUDP).fds[0], unix.SOL_SOCKET, unix.SO_NO_CHECK, 1); err != nil {
		t.Fatal(err)
	}
	c := dialUDP(t, s.Addrs()[0])
	takeTrains(t, c)
	if longest := askBehindGate(t, c, gate); longest != 1 {
		t.Errorf("a train of %d answers came", longest)
	}
	wantAllSent(t, s)
}

// gated serves with one worker, which stops at each name that begins with "gate" until told to go on.
func gated(t *testing.T, listen string) (*Server, chan<- bool) {
	gate := make(chan bool)
	o := Options{Listen: addrs(listen), Workers: 1}
	return start(t, o, func(dst []byte, req *resolver.Request, sc *resolver.Scratch) int {
		if len(req.Msg) > headerSize+5 && string(req.Msg[headerSize+1:][:4]) == "gate" {
			<-gate
		}
		return echo(dst, req, sc)
	}), gate
}

const behindGate = 60

// askBehindGate has the worker meet many questions of three lengths at once and returns how many answers came in the
// longest train.
func askBehindGate(t *testing.T, c *net.UDPConn, gate chan<- bool) (longest int) {
	t.Helper()
	write := func(id int, name string) {
		if _, err := c.Write(question(uint16(id), name)); err != nil {
			t.Fatal(err)
		}
	}
	write(behindGate, "gate")
	gate <- true
	write(behindGate+1, "gate") // the worker has this one, and perhaps some that follow, when it stops again
	for i := range behindGate {
		write(i, "wwww"[:2+i%3])
	}
	gate <- true
	c.SetDeadline(time.Now().Add(10 * time.Second))
	seen, message, control := map[int]bool{}, make([]byte, 1<<16), make([]byte, 128)
	for len(seen) < behindGate+2 {
		n, k, _, _, err := c.ReadMsgUDP(message, control)
		if err != nil {
			t.Fatalf("%d of %d answers, then %v", len(seen), behindGate+2, err)
		}
		answers := slices.Collect(slices.Chunk(message[:n], segmentOf(t, control[:k], n)))
		longest = max(longest, len(answers))
		for _, a := range answers {
			id := int(binary.BigEndian.Uint16(a))
			name := "gate"
			if id < behindGate {
				name = "wwww"[:2+id%3]
			}
			wantAnswer(t, question(uint16(id), name), a)
			if seen[id] {
				t.Errorf("answer %d came twice", id)
			}
			seen[id] = true
		}
	}
	return longest
}

// takeTrains has a socket take trains as they are, where the kernel knows them.
func takeTrains(t *testing.T, c *net.UDPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_GRO, 1) })
}

// segmentOf is where a message of n octets is to be cut.
func segmentOf(t *testing.T, control []byte, n int) int {
	all, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		if m.Header.Level == unix.SOL_UDP && m.Header.Type == unix.UDP_GRO {
			return int(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return n
}

func wantAllSent(t *testing.T, s *Server) {
	t.Helper()
	s.Shutdown(deadline(t, 10*time.Second))
	if u := s.Stats().UDP; u.Answers != behindGate+2 || u.Unsent != 0 {
		t.Errorf("%d answers, %d not sent, want %d and 0", u.Answers, u.Unsent, behindGate+2)
	}
}
