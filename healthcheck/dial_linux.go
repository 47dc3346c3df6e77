package healthcheck

import (
	"context"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// open connects without what package net does besides: it asks for both addresses
// of every connection and sets options that a probe has no use for, a fifth of the
// cost of a probe in all. Closing resets the connection.
func (c *conn) open(ctx context.Context, addr netip.AddrPort, deadline time.Time) error {
	if addr.Addr().Zone() != "" {
		return c.openPlain(ctx, addr, deadline)
	}
	family, sockaddr := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(addr.Port()), Addr: as4(addr.Addr())})
	if addr.Addr().Is6() {
		family, sockaddr = unix.AF_INET6, &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	err = unix.SetsockoptLinger(fd, unix.SOL_SOCKET, unix.SO_LINGER, &unix.Linger{Onoff: 1})
	if err == nil {
		err = unix.Connect(fd, sockaddr)
	}
	if err != nil && err != unix.EINPROGRESS && err != unix.EINTR {
		unix.Close(fd)
		return err
	}
	f := os.NewFile(uintptr(fd), "")
	c.stream = f
	if bad := c.bind(ctx, deadline); bad != nil {
		return bad
	}
	if err != nil {
		err = establish(f, sockaddr)
	}
	if err != nil {
		c.Close()
	}
	return err
}

func as4(a netip.Addr) [4]byte {
	if a.Is4() {
		return a.As4()
	}
	return [4]byte{}
}

// establish waits until a connection stands. Asking to connect once more tells
// whether it does, also after a wake-up that was for a former owner of the number.
func establish(f *os.File, sockaddr unix.Sockaddr) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Write(func(fd uintptr) bool { // at once too: it may stand already, and then nothing wakes us
		failed = unix.Connect(int(fd), sockaddr)
		switch failed {
		case unix.EISCONN:
			failed = nil
		case unix.EALREADY, unix.EINPROGRESS, unix.EINTR:
			return false
		}
		return true
	})
	if err != nil {
		return err
	}
	return failed
}

// noDelay sends small writes at once: a TLS client's request follows its last
// handshake message.
func noDelay(s stream) {
	f, ok := s.(*os.File)
	if !ok {
		return
	}
	if raw, err := f.SyscallConn(); err == nil {
		_ = raw.Control(func(fd uintptr) { _ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) })
	}
}
