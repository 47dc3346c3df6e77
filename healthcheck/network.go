package healthcheck

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
)

const (
	maxAddresses = 8   // of a name that are tried
	maxText      = 200 // bytes of an error kept; some of it is the server's
)

// network connects probes. Safe for concurrent use.
type network struct {
	resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	route   func(netip.Addr) error // nil error: there is a route
	roots   func() *x509.CertPool  // nil pool: the system's
	readers sync.Pool              // of *bufio.Reader
}

func newNetwork(o Options) *network {
	n := &network{resolve: o.Resolve, route: routeTo, roots: func() *x509.CertPool { return o.Roots }}
	if o.Roots == nil {
		n.roots = sync.OnceValue(systemRoots)
	}
	if n.resolve == nil {
		n.resolve = lookup
	}
	n.readers.New = func() any { return bufio.NewReader(nil) }
	return n
}

func systemRoots() *x509.CertPool {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil // the handshake will say why
	}
	return pool
}

// lookup asks the system's resolver for an absolute name, so that no search list applies.
func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host+".")
}

// conn is the connection of one probe: it fails all input and output once the
// probe's context ends, and is reset when closed.
type conn struct {
	*net.TCPConn
	release func() bool
}

func newConn(ctx context.Context, c *net.TCPConn) *conn {
	expire := func() { _ = c.SetDeadline(time.Unix(1, 0)) }
	return &conn{TCPConn: c, release: context.AfterFunc(ctx, expire)}
}

// Close resets the connection: closing in order would leave a TIME_WAIT socket
// behind for every probe.
func (c *conn) Close() error {
	c.release()
	return errors.Join(c.SetLinger(0), c.TCPConn.Close())
}

// connect opens a connection to a target. Of a name the addresses are tried in
// turn, each for an equal part of the time left.
func (n *network) connect(ctx context.Context, t Target) (*conn, error) {
	addrs := []netip.Addr{t.Addr}
	if t.Name != "" {
		var err error
		if addrs, err = n.addresses(ctx, t.Name); err != nil {
			return nil, fmt.Errorf("resolve %s: %w", t.Name, err)
		}
	}
	var failed error
	for i, addr := range addrs {
		c, err := n.dial(ctx, netip.AddrPortFrom(addr.Unmap(), t.Check.Port), len(addrs)-i)
		if err == nil {
			return newConn(ctx, c), nil
		}
		failed = graver(failed, err)
	}
	return nil, failed
}

// graver prefers an error that tells of the target to one that tells of this
// host, and the first among equals.
func graver(a, b error) error {
	var fault *hostFault
	if a == nil || errors.As(a, &fault) && !errors.As(b, &fault) {
		return b
	}
	return a
}

// dial opens a connection to an address within an nth of the time left. The error
// tells faults of this host apart.
func (n *network) dial(ctx context.Context, addr netip.AddrPort, nth int) (*net.TCPConn, error) {
	dialer := net.Dialer{KeepAlive: -1}
	if deadline, ok := ctx.Deadline(); ok && nth > 1 {
		dialer.Timeout = time.Until(deadline) / time.Duration(nth)
	}
	c, err := dialer.DialTCP(ctx, "tcp", netip.AddrPort{}, addr)
	if err != nil {
		return nil, blame(fmt.Errorf("connect: %w", cause(err)), addr.Addr(), n.route)
	}
	return c, nil
}

// addresses resolves a name. The resolver's errors hide their cause, so whether
// this host can open a socket at all is tried out.
func (n *network) addresses(ctx context.Context, name string) ([]netip.Addr, error) {
	addrs, err := n.resolve(ctx, name)
	if err != nil {
		loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		var fault *hostFault
		if errors.As(blame(n.route(loopback), loopback, n.route), &fault) {
			return nil, fault
		}
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, errors.New("no addresses")
	}
	return addrs[:min(len(addrs), maxAddresses)], nil
}

// secure does the TLS handshake. Session tickets are not used: each probe is to
// see the certificate that a new client sees.
func (n *network) secure(c *conn, name string, insecure bool) (net.Conn, error) {
	t := tls.Client(c, &tls.Config{
		ServerName:         name,
		RootCAs:            n.roots(),
		InsecureSkipVerify: insecure,
		NextProtos:         []string{"http/1.1"},
		MinVersion:         tls.VersionTLS12,
	})
	if err := t.Handshake(); err != nil {
		return nil, fmt.Errorf("tls handshake: %w", cause(err))
	}
	return t, nil
}

// cause takes the addresses and ports out of a network error: they are known, or
// differ for every probe.
func cause(err error) error {
	var errno syscall.Errno
	var op *net.OpError
	switch {
	case errors.As(err, &errno):
		return errno
	case errors.As(err, &op):
		return op.Err
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("connection closed early")
	}
	return err
}

// text is an error as one short printable line.
func text(err error) string {
	if err == nil {
		return ""
	}
	s := strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, err.Error())
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "..."
	}
	return s
}
