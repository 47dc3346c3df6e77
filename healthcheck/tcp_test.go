package healthcheck

import (
	"context"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

func lines(t *testing.T, path string) []string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Skip(err)
	}
	return strings.Split(string(b), "\n")
}

func TestTCP(t *testing.T) {
	t.Parallel()
	greet := func(parts ...string) func(net.Conn) {
		return func(c net.Conn) {
			for _, part := range parts {
				_, _ = io.WriteString(c, part)
			}
			silent(c)
		}
	}
	echo := func(c net.Conn) { _, _ = io.Copy(c, c) }
	hangUp := func(net.Conn) {}
	flood := func(c net.Conn) {
		for err := error(nil); err == nil; _, err = io.WriteString(c, strings.Repeat("x", 1000)) {
		}
	}
	for _, c := range []struct {
		name   string
		check  Check
		handle func(net.Conn)
		want   string
	}{
		{"connect", Check{}, silent, ""},
		{"connect, closed at once", Check{}, hangUp, ""},
		{"banner", Check{Expect: "220 "}, greet("220 mail.example ESMTP\r\n"), ""},
		{"banner in pieces", Check{Expect: "220 mail"}, greet("22", "0 ma", "il.example"), ""},
		{"wrong banner", Check{Expect: "220 ", Timeout: hung.Timeout}, greet("554 go away\r\n"), `waiting for "220 ": i/o timeout`},
		{"exchange", Check{Send: "PING\r\n", Expect: "PING\r\n"}, echo, ""},
		{"closed early", Check{Expect: "220 "}, hangUp, `waiting for "220 ": connection closed early`},
		{"hung", Check{Expect: "220 ", Timeout: hung.Timeout}, silent, `waiting for "220 ": i/o timeout`},
		{"flood", Check{Expect: "220 "}, flood, `no "220 " in the first 16384 bytes`},
	} {
		c.check.Type = "tcp"
		wantFrom(t, c.name, Options{}, c.check, serve(t, c.handle), c.want)
	}
	wantError(t, "refused", try(t, Options{}, Check{Type: "tcp"}, refusing(t)), "connect: connection refused")
}

func TestAwaitPieces(t *testing.T) {
	const banner = "2220 mail.example"
	for _, want := range []string{"2", "220", "220 mail", "example", banner} {
		wantError(t, want, await(iotest.OneByteReader(strings.NewReader(banner)), []byte(want)), "")
	}
	wantError(t, "absent", await(iotest.OneByteReader(strings.NewReader(banner)), []byte("221")), `waiting for "221": connection closed early`)
}

func TestCancelEndsAProbe(t *testing.T) {
	at := serve(t, silent)
	target := Target{Check: Check{Type: "tcp", Port: at.Port(), Expect: "never", Timeout: time.Minute}, Addr: at.Addr()}
	whole := target.complete()
	p := (&compiler{newNetwork(Options{}), map[Check]*answer{}}).probe(&whole)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p(ctx) }()
	cancel()
	select {
	case err := <-done:
		if err == nil {
			t.Error("no error")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the probe goes on")
	}
}

// TestCancelEndsAConnect has a server whose queue of connections is full.
func TestCancelEndsAConnect(t *testing.T) {
	at := deaf(t)
	target := Target{Check: Check{Type: "tcp", Port: at.Port(), Timeout: time.Minute}, Addr: at.Addr()}.complete()
	p := (&compiler{newNetwork(Options{}), map[Check]*answer{}}).probe(&target)
	s := &span{deadline: time.Now().Add(time.Minute)}
	time.AfterFunc(50*time.Millisecond, s.cancel)
	start := time.Now()
	if err := p(s); err == nil || time.Since(start) > 10*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}
