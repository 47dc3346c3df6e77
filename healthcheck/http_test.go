package healthcheck

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestHTTPAnswers(t *testing.T) {
	t.Parallel()
	header := "HTTP/1.1 200 OK\r\n"
	chunked := header + "Transfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct {
		name   string
		check  Check
		answer []string
		want   string
	}{
		{"plain", Check{}, []string{ok("hello")}, ""},
		{"no content", Check{}, []string{"HTTP/1.1 204 No Content\r\n\r\n"}, ""},
		{"HTTP/1.0", Check{Body: "hi"}, []string{"HTTP/1.0 200 OK\r\n\r\nhi"}, ""},
		{"no reason", Check{}, []string{"HTTP/1.1 200\r\n\r\n"}, ""},
		{"bare line feeds", Check{}, []string{"HTTP/1.1 200 OK\nServer: old\n\n"}, ""},
		{"in pieces", Check{Body: "hello"}, []string{"HT", "TP/1.1 2", "00 OK\r", "\nContent-Length: 5\r\n", "\r\nhe", "llo"}, ""},
		{"500", Check{}, []string{"HTTP/1.1 500 Oops\r\n\r\n"}, "status 500"},
		{"redirect", Check{}, []string{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"}, "status 302"},
		{"redirect wanted", Check{Status: "301-302"}, []string{"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n"}, ""},
		{"200 not wanted", Check{Status: "204,301-302"}, []string{ok("")}, "status 200"},
		{"interim", Check{Body: "x"}, []string{"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", ok("x")}, ""},
		{"interim without end", Check{}, []string{strings.Repeat("HTTP/1.1 100 Continue\r\n\r\n", 50)}, "response: more than 5 interim answers"},
		{"switching", Check{}, []string{"HTTP/1.1 101 Switching Protocols\r\n\r\n"}, "status 101"},
		{"body", Check{Body: "ell"}, []string{ok("hello")}, ""},
		{"wrong body", Check{Body: "bye"}, []string{ok("hello")}, `body: no "bye" in the first 5 bytes`},
		{"empty body", Check{Body: "bye"}, []string{ok("")}, `body: no "bye" in the first 0 bytes`},
		{"pattern", Check{BodyRegexp: "^h.*o$"}, []string{ok("hello")}, ""},
		{"wrong pattern", Check{BodyRegexp: "^h$"}, []string{ok("hello")}, `body: no match of "^h$"`},
		{"body and pattern", Check{Body: "hell", BodyRegexp: "x"}, []string{ok("hello")}, `body: no match of "x"`},
		{"body within the limit", Check{Body: "lo", BodyLimit: 5}, []string{ok("hello, world")}, ""},
		{"body beyond the limit", Check{Body: "world", BodyLimit: 8}, []string{ok("hello, world")}, `body: no "world" in the first 8 bytes`},
		{"chunked", Check{Body: "hello"}, []string{chunked, "2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n"}, ""},
		{"chunked badly", Check{Body: "hello"}, []string{chunked, "zz\r\nhello"}, "body: "},
		{"chunk extensions", Check{Body: "hello"}, []string{chunked, strings.Repeat("1;"+strings.Repeat("x", 4000)+"\r\na\r\n", 50)}, "body: "},
		{"body cut short", Check{Body: "hello"}, []string{header + "Content-Length: 99\r\n\r\nhello"}, "body: connection closed early"},
		{"body cut short, not wanted", Check{}, []string{header + "Content-Length: 99\r\n\r\nhello"}, ""},
		{"closed at once", Check{}, nil, "response: connection closed early"},
		{"closed in the header", Check{}, []string{"HTTP/1.1 200 OK\r\nServer: x\r\n"}, "response: connection closed early"},
		{"closed in a line", Check{}, []string{"HTTP/1.1 200 OK\r\nServer"}, "response: connection closed early"},
		{"not HTTP", Check{}, []string{"220 mail.example ESMTP\r\n"}, "response: malformed HTTP"},
		{"bad length", Check{}, []string{header + "Content-Length: -1\r\n\r\n"}, "response: "},
	} {
		c.check.Type = "http"
		wantError(t, c.name, try(t, Options{}, c.check, serve(t, answering(c.answer...))), c.want)
	}
}

func TestHTTPHostileServers(t *testing.T) {
	t.Parallel()
	const header = "HTTP/1.1 200 OK\r\n"
	for _, c := range []struct {
		name   string
		check  Check
		handle func(net.Conn)
		want   string
	}{
		{"resetting", Check{}, reset, "response: connection reset by peer"},
		{"endless header", Check{}, endless(header, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n", 0), "response: header over 65536 bytes"},
		{"endless line", Check{}, endless(header+"X: ", strings.Repeat("x", 1000), 0), "response: header over 65536 bytes"},
		{"endless status line", Check{}, endless("HTTP/1.1 200 ", strings.Repeat("x", 1000), 0), "response: header over 65536 bytes"},
		{"endless body", Check{Body: "z"}, endless(header+"\r\n", strings.Repeat("x", 1000), 0), `body: no "z" in the first 65536 bytes`},
		{"silent", hung, silent, "response: i/o timeout"},
		{"dripping header", hung, endless(header+"X: ", "x", 20*time.Millisecond), "response: i/o timeout"},
		{"dripping body", Check{Body: "z", Timeout: hung.Timeout}, endless(header+"\r\n", "x", 20*time.Millisecond), "body: i/o timeout"},
		{"dripping body, not wanted", Check{}, endless(header+"\r\n", "x", 20*time.Millisecond), ""},
	} {
		c.check.Type = "http"
		wantFrom(t, c.name, Options{}, c.check, serve(t, c.handle), c.want)
	}
}

// TestConnectTimeout has a server whose queue of connections is full, and a name
// whose other address is well.
func TestConnectTimeout(t *testing.T) {
	t.Parallel()
	full := deaf(t)
	c := Check{Type: "tcp", Port: full.Port(), Timeout: hung.Timeout}
	wantError(t, "one", try(t, Options{}, c, full), "connect: i/o timeout")
	l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.2"), full.Port())))
	if err != nil {
		t.Skip(err)
	}
	defer l.Close()
	resolve := func(context.Context, string) ([]netip.Addr, error) {
		return []netip.Addr{full.Addr(), netip.MustParseAddr("127.0.0.2")}, nil
	}
	c.Timeout = 4 * time.Second // half of which the first address takes
	wantError(t, "two", tryTarget(Options{Resolve: resolve}, Target{Check: c, Name: "a.example"}.complete()), "")
}

func TestHTTPRefused(t *testing.T) {
	wantError(t, "refused", try(t, Options{}, Check{Type: "http"}, refusing(t)), "connect: connection refused")
}

// endlessReader is an answer without end; it counts what was read.
type endlessReader struct {
	start string
	n     int
}

func (r *endlessReader) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	if r.n < len(r.start) {
		copy(p, r.start[r.n:])
	}
	r.n += len(p)
	return len(p), nil
}

func TestHTTPMemory(t *testing.T) {
	for start, want := range map[string]string{
		"":                        "response: header over",
		"HTTP/1.1 200 OK\r\nX: ":  "response: header over",
		"HTTP/1.1 200 OK\r\n\r\n": "body: no",
	} {
		a, r := newAnswer(Check{Type: "http", Body: "z"}), &endlessReader{start: start}
		buf := bufio.NewReader(r)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		wantError(t, start, a.judge(&reply{buf: buf}, false), want)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 || r.n > 256<<10 {
			t.Errorf("%q: read %d bytes, allocated %d", start, r.n, grown)
		}
	}
}

func TestHTTPRequest(t *testing.T) {
	got := make(chan []string, 1)
	at := serve(t, func(c net.Conn) { got <- request(c); fmt.Fprint(c, ok("")) })
	for _, c := range []struct {
		check Check
		want  []string
	}{
		{Check{Path: "/healthz?a=b"}, []string{"GET /healthz?a=b HTTP/1.1", "Host: " + at.String()}},
		{Check{Host: "www.example.com"}, []string{"GET / HTTP/1.1", "Host: www.example.com"}},
	} {
		c.check.Type = "http"
		wantError(t, "request", try(t, Options{}, c.check, at), "")
		lines := <-got
		for _, line := range append(c.want, "Connection: close") {
			if !slices.Contains(lines, line) {
				t.Errorf("no %q in %q", line, lines)
			}
		}
	}
}

func TestHTTPOrdinaryServer(t *testing.T) {
	at := site(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" || r.Host != "www.example.com" {
			http.NotFound(w, r)
			return
		}
		w.(http.Flusher).Flush() // chunked
		fmt.Fprint(w, "all is ", "well")
	})
	good := Check{Type: "http", Path: "/healthz", Host: "www.example.com", Body: "is well"}
	wantError(t, "good", try(t, Options{}, good, at), "")
	wrong := good
	wrong.Path = "/elsewhere"
	wantError(t, "wrong path", try(t, Options{}, wrong, at), "status 404")
}

