package healthcheck

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/sys/unix"
)

func TestTLS(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	lasting := func(d time.Duration) func(net.Conn) {
		cert := ca.issue(t, "mail.example", time.Now().Add(d))
		return overTLS(&tls.Config{Certificates: []tls.Certificate{cert}}, silent)
	}
	const day = 24 * time.Hour
	named := Check{SNI: "mail.example"}
	for _, c := range []struct {
		name   string
		check  Check
		handle func(net.Conn)
		want   string
	}{
		{"good", named, lasting(day), ""},
		{"expired", named, lasting(-time.Minute), "certificate has expired"},
		{"wrong name", Check{SNI: "web.example"}, lasting(day), "certificate is valid for mail.example"},
		{"lasts long enough", Check{SNI: "mail.example", CertDays: 14}, lasting(15 * day), ""},
		{"expires soon", Check{SNI: "mail.example", CertDays: 14}, lasting(13*day + day/2), "certificate: expires in 13 days ("},
		{"its authority expires sooner", Check{SNI: "mail.example", CertDays: 500}, lasting(600 * day), "certificate: expires in 399 days ("},
		{"insecure, expires soon", Check{Insecure: true, CertDays: 2}, lasting(day), "certificate: expires in 0 days ("},
		{"hung", Check{SNI: "mail.example", Timeout: hung.Timeout}, silent, "tls handshake: i/o timeout"},
	} {
		c.check.Type = "tls"
		wantFrom(t, c.name, Options{Roots: ca.roots}, c.check, serve(t, c.handle), c.want)
	}
	web := Check{Type: "https", Host: "mail.example", CertDays: 14}
	soon := overTLS(&tls.Config{Certificates: []tls.Certificate{ca.issue(t, "mail.example", time.Now().Add(day))}}, answering(ok("")))
	wantError(t, "https", try(t, Options{Roots: ca.roots}, web, serve(t, soon)), "certificate: expires in 0 days (")
}

func TestMethodAndHeaders(t *testing.T) {
	t.Parallel()
	at := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Probe") != "a b" || r.Header.Get("User-Agent") != "mine" {
			http.Error(w, "no", http.StatusForbidden)
		}
		fmt.Fprint(w, r.Method, " ", r.ContentLength)
	})
	headers := "User-Agent: mine\nX-Probe: a b"
	wantError(t, "without", try(t, Options{}, Check{Type: "http"}, at), "status 403")
	wantError(t, "post", try(t, Options{}, Check{Type: "http", Headers: headers, Method: "POST", Body: "POST 0"}, at), "")
	wantError(t, "head", try(t, Options{}, Check{Type: "http", Headers: headers, Method: "HEAD"}, at), "")
	wantError(t, "head, kept", try(t, Options{}, Check{Type: "http", Headers: headers, Method: "HEAD", KeepAlive: true}, at), "")
}

// connections counts those that a server gets.
type connections struct {
	net.Listener
	n atomic.Int64
}

func (c *connections) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.n.Add(1)
	}
	return conn, err
}

// web runs an ordinary web server of any protocols, over TLS if config is not nil.
func web(t *testing.T, config *tls.Config, h http.HandlerFunc) (netip.AddrPort, *connections) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &connections{Listener: l}
	s := &http.Server{Handler: h, TLSConfig: config, Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if config != nil {
			_ = s.ServeTLS(c, "", "")
		} else {
			_ = s.Serve(c)
		}
	}()
	t.Cleanup(func() { s.Close(); <-done })
	return netip.MustParseAddrPort(l.Addr().String()), c
}

