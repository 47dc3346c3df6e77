package server

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

func bindUDP(s *Server, addr netip.AddrPort, shared bool) (datagrams, error) {
	if s.o.portable {
		return bindPortableUDP(s, addr, shared)
	}
	return bindBatchUDP(s, addr, shared)
}

// sharePort lets sockets of this user overlap with this one.
func sharePort(c syscall.RawConn) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
	}); cerr != nil {
		return cerr
	}
	return err
}

// inodes identifies the socket of c as the tables under /proc/net do.
func inodes(c syscall.Conn) []uint64 {
	raw, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	var found []uint64
	raw.Control(func(fd uintptr) { found = inodesOf(int(fd)) })
	return found
}

func inodesOf(fds ...int) []uint64 {
	var found []uint64
	for _, fd := range fds {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) == nil {
			found = append(found, st.Ino)
		}
	}
	return found
}

// openUDP opens n sockets for addr that share its port among themselves. The first is bound without
// SO_REUSEPORT, unless shared: with it the kernel would let a second process of the same user in silently.
func openUDP(addr netip.AddrPort, n int, shared bool) (fds []int, err error) {
	defer func() {
		if err != nil {
			closeAll(fds)
			fds = nil
		}
	}()
	for range n {
		fd, err := openOne(addr, shared || len(fds) > 0)
		if err != nil {
			return fds, err
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

func openOne(addr netip.AddrPort, reusePort bool) (int, error) {
	domain := unix.AF_INET6
	if addr.Addr().Is4() {
		domain = unix.AF_INET
	}
	fd, err := unix.Socket(domain, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if err := bindOne(fd, addr, reusePort); err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func bindOne(fd int, addr netip.AddrPort, reusePort bool) error {
	sa, err := sockaddr(addr)
	if err != nil {
		return err
	}
	options := []option{
		{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1, reusePort},
		{unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1, addr.Addr().Is6()},
	}
	if err := set(fd, options); err != nil {
		return err
	}
	if err := unix.Bind(fd, sa); err != nil {
		return os.NewSyscallError("bind", err)
	}
	if err := set(fd, afterBind(addr.Addr())); err != nil {
		return err
	}
	timeout := unix.NsecToTimeval(receiveTimeout.Nanoseconds())
	return os.NewSyscallError("setsockopt", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &timeout))
}

type option struct {
	level, name, value int
	wanted             bool
}

// afterBind are the options of a bound socket. Answers are sent whole or in fragments of the path's smallest
// size, never refused for a path MTU that somebody forged (RFC 9715 section 3.1). A receive without a message
// ends after a while (see batchUDP).
func afterBind(a netip.Addr) []option {
	wildcard, v4 := a.IsUnspecified(), a.Is4()
	return []option{
		{unix.SOL_SOCKET, unix.SO_REUSEPORT, 1, true},
		{unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, unix.IP_PMTUDISC_OMIT, v4},
		{unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_OMIT, !v4},
		{unix.IPPROTO_IP, unix.IP_PKTINFO, 1, v4 && wildcard},
		{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1, !v4 && wildcard},
	}
}

func set(fd int, options []option) error {
	for _, o := range options {
		if !o.wanted {
			continue
		}
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return os.NewSyscallError("setsockopt", err)
		}
	}
	return nil
}

func sockaddr(addr netip.AddrPort) (unix.Sockaddr, error) {
	if addr.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}, nil
	}
	sa := &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
	zone := addr.Addr().Zone()
	if zone == "" {
		return sa, nil
	}
	if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
		sa.ZoneId = uint32(n)
		return sa, nil
	}
	ifi, err := net.InterfaceByName(zone)
	if err != nil {
		return nil, err
	}
	sa.ZoneId = uint32(ifi.Index)
	return sa, nil
}

// enlarge asks for a receive buffer of size bytes and returns what was given.
func enlarge(fd, size int) int {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, size)
	}
	given, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	if err != nil {
		return 0
	}
	return given / 2 // the kernel doubles what it was asked for
}

func enlargeAll(fds []int, o Options, addr netip.AddrPort) {
	least := o.ReceiveBuffer
	for _, fd := range fds {
		least = min(least, enlarge(fd, o.ReceiveBuffer))
	}
	if least < o.ReceiveBuffer {
		o.Log.Warn("the kernel gave a smaller receive buffer: queries may be lost in bursts; "+
			"raise it with sysctl net.core.rmem_max", zap.Stringer("address", addr),
			zap.Int("wanted", o.ReceiveBuffer), zap.Int("given", least))
	}
}

func closeAll(fds []int) {
	for _, fd := range fds {
		unix.Close(fd)
	}
}
