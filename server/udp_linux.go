package server

import (
	"context"
	"encoding/binary"
	"net/netip"
	"os"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/meridian-dns/meridian/resolver"
	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// batchUDP is one socket per worker, read and written in batches by raw system calls.
//
// A raw call hides from the Go scheduler. That saves little under load and half of the cost of an answer when
// every query has to be waited for; but a thread that waits in one keeps its processor, and the garbage
// collector waits for it. So a worker waits that way only while
//   - it has a slot: one processor at least is left for all else;
//   - the socket has SO_RCVTIMEO. With it the kernel ends the wait with EINTR, instead of restarting the call,
//     when the runtime signals the thread to give way, which it does after 10 ms at most;
//   - queries come. After three waits that brought nothing it waits in poll, known to the scheduler.
//
// The flags of the sockets are never changed, nor are they shut down: another process may hold them too.
type batchUDP struct {
	s       *Server
	bound   netip.AddrPort
	fds     []int // by worker
	counts  []*counters
	trouble alarm
	stopped atomic.Bool
	until   time.Time // when draining ends; set before stopped
	wake    int       // eventfd, readable once stopped
}

const (
	batchSize   = 64
	queryStride = querySize + 192 // an odd number of cache lines, to spread the buffers over the cache
	replyStride = answerSize + 112
	nameSize    = 32 // at least sizeof(sockaddr_in6)
	controlSize = 64 // at least that of in6_pktinfo and of UDP_SEGMENT with their headers

	receiveTimeout = 100 * time.Millisecond
	quietWaits     = 3
	sendTimeout    = 100 // milliseconds that a full send buffer may hold up a worker
)

func bindBatchUDP(s *Server, addr netip.AddrPort, shared bool) (datagrams, error) {
	fds, err := openUDP(addr, s.o.Workers, shared)
	if err != nil {
		return nil, newBindError("udp", addr, err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		closeAll(fds)
		return nil, newBindError("udp", addr, os.NewSyscallError("eventfd", err))
	}
	enlargeAll(fds, s.o, addr)
	u := &batchUDP{s: s, bound: addr, fds: fds, counts: make([]*counters, len(fds)), wake: wake}
	u.trouble.log = s.o.Log
	for i := range u.counts {
		u.counts[i] = new(counters)
	}
	return u, nil
}

func (u *batchUDP) counters() []*counters { return u.counts }
func (u *batchUDP) sockets() []uint64     { return inodesOf(u.fds...) }
func (u *batchUDP) close()                { closeAll(append(u.fds, u.wake)) }

func (u *batchUDP) stop(ctx context.Context) {
	u.until = drainEnd(ctx)
	u.stopped.Store(true)
	one := [8]byte{7: 1}
	unix.Write(u.wake, one[:])
}

func (u *batchUDP) serve(worker int) {
	w := newBatchWorker(u, worker)
	w.run()
	w.drain()
	w.r.taps.close()
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	unix.Msghdr
	size uint32
}

// batchWorker belongs to one goroutine. What the kernel writes through pointers lies in the heap with it.
type batchWorker struct {
	u      *batchUDP
	fd     int
	v4     bool
	slot   bool // may wait in raw calls
	quiet  int  // waits in a row that brought nothing
	r      *responder
	counts *counters

	received [batchSize]mmsghdr
	replies  [batchSize]mmsghdr
	singles  [batchSize]mmsghdr // of a train that was refused
	vectors  [2 * batchSize]unix.Iovec
	from     [batchSize]uint8 // by query of the responder's batch: the message
	polled   [2]unix.PollFd
	names    [batchSize][nameSize]byte
	control  [batchSize][controlSize]byte
	queries  []byte // batchSize of queryStride
	answers  []byte // batchSize of replyStride
	trains   trains
}

func newBatchWorker(u *batchUDP, worker int) *batchWorker {
	w := &batchWorker{
		u: u, fd: u.fds[worker], v4: u.bound.Addr().Is4(), counts: u.counts[worker], r: newResponder(u.s, resolver.UDP, batchSize, u.counts[worker]),
		queries: make([]byte, batchSize*queryStride), answers: make([]byte, batchSize*replyStride),
	}
	wildcard := u.bound.Addr().IsUnspecified()
	w.r.local = u.bound
	w.trains.known = knowsTrains(w.fd)
	if wildcard {
		w.r.localOf = w.asked
	}
	for i := range batchSize {
		in, q := &w.vectors[i], &w.received[i].Msghdr
		in.Base = &w.queries[i*queryStride]
		in.SetLen(querySize)
		q.Iov = in
		q.SetIovlen(1)
		q.Name, q.Namelen = &w.names[i][0], nameSize
		if wildcard {
			q.Control = &w.control[i][0]
			q.SetControllen(controlSize)
		}
	}
	return w
}

func (w *batchWorker) run() {
	defer w.leaveSlot()
	w.enterSlot()
	for !w.u.stopped.Load() {
		flags := unix.MSG_WAITFORONE
		if !w.slot {
			flags |= unix.MSG_DONTWAIT
		}
		n, errno := w.receive(flags)
		switch errno {
		case 0:
			w.quiet = 0
			w.answer(n)
		case unix.EINTR:
			w.yield()
		case unix.EAGAIN:
			w.wait()
		default:
			w.report(errno)
		}
	}
}

// drain answers what the kernel holds.
func (w *batchWorker) drain() {
	for time.Now().Before(w.u.until) {
		n, errno := w.receive(unix.MSG_DONTWAIT)
		if errno != 0 && errno != unix.EINTR {
			return
		}
		w.answer(n)
	}
}

// yield follows a wait that the runtime ended: somebody else wants the processor, or the world is to stop.
func (w *batchWorker) yield() {
	runtime.Gosched()
	if w.quiet++; w.quiet >= quietWaits {
		w.wait()
	}
}

// wait waits for a query or the stop, without a processor of the scheduler.
func (w *batchWorker) wait() {
	w.quiet = 0
	w.r.rest()
	w.leaveSlot()
	w.polled[0] = unix.PollFd{Fd: int32(w.fd), Events: unix.POLLIN}
	w.polled[1] = unix.PollFd{Fd: int32(w.u.wake), Events: unix.POLLIN}
	if _, err := unix.Poll(w.polled[:], -1); err != nil && err != unix.EINTR {
		w.report(err.(syscall.Errno))
	}
	w.enterSlot()
}

func (w *batchWorker) report(errno syscall.Errno) {
	w.u.trouble.raise("cannot receive", func() []zap.Field {
		return []zap.Field{zap.Stringer("address", w.u.bound), zap.Error(errno)}
	})
	time.Sleep(time.Millisecond) // not to spin on an error that stays
}

func (w *batchWorker) enterSlot() { w.slot = w.u.s.slots.take() }

func (w *batchWorker) leaveSlot() {
	if w.slot {
		w.u.s.slots.give()
		w.slot = false
	}
}

func (w *batchWorker) receive(flags int) (int, syscall.Errno) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(w.fd), uintptr(unsafe.Pointer(&w.received)),
		batchSize, uintptr(flags), 0, 0)
	if errno != 0 {
		return 0, errno
	}
	return int(n), 0
}

