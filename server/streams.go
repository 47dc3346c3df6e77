package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

// streams is an address bound for TCP: it accepts connections, each of which is served by a goroutine.
type streams struct {
	s        *Server
	ln       *net.TCPListener
	counts   counters
	desks    sync.Pool // of *desk
	trouble  alarm
	sinks    sharedSinks
	quit     chan struct{}  // closed when no more is to be read
	accepted chan struct{}  // closed when no more is accepted
	ends     sync.WaitGroup // of the connections
}

func bindTCP(s *Server, addr netip.AddrPort, shared bool) (*streams, error) {
	ln, err := listenConfig(shared).Listen(context.Background(), family("tcp", addr.Addr()), addr.String())
	if err != nil {
		return nil, newBindError("tcp", addr, err)
	}
	t := &streams{s: s, ln: ln.(*net.TCPListener), quit: make(chan struct{}), accepted: make(chan struct{})}
	t.trouble.log = s.o.Log
	t.desks.New = func() any { return newDesk(t) }
	if raw, err := t.ln.SyscallConn(); err == nil {
		_ = sharePort(raw) // only a later listener that overlaps would miss it
	}
	return t, nil
}

func (t *streams) port() uint16      { return t.ln.Addr().(*net.TCPAddr).AddrPort().Port() }
func (t *streams) sockets() []uint64 { return inodes(t.ln) }

func (t *streams) close() {
	t.ln.Close()
	t.sinks.close()
}

func (t *streams) stopping() bool {
	select {
	case <-t.quit:
		return true
	default:
		return false
	}
}

// serve accepts until stop.
func (t *streams) serve() {
	defer close(t.accepted)
	var pause backoff
	for {
		c, err := t.ln.AcceptTCP()
		switch {
		case err == nil:
			pause = 0
			t.admit(c)
		case errors.Is(err, net.ErrClosed):
			return
		case t.stopping():
			t.acceptHeld()
			return
		default:
			t.refused(err, pause.next())
		}
	}
}

// refused follows a failed accept. Where descriptors ran out, the longest idle connection gives up its own.
func (t *streams) refused(err error, pause time.Duration) {
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		t.awaitPending()
		if c := t.s.table.evictOne(); c != nil {
			c.tcp.Close()
		}
	}
	t.trouble.raise("cannot accept", func() []zap.Field {
		return []zap.Field{zap.Stringer("address", t.ln.Addr()), zap.Error(err)}
	})
	select {
	case <-time.After(pause):
	case <-t.quit:
	}
}

// awaitPending waits for a connection to accept, or the stop: accept takes its descriptor before it looks, so
// that it fails for want of one also when nobody is there.
func (t *streams) awaitPending() {
	for there, err := false, error(nil); !there && err == nil && !t.stopping(); {
		there, err = pending(t.ln, 100)
	}
}

// pending tells whether a socket has something to read, or gets it within so many milliseconds.
func pending(c syscall.Conn, milliseconds int) (there bool, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return false, err
	}
	err = raw.Control(func(fd uintptr) {
		n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, milliseconds)
		there = n > 0
	})
	return there, err
}

// acceptHeld accepts what the kernel holds after the lull, which a busy machine may have slept through: a read that comes
// too late for its deadline does not look. More than all connections there may be would drive out one another.
func (t *streams) acceptHeld() {
	for range t.s.o.TCP.Connections {
		if there, err := pending(t.ln, 0); !there || err != nil {
			return
		}
		t.ln.SetDeadline(time.Now().Add(time.Second)) // it is there, and takes no time
		c, err := t.ln.AcceptTCP()
		if err != nil {
			return
		}
		t.admit(c)
	}
}

func (t *streams) admit(tcp *net.TCPConn) {
	c, err := newConn(t, tcp)
	if err != nil {
		tcp.Close()
		return
	}
	leaves, ok := t.s.table.enter(c, c.client.Addr())
	if leaves != nil {
		leaves.tcp.Close()
	}
	if !ok {
		tcp.Close()
		return
	}
	t.ends.Go(c.serve)
}

// stop lets every connection answer what it received, those too that the kernel holds for accept, and closes
// them; those that have not ended with ctx are cut.
func (t *streams) stop(ctx context.Context) error {
	close(t.quit)
	t.ln.SetDeadline(time.Now().Add(lull))
	<-t.accepted
	for _, c := range t.s.table.of(t) {
		c.hurry()
	}
	done := make(chan struct{})
	go func() { t.ends.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, c := range t.s.table.of(t) {
		c.tcp.Close()
	}
	<-done
	return fmt.Errorf("connections to %v were cut: %w", t.ln.Addr(), ctx.Err())
}

// backoff is the pause after a failed accept: 5 ms, doubled up to a second.
type backoff time.Duration

func (b *backoff) next() time.Duration {
	*b = min(max(2**b, backoff(5*time.Millisecond)), backoff(time.Second))
	return time.Duration(*b)
}