// prober probes one target time after time.
func prober(o Options, target Target) func() error {
	n := newNetwork(New(o).o)
	target = target.complete()
	p := (&compiler{n, map[Check]*answer{}}).probe(&target)
	return func() error { return p(&span{deadline: time.Now().Add(10 * time.Second)}) }
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "www.example.com", time.Now().Add(time.Hour))}}
	for _, c := range []struct {
		name   string
		config *tls.Config
		check  Check
		answer func(w http.ResponseWriter)
		want   int64
	}{
		{"length", nil, Check{Type: "http"}, func(w http.ResponseWriter) { fmt.Fprint(w, "ok") }, 1},
		{"body", nil, Check{Type: "http", Body: "ok"}, func(w http.ResponseWriter) { fmt.Fprint(w, "ok") }, 1},
		{"chunks", nil, Check{Type: "http"}, func(w http.ResponseWriter) { w.(http.Flusher).Flush(); fmt.Fprint(w, "ok") }, 1},
		{"no content", nil, Check{Type: "http"}, func(w http.ResponseWriter) { w.WriteHeader(204) }, 1},
		{"closing", nil, Check{Type: "http"}, func(w http.ResponseWriter) { w.Header().Set("Connection", "close") }, 5},
		{"too long to read", nil, Check{Type: "http", BodyLimit: 10}, func(w http.ResponseWriter) { fmt.Fprint(w, "more than ten bytes") }, 5},
		{"https", config, Check{Type: "https", Host: "www.example.com"}, func(w http.ResponseWriter) { fmt.Fprint(w, "ok") }, 1},
	} {
		at, got := web(t, c.config, func(w http.ResponseWriter, r *http.Request) { c.answer(w) })
		c.check.Port, c.check.KeepAlive = at.Port(), true
		probe := prober(Options{Roots: ca.roots}, Target{Check: c.check, Addr: at.Addr()})
		for range 5 {
			wantError(t, c.name, probe(), "")
		}
		if n := got.n.Load(); n != c.want {
			t.Errorf("%s: %d connections for 5 probes, want %d", c.name, n, c.want)
		}
	}
}

// TestKeptConnectionClosed has a server that closes after every answer without saying
// so: the next probe takes a new connection and succeeds. One that answers nothing at
// all over the new one fails.
func TestKeptConnectionClosed(t *testing.T) {
	t.Parallel()
	var dead atomic.Bool
	at := serve(t, func(c net.Conn) {
		if !dead.Load() {
			answering(ok("well"))(c)
		}
	})
	probe := prober(Options{}, Target{Check: Check{Type: "http", Port: at.Port(), KeepAlive: true}, Addr: at.Addr()})
	for range 5 {
		wantError(t, "well", probe(), "")
		time.Sleep(5 * time.Millisecond) // for the end to arrive, or not: both must do
	}
	dead.Store(true)
	if probe() == nil {
		t.Error("a server that hangs up is taken for well")
	}
}

func TestHTTP2(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "www.example.com", time.Now().Add(time.Hour))}}
	handle := func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.ProtoMajor != 2:
			w.WriteHeader(505)
		case r.URL.Path == "/large":
			_, _ = w.Write(make([]byte, 300<<10))
			fmt.Fprint(w, "end")
		case r.URL.Path != "/":
			w.WriteHeader(500)
		}
		fmt.Fprint(w, "host ", r.Host, " probe ", r.Header.Get("X-Probe"))
	}
	secure, _ := web(t, config.Clone(), handle)
	plain, _ := web(t, nil, handle)
	old := serve(t, answering(ok("")))
	oldTLS := serve(t, overTLS(config, answering(ok(""))))
	for _, c := range []struct {
		name  string
		check Check
		at    netip.AddrPort
		want  string
	}{
		{"over TLS", Check{Type: "https", Body: "host www.example.com", Host: "www.example.com"}, secure, ""},
		{"with prior knowledge", Check{Type: "http", Body: "probe me", Headers: "X-Probe: me"}, plain, ""},
		{"head", Check{Type: "http", Method: "HEAD"}, plain, ""},
		{"status", Check{Type: "http", Path: "/x"}, plain, "status 500"},
		{"wrong body", Check{Type: "http", Body: "bye"}, plain, `body: no "bye" in the first`},
		{"large body", Check{Type: "http", Path: "/large", Body: "end", BodyLimit: 1 << 20}, plain, ""},
		{"body beyond the limit", Check{Type: "http", Path: "/large", Body: "end", BodyLimit: 100 << 10}, plain, `body: no "end" in the first 102400 bytes`},
		{"HTTP/1.1 only", Check{Type: "http"}, old, "response: "},
		{"HTTP/1.1 only, over TLS", Check{Type: "https", Host: "www.example.com"}, oldTLS, "tls handshake: the server does not offer HTTP/2"},
		{"hung", Check{Type: "http", Timeout: hung.Timeout}, serve(t, silent), "response: i/o timeout"},
		{"resetting", Check{Type: "http"}, serve(t, reset), "re"},
		{"refusing", Check{Type: "http"}, refusing(t), "connect: connection refused"},
	} {
		c.check.HTTP2 = true
		wantFrom(t, c.name, Options{Roots: ca.roots}, c.check, c.at, c.want)
	}
}