// TestProbesLeaveNoSockets looks for sockets that wait for old segments.
func TestProbesLeaveNoSockets(t *testing.T) {
	at := site(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "ok") })
	tcp := serve(t, silent)
	// Others may have had these ports just before.
	before := map[uint16]int{at.Port(): timeWait(t, at.Port()), tcp.Port(): timeWait(t, tcp.Port())}
	for range 20 {
		wantError(t, "http", try(t, Options{}, Check{Type: "http", Body: "ok"}, at), "")
		wantError(t, "tcp", try(t, Options{}, Check{Type: "tcp"}, tcp), "")
	}
	for _, port := range []uint16{at.Port(), tcp.Port()} {
		if n := timeWait(t, port); n > before[port] {
			t.Errorf("%d sockets in TIME_WAIT towards port %d, %d before", n, port, before[port])
		}
	}
}

// timeWait counts this host's sockets in TIME_WAIT whose remote port is given.
func timeWait(t *testing.T, port uint16) int {
	t.Helper()
	const state = "06" // TCP_TIME_WAIT in include/net/tcp_states.h
	n := 0
	for _, line := range lines(t, "/proc/net/tcp") {
		f := strings.Fields(line)
		if len(f) > 3 && strings.HasSuffix(f[2], fmt.Sprintf(":%04X", port)) && f[3] == state {
			n++
		}
	}
	return n
}