// answer answers the first n messages received and makes ready to receive again.
func (w *batchWorker) answer(n int) {
	w.r.begin()
	for i := range n {
		if client := w.source(i); answerable(client) {
			w.from[len(w.r.reqs)] = uint8(i)
			w.r.add(w.queries[i*queryStride:][:w.received[i].size], client)
			continue
		}
		w.r.ignore()
	}
	w.r.prepare()
	w.trains.begin()
	for k := range w.r.reqs {
		if size := w.r.answer(w.answers[w.trains.cars*replyStride:][:answerSize:answerSize], k); size > 0 {
			i := int(w.from[k])
			if w.received[i].Controllen > 0 {
				freeInterface(&w.control[i], w.v4)
			}
			w.couple(i, size)
		}
	}
	w.send(w.compose())
	w.r.end()
	for i := range n {
		w.rearm(&w.received[i].Msghdr)
	}
	w.counts.flush(&w.r.tally)
}

// source reads the sockaddr_in or sockaddr_in6 of message i.
func (w *batchWorker) source(i int) netip.AddrPort {
	name := &w.names[i]
	port := binary.BigEndian.Uint16(name[2:])
	if w.v4 {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(name[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(name[8:24])), port)
}

// asked is the address that query k of the batch came to, on a wildcard listener.
func (w *batchWorker) asked(k int) netip.AddrPort {
	i := int(w.from[k])
	info := w.control[i][unix.CmsgLen(0):]
	switch {
	case w.received[i].Controllen == 0:
		return w.u.bound
	case w.v4:
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(info[8:12])), w.u.bound.Port())
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(info[:16])), w.u.bound.Port())
}

// freeInterface leaves the choice of the interface to the routes, except for a link-local address, which
// means nothing without it. The packet info then says only the address that was asked.
func freeInterface(control *[controlSize]byte, v4 bool) {
	info := control[unix.CmsgLen(0):]
	switch {
	case v4: // struct in_pktinfo: ifindex, spec_dst, addr
		if info[4] != 169 || info[5] != 254 {
			clear(info[:4])
		}
	case info[0] != 0xfe || info[1]&0xc0 != 0x80: // struct in6_pktinfo: addr, ifindex
		clear(info[16:20])
	}
}

func (w *batchWorker) rearm(m *unix.Msghdr) {
	m.Namelen = nameSize
	if m.Control != nil {
		m.SetControllen(controlSize)
	}
}

// send sends messages; one that the kernel refuses is skipped, once the answers in it have been tried one by one.
func (w *batchWorker) send(messages []mmsghdr) {
	for len(messages) > 0 {
		k, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(w.fd), uintptr(unsafe.Pointer(&messages[0])),
			uintptr(len(messages)), unix.MSG_DONTWAIT, 0, 0)
		switch {
		case errno == 0:
			messages = messages[k:]
		case errno == unix.EINTR:
		case errno == unix.EAGAIN:
			if !w.waitWritable() {
				w.r.tally.Unsent += answersIn(messages)
				return
			}
		default:
			if m := &messages[0].Msghdr; m.Iovlen > 1 {
				w.send(w.uncoupled(m, errno))
			} else {
				w.r.tally.Unsent++
			}
			messages = messages[1:]
		}
	}
}

func answersIn(messages []mmsghdr) (n uint64) {
	for i := range messages {
		n += uint64(messages[i].Iovlen)
	}
	return n
}

func (w *batchWorker) waitWritable() bool {
	w.polled[0] = unix.PollFd{Fd: int32(w.fd), Events: unix.POLLOUT}
	n, err := unix.Poll(w.polled[:1], sendTimeout)
	return n > 0 || err == unix.EINTR
}