// grpcHealth is a server that speaks the health protocol for some services.
func grpcHealth(w http.ResponseWriter, r *http.Request) {
	request, _ := io.ReadAll(r.Body)
	service := ""
	if len(request) > 7 {
		service = string(request[7:])
	}
	status, known := map[string]byte{"": 1, "shop.Cart": 1, "shop.Closed": 2, "shop.Zero": 0}[service]
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	if !known || r.URL.Path != "/grpc.health.v1.Health/Check" {
		w.Header().Set("Grpc-Status", "5")
		w.Header().Set("Grpc-Message", "unknown service")
		return
	}
	message := []byte{0, 0, 0, 0, 2, 1 << 3, status}
	if status == 0 {
		message = make([]byte, 5)
	}
	_, _ = w.Write(message)
	w.Header().Set("Grpc-Status", "0")
}

func TestGRPC(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	config := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "api.example.com", time.Now().Add(time.Hour))}}
	plain, _ := web(t, nil, grpcHealth)
	secure, _ := web(t, config, grpcHealth)
	other, _ := web(t, nil, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(404) })
	for _, c := range []struct {
		name  string
		check Check
		at    netip.AddrPort
		want  string
	}{
		{"as a whole", Check{}, plain, ""},
		{"a service", Check{Service: "shop.Cart"}, plain, ""},
		{"over TLS", Check{Service: "shop.Cart", TLS: true, Host: "api.example.com"}, secure, ""},
		{"wrong name", Check{TLS: true, Host: "x.example.com"}, secure, "certificate is "},
		{"closed", Check{Service: "shop.Closed"}, plain, "health: NOT_SERVING"},
		{"zero", Check{Service: "shop.Zero"}, plain, "health: UNKNOWN"},
		{"unknown", Check{Service: "shop.None"}, plain, `grpc status NOT_FOUND: "unknown service"`},
		{"no gRPC", Check{}, other, "status 404"},
		{"hung", hung, serve(t, silent), "response: i/o timeout"},
	} {
		c.check.Type = "grpc"
		wantFrom(t, c.name, Options{Roots: ca.roots}, c.check, c.at, c.want)
	}
}

func FuzzServingStatus(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 2, 8, 1})
	f.Fuzz(func(t *testing.T, body []byte) {
		if status, err := servingStatus(body); err == nil && status == 1 && len(body) < 7 {
			t.Errorf("%x serves", body)
		}
	})
}

// nameserver answers every query from a table, over UDP and TCP; "big.example." is
// truncated over UDP.
func nameserver(t *testing.T) netip.AddrPort {
	t.Helper()
	at := serve(t, func(c net.Conn) {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		r := respond(t, query, false)
		_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(r))), r...))
	})
	u, err := net.ListenPacket("udp", at.String())
	if err != nil {
		t.Skip(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 512)
		for {
			n, from, err := u.ReadFrom(buf)
			if err != nil {
				return
			}
			r := respond(t, buf[:n], true)
			wrong := append([]byte(nil), r...)
			wrong[0]++ // a reply to somebody else's query goes before
			_, _ = u.WriteTo(wrong, from)
			_, _ = u.WriteTo(r, from)
		}
	}()
	t.Cleanup(func() { u.Close(); <-done })
	return at
}

