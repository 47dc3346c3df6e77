package main

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/admin"
)

// flapsTime in the environment is how long the receivers are away; by default it is short.
const flapsTime = "MERIDIAN_RECEIVERS_AWAY"

// letterbox is a mail server (RFC 5321) that can be away. Safe for concurrent use.
type letterbox struct {
	mu       sync.Mutex
	away     bool
	subjects []string
}

func (b *letterbox) be(away bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.away = away
}

func (b *letterbox) list() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.subjects, ", ")
}

func (b *letterbox) listen(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(c)
		}
	}()
	return l.Addr().String()
}

func (b *letterbox) serve(c net.Conn) {
	defer c.Close()
	b.mu.Lock()
	away := b.away
	b.mu.Unlock()
	if away {
		return
	}
	fmt.Fprint(c, "220 post.example ESMTP\r\n")
	data := false
	for in := bufio.NewScanner(c); in.Scan(); {
		verb, _, _ := strings.Cut(strings.ToUpper(in.Text()), " ")
		subject, isSubject := strings.CutPrefix(in.Text(), "Subject: ")
		switch {
		case data && isSubject:
			b.mu.Lock()
			b.subjects = append(b.subjects, subject)
			b.mu.Unlock()
		case data && in.Text() != ".":
		case verb == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		case verb == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		default:
			data = false
			fmt.Fprint(c, "250 ok\r\n")
		}
	}
}

// beat reports for a server over the control socket and returns the status code.
func (h *home) beat(server, token, body string) int {
	h.t.Helper()
	req, err := http.NewRequest("POST", "http://meridian/v1/heartbeat/"+server, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", h.path("state/control.sock"))
		}}}
	resp, err := c.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

const beatToken = "0123456789abcdef0123"

// newBeating makes a home whose servers report themselves.
func newBeating(t *testing.T, check, more string) *home {
	h := newHome(t)
	h.write("meridian.toml", h.config(fmt.Sprintf("check = \"self\"\n[checks.self]\ntype = \"push\"\ntoken = %q\nsilence = \"10m\"\nrise = 1\n%s\n%s",
		beatToken, check, more)))
	return h
}

// TestFlapsAreOneIncident has a server go down and up a hundred times in ten seconds while no receiver listens, over
// HTTP and by mail. Both get one message that it began and one that it is over.
func TestFlapsAreOneIncident(t *testing.T) {
	t.Parallel()
	web, post := &inbox{away: true}, &letterbox{away: true}
	s := httptest.NewServer(web)
	defer s.Close()
	h := newBeating(t, "", fmt.Sprintf("[alerts]\nafter = \"1s\"\nclear = \"5s\"\n[alerts.to.web]\nurl = %q\n[alerts.to.post]\ntype = \"email\"\n"+
		"server = %q\nfrom = \"ns@example.com\"\nto = [\"ops@example.com\"]\ntls = \"none\"\n", s.URL, post.listen(t)))
	h.serve()
	begun := time.Now()
	for i := range 200 {
		h.beat("ny", beatToken, []string{`{"down": "flaps"}`, `{}`}[i%2])
		time.Sleep(50 * time.Millisecond)
	}
	h.beat("ny", beatToken, `{"down": "for good"}`)
	away := 10 * time.Second
	if text := os.Getenv(flapsTime); text != "" {
		var err error
		if away, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(time.Until(begun.Add(away)))
	web.mu.Lock()
	web.away = false
	web.mu.Unlock()
	post.be(false)
	longest := 2*away + patience // the pause before the next try is at most as long as all those before
	wait := func(webWant string, letters int) {
		t.Helper()
		for end := time.Now().Add(longest); web.list() != webWant || strings.Count(post.list(), "server ny") != letters; time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("got %q and %q, want %q and %d letters", web.list(), post.list(), webWant, letters)
			}
		}
	}
	wait("firing server/ny", 1)
	h.beat("ny", beatToken, `{}`)
	wait("firing server/ny, resolved server/ny", 2)
	time.Sleep(3 * time.Second)
	wait("firing server/ny, resolved server/ny", 2)
	t.Logf("letters: %s", post.list())
}

// TestHeartbeats reports with and without the token, with a load, and brings a server back by hand that does not come
// back by itself.
func TestHeartbeats(t *testing.T) {
	t.Parallel()
	const ny, fr = "198.51.100.10", "203.0.113.10"
	h := newBeating(t, "failback = \"one-way\"", "")
	h.serve()
	for _, c := range []struct {
		server, token, body string
		want                int
		answer              string
	}{
		{"ny", "wrong", `{"down": "lie"}`, 401, ny},
		{"mars", beatToken, `{}`, 401, ny},
		{"ny", beatToken, `{"load": 0.7}`, 200, ny},
		{"ny", beatToken, `{"down": "disk full"}`, 200, fr},
		{"ny", beatToken, `{}`, 200, fr},
	} {
		if got := h.beat(c.server, c.token, c.body); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.server, c.body, got, c.want)
		}
		h.becomes("www.example.com", 1, nyClient, c.answer)
		if out := h.run(0, "status", "--json"); strings.Contains(c.body, "load") && !strings.Contains(out, "0.7") {
			t.Errorf("the load is not in the status:\n%s", out)
		}
	}
	h.control("POST", "/v1/readmit", map[string]any{"servers": []string{"ny"}})
	h.becomes("www.example.com", 1, nyClient, ny)
	if log := h.mustRead("state/audit.log"); !strings.Contains(log, `"action":"readmit"`) {
		t.Errorf("audit log:\n%s", log)
	}
}

// TestDrainEndsWhileDown has a drain expire while the nameserver is down.
func TestDrainEndsWhileDown(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.serve()
	begun := time.Now()
	h.run(0, "drain", "ny", "--for", "1s")
	if got := h.ask("udp", "www.example.com", 1, nyClient); got != "203.0.113.10" && time.Since(begun) < time.Second {
		t.Errorf("drained: %s", got)
	}
	p.kill()
	time.Sleep(1200 * time.Millisecond) // the time of day counts over a restart
	h.serve()
	if got := h.ask("udp", "www.example.com", 1, nyClient); got != "198.51.100.10" {
		t.Errorf("the first answer after the drain: %s", got)
	}
	if !eventually(func() bool { return strings.Contains(h.mustRead("state/audit.log"), `"action":"expire"`) }) {
		t.Error("its end is not in the audit log")
	}
}

// control asks over the control socket.
func (h *home) control(method, path string, body any) {
	h.t.Helper()
	c := &admin.Client{Socket: h.path("state/control.sock")}
	if err := c.Do(h.t.Context(), method, path, body, nil); err != nil {
		h.t.Fatal(err)
	}
}
