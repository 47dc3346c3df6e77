package healthcheck

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// serve runs a server on loopback that gives every connection to handle and
// closes it after; it is gone, with all its connections, when the test ends.
func serve(t testing.TB, handle func(net.Conn)) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	var open sync.Map
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, nil)
			wg.Go(func() {
				defer open.Delete(c)
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		open.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		wg.Wait()
	})
	return netip.MustParseAddrPort(l.Addr().String())
}

// request reads a request's header from c, in lines; nil if the client is gone.
func request(c net.Conn) []string {
	var lines []string
	buf := bufio.NewReader(c)
	for {
		line, err := buf.ReadString('\n')
		if err != nil {
			return nil
		}
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return lines
		}
		lines = append(lines, line)
	}
}

// answering reads a request, then says the parts and closes.
func answering(parts ...string) func(net.Conn) {
	return func(c net.Conn) {
		if request(c) == nil {
			return
		}
		for _, part := range parts {
			if _, err := io.WriteString(c, part); err != nil {
				return
			}
		}
	}
}

// endless reads a request, says start, and then part until the client is gone.
func endless(start, part string, pause time.Duration) func(net.Conn) {
	return func(c net.Conn) {
		request(c)
		_, err := io.WriteString(c, start)
		for err == nil {
			_, err = io.WriteString(c, part)
			time.Sleep(pause) // the server's slowness is what is tested
		}
	}
}

// silent says nothing until the client is gone.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func reset(c net.Conn) {
	request(c)
	_ = c.(*net.TCPConn).SetLinger(0)
}

// deaf is an address where connections are neither accepted nor refused: the
// queue of its listener is full.
func deaf(t testing.TB) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(name.(*unix.SockaddrInet4).Port))
	for {
		c, err := net.DialTimeout("tcp", at.String(), 200*time.Millisecond)
		if err != nil {
			return at
		}
		t.Cleanup(func() { c.Close() })
	}
}

// refusing is an address where nobody listens: until the test ends two sockets have the port, one of which does not
// listen, and the other hears one peer alone, itself. A port that is only free now may be another's when it is probed.
func refusing(t testing.TB) netip.AddrPort {
	t.Helper()
	for range 100 {
		at, err := hold(t)
		if err == nil {
			return at
		}
	}
	t.Fatal("no port is free for TCP and UDP")
	return netip.AddrPort{}
}

func hold(t testing.TB) (netip.AddrPort, error) {
	t.Helper()
	tcp, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(tcp) })
	udp, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(udp) })
	at := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	if err := unix.Bind(tcp, at); err != nil {
		t.Fatal(err)
	}
	name, err := unix.Getsockname(tcp)
	if err != nil {
		t.Fatal(err)
	}
	at.Port = name.(*unix.SockaddrInet4).Port
	return netip.AddrPortFrom(netip.AddrFrom4(at.Addr), uint16(at.Port)), errors.Join(unix.Bind(udp, at), unix.Connect(udp, at))
}

// hung has the patience of tests whose servers hang; wantFrom has more of it for machines that are busy.
var hung = Check{Timeout: 300 * time.Millisecond}

// wantFrom wants an error from a probe. With little patience a probe may fail in a stage before the one where the server
// hangs; then the patience was too little, and more must do.
func wantFrom(t testing.TB, name string, o Options, c Check, at netip.AddrPort, want string) {
	t.Helper()
	err := try(t, o, c, at)
	for ; c.Timeout > 0 && c.Timeout < 20*time.Second && (err == nil || !strings.HasPrefix(err.Error(), want)); err = try(t, o, c, at) {
		c.Timeout *= 8
	}
	wantError(t, name, err, want)
}

// try probes an address once. Patience is long, for machines that are busy; tests of
// servers that hang set it shorter.
func try(t testing.TB, o Options, c Check, at netip.AddrPort) error {
	t.Helper()
	c.Port = at.Port()
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Second
	}
	return tryTarget(o, Target{Check: c, Addr: at.Addr()}.complete())
}

func tryTarget(o Options, target Target) error {
	p := (&compiler{newNetwork(o), map[Check]*answer{}}).probe(&target)
	ctx, cancel := context.WithTimeout(context.Background(), target.Check.Timeout)
	defer cancel()
	return p(ctx)
}

// wantError compares an error with what it has to begin with; "" means none.
func wantError(t testing.TB, name string, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)):
		t.Errorf("%s: got %v, want %q", name, err, want)
	}
}

// authority signs the certificates of a test.
type authority struct {
	cert  *x509.Certificate
	key   *ecdsa.PrivateKey
	roots *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour * 48), NotAfter: time.Now().Add(400 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := &authority{key: key, roots: x509.NewCertPool()}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.roots.AddCert(a.cert)
	return a
}

// issue makes a certificate for a name, good until then.
func (a *authority) issue(t testing.TB, name string, until time.Time) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-24 * time.Hour), NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
}

// overTLS makes a handler speak TLS.
func overTLS(config *tls.Config, handle func(net.Conn)) func(net.Conn) {
	return func(c net.Conn) {
		t := tls.Server(c, config)
		if t.Handshake() == nil {
			handle(t)
		}
		_ = t.Close()
	}
}

// site is an ordinary web server.
func site(t testing.TB, h http.HandlerFunc) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() { defer close(done); _ = s.Serve(l) }()
	t.Cleanup(func() { s.Close(); <-done })
	return netip.MustParseAddrPort(l.Addr().String())
}

func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}
