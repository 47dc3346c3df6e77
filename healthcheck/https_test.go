package healthcheck

import (
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"
)

func TestHTTPS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	good := ca.issue(t, "www.example.com", time.Now().Add(time.Hour))
	expired := ca.issue(t, "www.example.com", time.Now().Add(-time.Minute))
	other := ca.issue(t, "other.example", time.Now().Add(time.Hour))
	stranger := newAuthority(t).issue(t, "www.example.com", time.Now().Add(time.Hour))
	with := func(cert tls.Certificate) func(net.Conn) {
		return overTLS(&tls.Config{Certificates: []tls.Certificate{cert}}, answering(ok("hello")))
	}
	byName := Check{Host: "www.example.com"}
	for _, c := range []struct {
		name   string
		check  Check
		handle func(net.Conn)
		want   string
	}{
		{"good", byName, with(good), ""},
		{"body", Check{Host: "www.example.com", Body: "hello"}, with(good), ""},
		{"wrong body", Check{Host: "www.example.com", Body: "bye"}, with(good), "body: "},
		{"by SNI", Check{Host: "elsewhere.example", SNI: "www.example.com"}, with(good), ""},
		{"by Host with a port", Check{Host: "www.example.com:8443"}, with(good), ""},
		{"expired", byName, with(expired), "certificate has expired"},
		{"wrong name", byName, with(other), "certificate is valid for other.example, not www.example.com"},
		{"unknown authority", byName, with(stranger), "certificate signed by unknown authority"},
		{"expired, insecure", Check{Insecure: true}, with(expired), ""},
		{"no TLS", byName, func(c net.Conn) { _, _ = c.Write([]byte(ok("hello"))) }, "tls handshake: "},
		{"hung handshake", Check{Host: "www.example.com", Timeout: hung.Timeout}, silent, "tls handshake: i/o timeout"},
		{"closed early", byName, func(net.Conn) {}, "tls handshake: "},
	} {
		c.check.Type = "https"
		wantFrom(t, c.name, Options{Roots: ca.roots}, c.check, serve(t, c.handle), c.want)
	}
	mute := overTLS(&tls.Config{Certificates: []tls.Certificate{good}}, silent)
	byName.Type, byName.Timeout = "https", 500*time.Millisecond
	if err := try(t, Options{Roots: ca.roots}, byName, serve(t, mute)); err == nil || !strings.HasSuffix(err.Error(), "i/o timeout") {
		t.Errorf("hung answer: %v", err)
	}
	wantError(t, "no name", try(t, Options{}, Check{Type: "https"}, refusing(t)), "host: https to 127.0.0.1 needs a host name")
}

func TestHTTPSSendsSNIAndHost(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(t, "tls.example", time.Now().Add(time.Hour))
	asked, host := make(chan string, 1), make(chan []string, 1)
	config := &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		asked <- hello.ServerName
		return &cert, nil
	}}
	at := serve(t, overTLS(config, func(c net.Conn) {
		host <- request(c)
		_, _ = c.Write([]byte(ok("")))
	}))
	check := Check{Type: "https", SNI: "tls.example", Host: "http.example"}
	wantError(t, "sni", try(t, Options{Roots: ca.roots}, check, at), "")
	if got := <-asked; got != "tls.example" {
		t.Errorf("SNI %q", got)
	}
	if got := <-host; got[1] != "Host: http.example" {
		t.Errorf("%q", got)
	}
}
