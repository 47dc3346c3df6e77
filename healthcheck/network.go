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
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"
)

const (
	maxAddresses = 8       // of a name that are tried
	readerSize   = 1 << 10 // of an answer's header: each probe in flight has one, and lines may be longer
	maxText      = 200     // bytes of an error kept; some of it is the server's
)

// network connects probes. Safe for concurrent use.
type network struct {
	resolve func(ctx context.Context, host string) ([]netip.Addr, error)
	route   func(netip.Addr) error // nil error: there is a route
	roots   func() *x509.CertPool  // nil pool: the system's
	readers sync.Pool              // of *bufio.Reader
	idle    idle
}

func newNetwork(o Options) *network {
	n := &network{resolve: o.Resolve, route: routeTo, roots: func() *x509.CertPool { return o.Roots }}
	if o.Roots == nil {
		n.roots = sync.OnceValue(systemRoots)
	}
	if n.resolve == nil {
		n.resolve = lookup
	}
	n.idle.most = o.MaxKept
	n.readers.New = func() any { return bufio.NewReaderSize(nil, readerSize) }
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

// stream is a connected socket. Close resets the connection: closing in order would
// leave a TIME_WAIT socket behind for every probe.
type stream interface {
	io.ReadWriteCloser
	SetDeadline(time.Time) error
}

// conn is the connection of a probe: all input and output fails once the context it
// was bound to has ended.
type conn struct {
	stream
	release func() bool
	secured *tls.Conn // over this connection; nil: there is none
	since   time.Time // when it was made
}

// plain is where requests go and answers come from.
func (c *conn) plain() io.ReadWriter {
	if c.secured != nil {
		return c.secured
	}
	return c.stream
}

// bind has the connection fail at a deadline, and once a probe is cancelled.
func (c *conn) bind(ctx context.Context, deadline time.Time) error {
	if err := c.SetDeadline(deadline); err != nil {
		c.stream.Close()
		return err
	}
	c.release = afterEnd(ctx, c.expire)
	return nil
}

func (c *conn) expire() { _ = c.SetDeadline(time.Unix(1, 0)) }

func (c *conn) Close() error {
	c.release()
	return c.stream.Close()
}

// What else a net.Conn has, for the TLS client. Nobody asks for the addresses.

func (c *conn) LocalAddr() net.Addr                { return nil }
func (c *conn) RemoteAddr() net.Addr               { return nil }
func (c *conn) SetReadDeadline(t time.Time) error  { return c.SetDeadline(t) }
func (c *conn) SetWriteDeadline(t time.Time) error { return c.SetDeadline(t) }

// openPlain connects by package net.
func (c *conn) openPlain(ctx context.Context, addr netip.AddrPort, deadline time.Time) error {
	dialer := net.Dialer{KeepAlive: -1, Deadline: deadline}
	s, err := dialer.DialTCP(ctx, "tcp", netip.AddrPort{}, addr)
	if err != nil {
		return err
	}
	c.stream = s
	return errors.Join(s.SetLinger(0), c.bind(ctx, deadline))
}

// connect opens a connection to a target. Of a name the addresses are tried in
// turn, each for an equal part of the time left.
func (n *network) connect(ctx context.Context, t *Target) (*conn, error) {
	if t.Name == "" {
		return n.dial(ctx, netip.AddrPortFrom(t.Addr, t.Check.Port), 1)
	}
	addrs, err := n.addresses(ctx, t.Name)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", t.Name, err)
	}
	var failed error
	for i, addr := range addrs {
		c, err := n.dial(ctx, netip.AddrPortFrom(addr.Unmap(), t.Check.Port), len(addrs)-i)
		if err == nil {
			return c, nil
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
func (n *network) dial(ctx context.Context, addr netip.AddrPort, nth int) (*conn, error) {
	c := &conn{since: time.Now()}
	if err := c.open(ctx, addr, share(ctx, nth)); err != nil {
		return nil, blame(fmt.Errorf("connect: %w", cause(err)), addr.Addr(), n.route)
	}
	if nth == 1 {
		return c, nil
	}
	deadline, _ := ctx.Deadline()
	_ = c.SetDeadline(deadline) // or it keeps the nearer one
	return c, nil
}

// share is the end of an nth of the time left.
func share(ctx context.Context, nth int) time.Time {
	deadline, _ := ctx.Deadline()
	if nth > 1 {
		deadline = time.Now().Add(time.Until(deadline) / time.Duration(nth))
	}
	return deadline
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

// secure does the TLS handshake of a target and judges its certificate. Session
// tickets are not used: each probe is to see the certificate that a new client sees.
func (n *network) secure(c *conn, t *Target, protocols ...string) error {
	noDelay(c.stream)
	c.secured = tls.Client(c, &tls.Config{
		ServerName:         t.serverName(),
		RootCAs:            n.roots(),
		InsecureSkipVerify: t.Check.Insecure,
		NextProtos:         protocols,
		MinVersion:         tls.VersionTLS12,
	})
	if err := c.secured.Handshake(); err != nil {
		var unverified *tls.CertificateVerificationError
		if errors.As(err, &unverified) {
			return errors.New(strings.TrimPrefix(unverified.Err.Error(), "x509: "))
		}
		return fmt.Errorf("tls handshake: %w", cause(err))
	}
	if t.Check.CertDays == 0 {
		return nil
	}
	return certified(c.secured.ConnectionState(), t.Check.CertDays, time.Now())
}

// certified tells whether the certificate is good for so many days more: that of the
// server, and those that vouch for it.
func certified(s tls.ConnectionState, days int, now time.Time) error {
	end := s.PeerCertificates[0].NotAfter
	if len(s.VerifiedChains) > 0 {
		end = time.Time{}
	}
	for _, chain := range s.VerifiedChains {
		end = later(end, soonest(chain))
	}
	if left := end.Sub(now); left < time.Duration(days)*24*time.Hour {
		return fmt.Errorf("certificate: expires in %d days (%s), at least %d are wanted",
			int(left.Hours()/24), end.UTC().Format(time.DateOnly), days)
	}
	return nil
}

// soonest is when the first certificate of a chain expires.
func soonest(chain []*x509.Certificate) time.Time {
	end := chain[0].NotAfter
	for _, c := range chain {
		if c.NotAfter.Before(end) {
			end = c.NotAfter
		}
	}
	return end
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// cause takes the addresses and ports out of a network error: they are known, or
// differ for every probe.
func cause(err error) error {
	var errno syscall.Errno
	var op *net.OpError
	var file *os.PathError
	switch {
	case errors.As(err, &errno):
		return errno
	case errors.As(err, &op):
		return op.Err
	case errors.As(err, &file):
		return file.Err
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