func respond(t *testing.T, query []byte, udp bool) []byte {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 {
		t.Errorf("query %x: %v", query, err)
		return query
	}
	q := m.Questions[0]
	m.Response = true
	h := dnsmessage.ResourceHeader{Name: q.Name, Class: q.Class, Type: q.Type}
	add := func(body dnsmessage.ResourceBody) {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: h, Body: body})
	}
	switch name := q.Name.String(); {
	case name == "big.example." && udp:
		m.Truncated = true
	case name == "refused.example.":
		m.RCode = dnsmessage.RCodeRefused
	case name == "none.example.":
		m.RCode = dnsmessage.RCodeNameError
	case name == "elsewhere.example.":
		h.Name = dnsmessage.MustNewName("other.example.")
		add(&dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}})
	case name == "alias.example.": // the chain backwards
		h.Name = dnsmessage.MustNewName("End.example.")
		add(&dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}})
		h.Name, h.Type = dnsmessage.MustNewName("middle.example."), dnsmessage.TypeCNAME
		add(&dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("end.example.")})
		h.Name = q.Name
		add(&dnsmessage.CNAMEResource{CNAME: dnsmessage.MustNewName("middle.example.")})
	case q.Type == dnsmessage.TypeA:
		add(&dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}})
		add(&dnsmessage.AResource{A: [4]byte{192, 0, 2, 2}})
	case q.Type == dnsmessage.TypeAAAA:
		add(&dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("2001:db8::1").As16()})
	case q.Type == dnsmessage.TypeMX:
		add(&dnsmessage.MXResource{Pref: 10, MX: dnsmessage.MustNewName("mail.example.")})
	case q.Type == dnsmessage.TypeTXT:
		add(&dnsmessage.TXTResource{TXT: []string{"v=spf1 ", "-all"}})
	case q.Type == dnsmessage.TypeSOA:
		add(&dnsmessage.SOAResource{NS: q.Name, MBox: q.Name, Serial: 7})
	}
	wire, err := m.Pack()
	if err != nil {
		t.Error(err)
	}
	return wire
}

func TestDNS(t *testing.T) {
	t.Parallel()
	at := nameserver(t)
	for _, c := range []struct {
		check Check
		want  string
	}{
		{Check{Query: "example."}, ""},
		{Check{Query: "Example", Answer: "192.0.2.2"}, ""},
		{Check{Query: "example.", Answer: "192.0.2.3"}, `answer: none of 2 records is "192.0.2.3"`},
		{Check{Query: "example.", QueryType: "AAAA", Answer: "2001:DB8:0::1"}, ""},
		{Check{Query: "example.", QueryType: "MX", Answer: "10 Mail.example"}, ""},
		{Check{Query: "example.", QueryType: "TXT", Answer: "v=spf1 -all"}, ""},
		{Check{Query: "example.", QueryType: "SOA", Answer: "7"}, ""},
		{Check{Query: "example.", QueryType: "NS", Answer: "ns1.example"}, `answer: none of 0 records`},
		{Check{Query: "big.example.", Answer: "192.0.2.1"}, ""},
		{Check{Query: "alias.example.", Answer: "192.0.2.1"}, ""},
		{Check{Query: "elsewhere.example.", Answer: "192.0.2.1"}, `answer: none of 1 records is "192.0.2.1"`},
		{Check{Query: "refused.example."}, "rcode REFUSED"},
		{Check{Query: "none.example.", Rcode: "NXDOMAIN"}, ""},
		{Check{Query: "example.", Rcode: "NXDOMAIN"}, "rcode NOERROR"},
	} {
		for _, network := range []string{"udp", "tcp"} {
			c.check.Type, c.check.Network = "dns", network
			wantError(t, fmt.Sprint(c.check.Query, " ", c.check.QueryType, " over ", network), try(t, Options{}, c.check, at), c.want)
		}
	}
	ask := Check{Type: "dns", Query: "example.", Timeout: hung.Timeout}
	wantFrom(t, "closed", Options{}, ask, refusing(t), "response: connection refused")
	silentUDP, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silentUDP.Close()
	wantFrom(t, "silent", Options{}, ask, netip.MustParseAddrPort(silentUDP.LocalAddr().String()), "response: i/o timeout")
	ask.Network = "tcp"
	wantFrom(t, "silent over tcp", Options{}, ask, serve(t, silent), "response: i/o timeout")
}

func TestICMP(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "127.9.9.9", "::1"} {
		a := netip.MustParseAddr(addr)
		if err := CanPing(a); err != nil {
			t.Skip(err)
		}
		target := Target{Check: Check{Type: "icmp", Timeout: 5 * time.Second}, Addr: a}.complete()
		err := tryTarget(Options{}, target)
		if a.Is6() && unroutable(err) {
			continue
		}
		wantError(t, addr, err, "")
	}
}