func TestName(t *testing.T) {
	at := site(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "host ", r.Host) })
	check := Check{Type: "http", Port: at.Port(), Timeout: 10 * time.Second, Body: fmt.Sprintf("host cdn.example.net:%d", at.Port())}
	dead := netip.MustParseAddr("127.9.9.9")
	for _, c := range []struct {
		name  string
		addrs []netip.Addr
		err   error
		want  string
	}{
		{"one", []netip.Addr{at.Addr()}, nil, ""},
		{"the second answers", []netip.Addr{dead, at.Addr()}, nil, ""},
		{"none answers", []netip.Addr{dead, dead}, nil, "connect: connection refused"},
		{"none", nil, nil, "resolve cdn.example.net: no addresses"},
		{"unknown", nil, errBad, "resolve cdn.example.net: bad"},
	} {
		asked := ""
		resolve := func(_ context.Context, host string) ([]netip.Addr, error) { asked = host; return c.addrs, c.err }
		target := Target{Check: check, Name: "CDN.example.net."}.complete()
		wantError(t, c.name, tryTarget(Options{Resolve: resolve}, target), c.want)
		if asked != "cdn.example.net" {
			t.Errorf("%s: asked for %q", c.name, asked)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		ok("hello"), "HTTP/1.0 500 x\n\nhello", "HTTP/1.1 100 Continue\r\n\r\n" + ok("x"),
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nT: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "220 mail.example ESMTP\r\n", "",
	} {
		f.Add(seed, "hello", 5)
	}
	f.Fuzz(func(t *testing.T, input, body string, limit int) {
		a := newAnswer(Check{Type: "http", Body: body, BodyLimit: limit})
		if a.invalid != nil {
			return
		}
		err := a.judge(&reply{buf: bufio.NewReader(strings.NewReader(input))}, false)
		if err == nil && (!strings.HasPrefix(input, "HTTP/") || !strings.Contains(input, " 2")) {
			t.Errorf("%q is taken for a good answer", input)
		}
		if len(text(err)) > maxText+3 {
			t.Errorf("error of %d bytes", len(text(err)))
		}
	})
}
