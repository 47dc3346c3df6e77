package load

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batch      = 64
	bufferSize = 1536
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	unix.Msghdr
	size uint32
}

// socket exchanges batches of datagrams with one server. What the kernel writes through pointers lies in the heap with
// it. It never waits.
type socket struct {
	fd       int
	staged   int
	out, in  [batch]mmsghdr
	outVec   [batch]unix.Iovec
	inVec    [batch]unix.Iovec
	messages [2][batch][bufferSize]byte // to send; received
}

func dial(server netip.AddrPort) (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &socket{fd: fd}
	// A generator that loses answers would blame the server.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20); err != nil {
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<20)
	}
	to := &unix.SockaddrInet4{Port: int(server.Port()), Addr: server.Addr().As4()}
	if err := unix.Connect(fd, to); err != nil {
		s.close()
		return nil, fmt.Errorf("connect to %v: %w", server, err)
	}
	for i := range batch {
		s.outVec[i].Base, s.inVec[i].Base = &s.messages[0][i][0], &s.messages[1][i][0]
		s.inVec[i].SetLen(bufferSize)
		s.out[i].Iov, s.in[i].Iov = &s.outVec[i], &s.inVec[i]
		s.out[i].SetIovlen(1)
		s.in[i].SetIovlen(1)
	}
	return s, nil
}

func (s *socket) close() { unix.Close(s.fd) }

// stage adds a query with its ID to the batch to send and tells whether the batch is full.
func (s *socket) stage(id uint16, query []byte) bool {
	b := &s.messages[0][s.staged]
	n := copy(b[:], query)
	binary.BigEndian.PutUint16(b[:], id)
	s.outVec[s.staged].SetLen(n)
	s.staged++
	return s.staged == batch
}

// flush sends what has been staged. A full send buffer is waited for by trying again.
func (s *socket) flush() error {
	for sent := 0; sent < s.staged; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.out[sent])),
			uintptr(s.staged-sent), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			sent += int(n)
		case unix.EAGAIN, unix.EINTR:
		default:
			return os.NewSyscallError("sendmmsg", errno)
		}
	}
	s.staged = 0
	return nil
}

// receive takes what has arrived, at most a batch.
func (s *socket) receive() (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(s.fd), uintptr(unsafe.Pointer(&s.in)), batch,
		unix.MSG_DONTWAIT, 0, 0)
	switch errno {
	case 0:
		return int(n), nil
	case unix.EAGAIN, unix.EINTR:
		return 0, nil
	}
	return 0, os.NewSyscallError("recvmmsg", errno)
}

// answer gives the ID of received message i and whether it is a reply with NOERROR or NXDOMAIN.
func (s *socket) answer(i int) (id uint16, good bool) {
	b := s.messages[1][i][:s.in[i].size]
	if len(b) < 12 {
		return 0, false
	}
	rcode := b[3] & 15
	return binary.BigEndian.Uint16(b), b[2]&0x80 != 0 && (rcode == 0 || rcode == 3)
}
