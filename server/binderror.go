package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
)

// bindError is a refusal of the kernel to bind.
type bindError struct {
	network string // "udp" or "tcp"
	addr    netip.AddrPort
	err     error
}

func (e *bindError) Error() string { return fmt.Sprintf("listen %s %v: %v", e.network, e.addr, e.err) }
func (e *bindError) Unwrap() error { return e.err }

// newBindError keeps only the kernel's reason of err.
func newBindError(network string, addr netip.AddrPort, err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		err = errno
	}
	return &bindError{network, addr, err}
}

// holder is a socket that stands where another is to be bound.
type holder struct {
	addr  netip.AddrPort
	inode uint64
	user  string
	name  string // of the process; empty if that may not be known
	pid   int
}

func (h holder) String() string {
	if h.name == "" {
		return fmt.Sprintf("a process of user %s on %v (root may see which)", h.user, h.addr)
	}
	return fmt.Sprintf("%s (pid %d) on %v", h.name, h.pid, h.addr)
}

// explain adds to a bindError what the reader can do about it.
func explain(err error) error {
	var e *bindError
	if !errors.As(err, &e) {
		return err
	}
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w%s", err, inUse(e.addr, holders(e.network, e.addr), hostAddrs()))
	case errors.Is(err, syscall.EACCES), errors.Is(err, syscall.EPERM):
		return fmt.Errorf("%w%s", err, notPermitted(e.addr.Port()))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: no interface of this machine has it (yet: a unit of systemd says "+
			"After=network-online.target)", err)
	}
	return err
}

// inUse says who holds addr and the remedy. host are addresses of this machine that clients may reach.
func inUse(addr netip.AddrPort, by []holder, host []netip.Addr) string {
	if len(by) == 0 {
		return "; see which process holds it, stop that or listen elsewhere"
	}
	var b strings.Builder
	for i, h := range by {
		sep := ", "
		if i == 0 {
			sep = " by "
		}
		b.WriteString(sep + h.String())
	}
	if addr.Addr().IsUnspecified() && !slices.ContainsFunc(by, func(h holder) bool { return h.addr.Addr().IsUnspecified() }) {
		b.WriteString("; instead of every address, listen on those that clients use: " + example(addr, host))
		if slices.ContainsFunc(by, isResolved) {
			b.WriteString("; or set DNSStubListener=no in /etc/systemd/resolved.conf and restart systemd-resolved")
		}
		return b.String()
	}
	b.WriteString("; stop that process or listen on another address or port")
	return b.String()
}

// isResolved knows systemd-resolved by its name, which the kernel cuts to 15 octets, or by its address.
func isResolved(h holder) bool {
	stub := h.addr.Addr() == netip.AddrFrom4([4]byte{127, 0, 0, 53}) || h.addr.Addr() == netip.AddrFrom4([4]byte{127, 0, 0, 54})
	return strings.HasPrefix(h.name, "systemd-resolve") || h.name == "" && stub && h.addr.Port() == 53
}

// example is a line of configuration that names addresses of this machine.
func example(addr netip.AddrPort, host []netip.Addr) string {
	var quoted []string
	for _, a := range host {
		if a.Is4() == addr.Addr().Is4() {
			quoted = append(quoted, fmt.Sprintf("%q", netip.AddrPortFrom(a, addr.Port())))
		}
	}
	if len(quoted) == 0 {
		return fmt.Sprintf("listen = [\"ADDRESS:%d\"]", addr.Port())
	}
	return "listen = [" + strings.Join(quoted, ", ") + "]"
}

// hostAddrs are this machine's addresses that may be reached from outside.
func hostAddrs() []netip.Addr {
	ifaddrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, ia := range ifaddrs {
		p, err := netip.ParsePrefix(ia.String())
		if err == nil && p.Addr().IsGlobalUnicast() {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}

func notPermitted(port uint16) string {
	if port >= 1024 {
		return ": a security policy of this machine forbids it"
	}
	self, err := os.Executable()
	if err != nil {
		self = "meridian"
	}
	return fmt.Sprintf(": a port below 1024 needs the capability cap_net_bind_service; run once as root: "+
		"setcap cap_net_bind_service=+ep %s; or in a unit of systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE", self)
}

// heldByNoneBut tells whether what stands in the way of addr is known and all of it belongs to own.
func heldByNoneBut(own []*listener, addr netip.AddrPort) bool {
	var mine []uint64
	for _, l := range own {
		if overlaps(l.bound, addr) {
			mine = append(append(mine, l.udp.sockets()...), l.tcp.sockets()...)
		}
	}
	if len(mine) == 0 {
		return false
	}
	for _, h := range append(holders("udp", addr), holders("tcp", addr)...) {
		if !slices.Contains(mine, h.inode) {
			return false
		}
	}
	return true
}
