package main

import (
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

// newWatchedHome makes a home whose two servers are probed ten times a second, and those servers.
func newWatchedHome(t *testing.T) (h *home, stop [2]func(), start func(i int)) {
	t.Helper()
	h = newHome(t)
	ips := [2]string{"127.0.11.1", "127.0.11.2"}
	first, port := backend(t, ips[0], 0)
	second, _ := backend(t, ips[1], port)
	stop = [2]func(){first.Close, second.Close}
	start = func(i int) { backend(t, ips[i], port) }
	h.replace("meridian.toml", "198.51.100.10", ips[0])
	h.replace("meridian.toml", "203.0.113.10", ips[1])
	h.replace("meridian.toml", "[pools.web]", fmt.Sprintf(`[checks.fast]
type = "http"
port = %d
interval = "100ms"
timeout = "2s"
rise = 2
fall = 2
[pools.web]
check = "fast"`, port))
	return h, stop, start
}

func TestHealthMovesAnswers(t *testing.T) {
	h, stop, start := newWatchedHome(t)
	p := h.serve()
	p.find(0, "2 of 2 targets up")
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "127.0.11.2")
	stop[1]()
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "127.0.11.1")

	// A reload carries the states over: a server that is down does not come back for it.
	at := p.mark()
	h.replace("meridian.toml", "rise = 2", "rise = 1")
	p.signal(syscall.SIGHUP)
	p.find(at, "1 of 2 targets up")
	if got := h.ask("udp", "www.example.com", dns.TypeA, "81.2.69.0/24"); got != "127.0.11.1" {
		t.Errorf("after a reload: %s", got)
	}
	out, _ := h.meridian("explain", "www.example.com", "--config", "meridian.toml", "--client", "81.2.69.0/24")
	if !strings.Contains(out, "127.0.11.2 down") {
		t.Errorf("the explanation does not tell that the server is down:\n%s", out)
	}
	start(1)
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "127.0.11.2")
}

// TestFirstRoundComesFirst starts with a server down: the first answer knows.
func TestFirstRoundComesFirst(t *testing.T) {
	h, stop, _ := newWatchedHome(t)
	stop[1]()
	p := h.serve()
	p.find(0, "1 of 2 targets up")
	if got := h.ask("udp", "www.example.com", dns.TypeA, "81.2.69.0/24"); got != "127.0.11.1" {
		t.Errorf("the first answer: %s", got)
	}
}

func TestExplainOverDNS(t *testing.T) {
	h := newHome(t)
	h.serve()
	dig, err := exec.LookPath("dig")
	if err != nil {
		t.Skip("dig is not installed")
	}
	out, err := exec.Command(dig, "@127.0.0.1", "-p", fmt.Sprint(h.listen.Port()),
		"www.example.com", "CH", "TXT", "+subnet=81.2.69.0/24", "+short").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "fr") || !strings.Contains(string(out), "203.0.113.10") {
		t.Errorf("dig: %v\n%s", err, out)
	}
}
