package trial

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// probed are many servers, each an address of loopback, behind one socket that listens on loopback alone. One thread
// serves all, with as few system calls as it takes: its own delays would look like those of the probes.
type probed struct {
	epoll, listener int
	wake            *os.File // closed to end it
	port            int
	owner           map[int32]int // of open connections: the server
	ended           chan struct{}

	mu   sync.Mutex // guards what follows
	n    int
	last []time.Time // end of the last probe
	late []time.Duration
}

func newProbed(targets int) (*probed, error) {
	p := &probed{owner: map[int32]int{}, ended: make(chan struct{}), last: make([]time.Time, targets)}
	var err error
	if p.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, err
	}
	if p.listener, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0); err != nil {
		return nil, err
	}
	for _, step := range []func() error{
		func() error { return unix.BindToDevice(p.listener, "lo") },
		func() error { return unix.Bind(p.listener, &unix.SockaddrInet4{}) },
		func() error { return unix.Listen(p.listener, 4096) },
		func() error { return p.watch(p.listener) },
	} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("probed servers: %w", err)
		}
	}
	name, err := unix.Getsockname(p.listener)
	if err != nil {
		return nil, err
	}
	p.port = name.(*unix.SockaddrInet4).Port
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.wake = w
	go func() {
		defer close(p.ended)
		defer r.Close()
		p.serve(int(r.Fd()))
	}()
	return p, nil
}

func (p *probed) watch(fd int) error {
	return unix.EpollCtl(p.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)})
}

// serve works until the pipe is closed.
func (p *probed) serve(end int) {
	events := make([]unix.EpollEvent, 256)
	request := make([]byte, 1024)
	if p.watch(end) != nil {
		return
	}
	for {
		n, err := unix.EpollWait(p.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return
		}
		for _, e := range events[:max(n, 0)] {
			switch int(e.Fd) {
			case end:
				return
			case p.listener:
				p.accept()
			default:
				p.answer(int(e.Fd), request)
			}
		}
	}
}

func (p *probed) accept() {
	for {
		fd, _, err := unix.Accept4(p.listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
		if err != nil {
			return
		}
		name, err := unix.Getsockname(fd)
		local, ok := name.(*unix.SockaddrInet4)
		if err != nil || !ok || p.watch(fd) != nil {
			unix.Close(fd)
			continue
		}
		i := int(local.Addr[2])<<8 + int(local.Addr[3])
		p.owner[int32(fd)] = i
		at := p.arrived(fd)
		p.came(i, true, at)
		p.came(i, false, at)
	}
}

// arrived is when the last segment came to a connection, as the kernel has it, in steps of its clock: this program may
// have been kept from seeing it.
func (p *probed) arrived(fd int) time.Time {
	now := time.Now()
	info, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	if err != nil {
		return now
	}
	return now.Add(-time.Duration(info.Last_ack_recv) * time.Millisecond)
}

// answer takes a request, which fits into a segment, and answers it.
func (p *probed) answer(fd int, request []byte) {
	n, err := unix.Read(fd, request)
	if err == unix.EAGAIN {
		return
	}
	i, known := p.owner[int32(fd)]
	if n <= 0 || err != nil || !known {
		delete(p.owner, int32(fd))
		unix.Close(fd)
		return
	}
	p.came(i, true, p.arrived(fd))
	if _, err := unix.Write(fd, []byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")); err == nil {
		p.came(i, false, time.Now())
	}
}

// came notes that a probe began, or that it ended. A connection and its request are one.
func (p *probed) came(i int, began bool, at time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	since := at.Sub(p.last[i])
	if began && !p.last[i].IsZero() && since > healthInterval/2 {
		p.late = append(p.late, since-healthInterval)
		p.n++
	}
	if !began {
		p.last[i] = at
	}
}

// reset forgets what was seen so far, but not when.
func (p *probed) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late, p.n = p.late[:0], 0
}

func (p *probed) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n
}

func (p *probed) latest() time.Duration { return p.percentile(100) }

func (p *probed) percentile(of float64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.late) == 0 {
		return 0
	}
	slices.Sort(p.late)
	return p.late[min(len(p.late)-1, int(of/100*float64(len(p.late))))]
}

func (p *probed) close() {
	p.wake.Close()
	<-p.ended
	for fd := range p.owner {
		unix.Close(int(fd))
	}
	unix.Close(p.listener)
	unix.Close(p.epoll)
}
