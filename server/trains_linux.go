package server

import (
	"bytes"
	"encoding/binary"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// trains couples the answers of a batch that go to the same client: the kernel takes them as one message, through
// routes, filters and queues, and cuts it into datagrams at the very end (UDP_SEGMENT, generic segmentation offload).
//
// Nearly all of an answer's time is the kernel's. A load balancer or a forwarder asks much from few ports, and in trains
// its answers cost up to a third less. Everybody else's are trains of one, which are sent as if there were no trains;
// finding that out takes a few nanoseconds.
//
// The kernel cuts at equal lengths, of which only the last piece may be shorter. So a train is made of answers of one
// length, and in the end may take one shorter answer. It refuses trains on routes that have a small MTU, are encrypted
// by the kernel, or whose device leaves checksums to be computed (before Linux 6.11). Then their answers are sent one by
// one at once, and the worker makes no trains for a while.
type trains struct {
	known bool // the kernel knows them
	pause int  // batches to go without
	cars  int  // answers of this batch
	n     int  // trains made of them
	all   [batchSize]train
	next  [batchSize]uint8  // by answer: the one behind it in its train
	sizes [batchSize]uint16 // by answer: its octets
	heads [trainSlots]uint8 // by hash: 1 + a train that could take an answer; 0: none
}

// train is a list of answers.
type train struct {
	query       uint8 // the message that has their addresses
	cars        uint8 // how many; 0: the train became the end of another
	first, last uint8 // by their order in the batch
	way         uint64
	size        uint16 // octets of each but perhaps the last
	octets      uint32 // of all
}

const (
	trainBits    = 7
	trainSlots   = 1 << trainBits
	trainSize    = 65000 // octets at most: the length of a message has 16 bits, headers included
	refusedPause = 1000

	golden = 0x9e3779b97f4a7c15 // 2^64 by the golden ratio, odd: spreads what it multiplies over the upper bits
)

var segmentSpace = unix.CmsgSpace(2)

// knowsTrains asks the kernel. One that does not know them (before Linux 4.18) would send a train as one datagram.
func knowsTrains(fd int) bool {
	_, err := unix.GetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT)
	return err == nil
}

func (t *trains) begin() {
	t.cars, t.n = 0, 0
	t.pause = max(t.pause-1, 0)
	clear(t.heads[:])
}

// head is where trains of this way and size are found. What collides there goes without company.
func (t *trains) head(way uint64, size int) *uint8 {
	return &t.heads[(way+uint64(size))*golden>>(64-trainBits)]
}

// way is a hash of the client of message i.
func (w *batchWorker) way(i int) uint64 {
	name := &w.names[i]
	return binary.NativeEndian.Uint64(name[:])*golden ^ binary.NativeEndian.Uint64(name[16:])
}

// sameWay tells whether the answers to messages i and k leave from one address to one client.
func (w *batchWorker) sameWay(i, k uint8) bool {
	n := w.received[i].Controllen
	return w.names[i] == w.names[k] && n == w.received[k].Controllen && bytes.Equal(w.control[i][:n], w.control[k][:n])
}

// couple adds the next answer of the batch, of size octets and to message i.
func (w *batchWorker) couple(i, size int) {
	t := &w.trains
	car := uint8(t.cars)
	t.cars++
	t.sizes[car] = uint16(size)
	way := w.way(i)
	head := t.head(way, size)
	if *head > 0 {
		r := &t.all[*head-1]
		if int(r.size) == size && r.octets+uint32(size) <= trainSize && w.sameWay(r.query, uint8(i)) {
			t.next[r.last], r.last = car, car
			r.cars++
			r.octets += uint32(size)
			return
		}
	}
	t.all[t.n] = train{query: uint8(i), cars: 1, first: car, last: car, way: way, size: uint16(size), octets: uint32(size)}
	t.n++
	if t.known && t.pause == 0 {
		*head = uint8(t.n)
	}
}

// shorten gives trains to the same client their one shorter answer.
func (w *batchWorker) shorten() {
	t := &w.trains
	clear(t.heads[:])
	for k := range t.n {
		r := &t.all[k]
		head := t.head(r.way, 0)
		if *head == 0 {
			*head = uint8(k + 1)
			continue
		}
		before := &t.all[*head-1]
		if w.sameWay(before.query, r.query) && (t.end(before, r) || t.end(r, before)) {
			*head = 0
		}
	}
}

// end makes b the end of a, if it may be.
func (t *trains) end(a, b *train) bool {
	if b.cars > 1 || b.size >= a.size || a.octets+b.octets > trainSize {
		return false
	}
	t.next[a.last], a.last = b.first, b.first
	a.cars++
	a.octets += b.octets
	b.cars = 0
	return true
}

// compose makes messages of the trains.
func (w *batchWorker) compose() []mmsghdr {
	t := &w.trains
	if t.n > 1 && t.known && t.pause == 0 {
		w.shorten()
	}
	n, v := 0, w.vectors[batchSize:]
	for k := range t.n {
		r := &t.all[k]
		if r.cars == 0 {
			continue
		}
		query, m := &w.received[r.query].Msghdr, &w.replies[n].Msghdr
		m.Name, m.Namelen = query.Name, query.Namelen
		m.Control, m.Controllen = query.Control, query.Controllen
		m.Iov = &v[0]
		m.SetIovlen(int(r.cars))
		for i, car := 0, r.first; i < int(r.cars); i, car = i+1, t.next[car] {
			v[i].Base = &w.answers[int(car)*replyStride]
			v[i].SetLen(int(t.sizes[car]))
		}
		v = v[r.cars:]
		if r.cars > 1 {
			w.segment(m, r)
		}
		n++
	}
	return w.replies[:n]
}

// segment says behind the other control data of a train that it is to be cut, and where.
func (w *batchWorker) segment(m *unix.Msghdr, r *train) {
	control, at := &w.control[r.query], int(m.Controllen)
	h := (*unix.Cmsghdr)(unsafe.Pointer(&control[at]))
	h.Level, h.Type = unix.SOL_UDP, unix.UDP_SEGMENT
	h.SetLen(unix.CmsgLen(2))
	binary.NativeEndian.PutUint16(control[at+unix.CmsgLen(0):], r.size)
	m.Control = &control[0]
	m.SetControllen(at + segmentSpace)
}

// uncoupled are the answers of a train that the kernel refused, each a message.
func (w *batchWorker) uncoupled(m *unix.Msghdr, why syscall.Errno) []mmsghdr {
	switch why {
	case unix.EINVAL, unix.EMSGSIZE, unix.EIO, unix.EOPNOTSUPP:
		w.trains.pause = refusedPause
	}
	answers := unsafe.Slice(m.Iov, m.Iovlen)
	for i := range answers {
		single := &w.singles[i].Msghdr
		*single = *m
		single.Iov = &answers[i]
		single.SetIovlen(1)
		single.SetControllen(int(m.Controllen) - segmentSpace)
	}
	return w.singles[:len(answers)]
}