func TestEchoReply(t *testing.T) {
	nonce := []byte("0123456789abcdef")
	request := echoRequest(false, nonce)
	if checksum(request) != 0 {
		t.Errorf("checksum of the whole is %x", checksum(request))
	}
	reply := append([]byte(nil), request...)
	reply[0] = 0
	header := append([]byte{0x45}, make([]byte, 19)...)
	for _, c := range []struct {
		m    []byte
		six  bool
		want bool
	}{
		{reply, false, true}, {append(header, reply...), false, true},
		{request, false, false}, {reply[:20], false, false}, {nil, false, false}, {[]byte{0x4f}, false, false},
		{append(append([]byte(nil), reply[:23]...), 'x'), false, false},
		{append([]byte{129}, reply[1:]...), true, true}, {reply, true, false},
	} {
		if got := isEchoReply(c.six, c.m, nonce); got != c.want {
			t.Errorf("%x: %v", c.m, got)
		}
	}
}

// script writes a program and returns a check that runs it.
func script(t *testing.T, text string, arguments ...string) Check {
	t.Helper()
	path := filepath.Join(t.TempDir(), "check")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
	return Check{Type: "exec", Timeout: 10 * time.Second, Command: strings.Join(append([]string{path}, arguments...), "\x00")}
}

func TestExec(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       string
	}{
		{"well", "exit 0", ""},
		{"bad", "echo 'disk full'; echo more; exit 2", `exec: exit status 2: "disk full"`},
		{"arguments", `test "$1" = "a b" && test "$#" = 2`, ""},
		{"environment", `test "$MERIDIAN_TARGET" = 192.0.2.1 && test "$MERIDIAN_TIMEOUT" = 10.000 && test -z "$HOME" && test "$PWD" = /`, ""},
		{"input", "read x; test $? = 1", ""},
		{"much output", "head -c 1000000 /dev/zero | tr '\\0' x; exit 1", `exec: exit status 1: "xxx`},
		{"killed by a signal", "kill -9 $$", "exec: signal: killed"},
	} {
		target := Target{Check: script(t, c.text, "a b", "c"), Addr: four}.complete()
		wantError(t, c.name, tryTarget(Options{}, target), c.want)
	}
	missing := Check{Type: "exec", Command: "/nowhere/check"}
	wantError(t, "missing", tryTarget(Options{}, Target{Check: missing, Addr: four}.complete()), "program cannot be started here: exec: ")
	wantError(t, "missing", missing.CanExec(), "command: /nowhere/check: no such file")
	wantError(t, "no program", Check{Command: "/etc/passwd"}.CanExec(), "command: /etc/passwd: passwd is no program")
	wantError(t, "a program", script(t, "").CanExec(), "")
}

// TestExecLeavesNothing runs programs that hang and that leave a child behind.
func TestExecLeavesNothing(t *testing.T) {
	for name, text := range map[string]string{
		"hangs":          "sleep 1000 & echo $! >%s; wait",
		"leaves a child": "sleep 1000 & echo $! >%s; exit 1",
	} {
		file := filepath.Join(t.TempDir(), "child")
		c := script(t, fmt.Sprintf(text, file))
		pid := 0
		// It must have time to begin, on a machine that is busy more.
		for c.Timeout = 500 * time.Millisecond; pid == 0 && c.Timeout < time.Minute; c.Timeout *= 8 {
			if err := tryTarget(Options{}, Target{Check: c, Addr: four}.complete()); err == nil {
				t.Errorf("%s: no error", name)
			}
			pid = number(file)
		}
		if pid == 0 {
			t.Fatalf("%s: it did not begin", name)
		}
		for end := time.Now().Add(30 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: the child lives", name)
			}
		}
	}
}

// number is the number in a file; 0: there is none.
func number(file string) (n int) {
	text, _ := os.ReadFile(file)
	_, _ = fmt.Sscan(string(text), &n)
	return n
}

// alive tells whether a process runs; one that nobody waits for does not.
func alive(pid int) bool {
	if unix.Kill(pid, 0) != nil {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}
