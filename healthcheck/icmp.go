package healthcheck

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// pingProbe sends one ICMP echo request and waits for its reply (RFC 792, RFC 4443).
type pingProbe struct {
	net    *network
	target Target
}

// CanPing tells whether this process may send ICMP echo requests to addresses of the
// family of addr; the error says what to change.
func CanPing(addr netip.Addr) error {
	fd, err := pingSocket(addr)
	switch {
	case errors.Is(err, unix.EAFNOSUPPORT):
		return nil // such addresses have no route either
	case err != nil:
		return fmt.Errorf("icmp: this process may not ping: %w; allow its group with "+
			"sysctl net.ipv4.ping_group_range, or give it CAP_NET_RAW", err)
	}
	return unix.Close(fd)
}

// pingSocket opens a socket for ICMP echo, unprivileged where the system allows it.
func pingSocket(addr netip.Addr) (int, error) {
	family, protocol := unix.AF_INET, unix.IPPROTO_ICMP
	if addr.Is6() {
		family, protocol = unix.AF_INET6, unix.IPPROTO_ICMPV6
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM, protocol)
	if err != nil && !errors.Is(err, unix.EMFILE) && !errors.Is(err, unix.ENFILE) {
		if raw, rawErr := unix.Socket(family, unix.SOCK_RAW, protocol); rawErr == nil {
			fd, err = raw, nil
		}
	}
	if err == nil {
		unix.CloseOnExec(fd)
		err = unix.SetNonblock(fd, true)
	}
	return fd, err
}

func (p pingProbe) run(ctx context.Context) error {
	addrs := []netip.Addr{p.target.Addr}
	if p.target.Name != "" {
		var err error
		if addrs, err = p.net.addresses(ctx, p.target.Name); err != nil {
			return fmt.Errorf("resolve %s: %w", p.target.Name, err)
		}
	}
	var failed error
	for i, addr := range addrs {
		err := p.ping(ctx, addr.Unmap(), len(addrs)-i)
		if err == nil {
			return nil
		}
		failed = graver(failed, err)
	}
	return failed
}

// ping asks one address within an nth of the time left.
func (p pingProbe) ping(ctx context.Context, addr netip.Addr, nth int) error {
	f, err := openPing(addr)
	if err != nil {
		if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
			return &hostFault{NotPermitted, err}
		}
		return blame(fmt.Errorf("echo request: %w", cause(err)), addr, p.net.route)
	}
	defer f.Close()
	if err := f.SetDeadline(share(ctx, nth)); err != nil {
		return fmt.Errorf("echo request: %w", cause(err))
	}
	stop := afterEnd(ctx, func() { _ = f.Close() })
	defer stop()
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce) // never fails
	if _, err := f.Write(echoRequest(addr.Is6(), nonce)); err != nil {
		return blame(fmt.Errorf("echo request: %w", cause(err)), addr, p.net.route)
	}
	buf := make([]byte, 1500)
	for {
		n, err := f.Read(buf)
		if err != nil {
			return fmt.Errorf("echo reply: %w", cause(err))
		}
		if isEchoReply(addr.Is6(), buf[:n], nonce) {
			return nil
		}
	}
}

// openPing connects a socket, so that only the target is heard, and its errors too.
func openPing(addr netip.Addr) (*os.File, error) {
	fd, err := pingSocket(addr)
	if err != nil {
		return nil, err
	}
	var to unix.Sockaddr
	if addr.Is4() {
		to = &unix.SockaddrInet4{Addr: addr.As4()}
	} else {
		to = &unix.SockaddrInet6{Addr: addr.As16()}
	}
	if err := unix.Connect(fd, to); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "icmp"), nil
}

// echoRequest is the message with the nonce as data. The kernel puts in the identifier
// of an unprivileged socket, and the checksum of ICMPv6.
func echoRequest(six bool, nonce []byte) []byte {
	const echo, echo6 = 8, 128
	m := []byte{echo, 0, 0, 0}
	if six {
		m[0] = echo6
	}
	m = append(m, nonce[:4]...) // identifier and sequence number
	m = append(m, nonce...)
	if !six {
		binary.BigEndian.PutUint16(m[2:], checksum(m))
	}
	return m
}

// checksum is that of the Internet protocols (RFC 1071); m has an even length.
func checksum(m []byte) uint16 {
	var sum uint32
	for ; len(m) > 1; m = m[2:] {
		sum += uint32(binary.BigEndian.Uint16(m))
	}
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum + sum>>16)
}

// isEchoReply tells whether a message answers the request with this nonce. A raw IPv4
// socket gives the IP header too.
func isEchoReply(six bool, m, nonce []byte) bool {
	const header, reply, reply6 = 8, 0, 129
	if !six && len(m) > 0 && m[0]>>4 == 4 {
		m = m[min(len(m), int(m[0]&15)*4):]
	}
	want := byte(reply)
	if six {
		want = reply6
	}
	return len(m) >= header && m[0] == want && m[1] == 0 && bytes.Equal(m[header:], nonce)
}
