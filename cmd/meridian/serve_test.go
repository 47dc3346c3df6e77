package main

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/miekg/dns"
)

func TestServeAnswers(t *testing.T) {
	h := newHome(t)
	h.serve()
	for _, network := range []string{"udp", "tcp"} {
		for _, c := range []struct {
			name, subnet, want string
			qtype              uint16
		}{
			{"www.example.com", "81.2.69.0/24", "203.0.113.10", dns.TypeA},
			{"www.example.com", "8.8.8.0/24", "198.51.100.10", dns.TypeA},
			{"www.example.com", "8.8.8.0/24", "NOERROR", dns.TypeAAAA},
			{"ny.example.com", "81.2.69.0/24", "198.51.100.10", dns.TypeA},
			{"text.example.com", "", `"hello"`, dns.TypeTXT},
			{"none.example.com", "", "NXDOMAIN", dns.TypeA},
			{"example.org", "", "REFUSED", dns.TypeA},
		} {
			if got := h.ask(network, c.name, c.qtype, c.subnet); got != c.want {
				t.Errorf("%s over %s for %q: %s, want %s", c.name, network, c.subnet, got, c.want)
			}
		}
	}
}

func TestServeFollowsZoneFiles(t *testing.T) {
	h := newHome(t)
	p := h.serve()
	h.replace("zones/example.com.zone", "hostmaster 1 ", "hostmaster 2 ")
	h.replace("zones/example.com.zone", `"hello"`, `"edited"`)
	h.becomes("text.example.com", dns.TypeTXT, "", `"edited"`)

	at := p.mark()
	h.replace("zones/example.com.zone", `"edited"`, `"unfinished`)
	p.find(at, "zones/example.com.zone:7")
	if got := h.ask("udp", "text.example.com", dns.TypeTXT, ""); got != `"edited"` {
		t.Errorf("after a broken edit: %s, want the version before it", got)
	}

	h.write("zones/example.org.zone", goodZone)
	h.becomes("text.example.org", dns.TypeTXT, "", `"hello"`)
}

func TestServeStartsWithABrokenZone(t *testing.T) {
	h := newHome(t)
	h.write("zones/example.org.zone", "@ IN SOA broken\n")
	p := h.serve()
	p.find(0, "zones/example.org.zone:1")
	p.find(0, "serving 1 zone (1 failed) on "+h.listen.String())
	if got := h.ask("udp", "www.example.org", dns.TypeA, ""); got != "SERVFAIL" {
		t.Errorf("the broken zone: %s, want SERVFAIL", got)
	}
	if got := h.ask("udp", "text.example.com", dns.TypeTXT, ""); got != `"hello"` {
		t.Errorf("the good zone: %s", got)
	}
}

func TestReload(t *testing.T) {
	h := newHome(t)
	p := h.serve()
	h.becomes("www.example.com", dns.TypeA, "81.2.69.0/24", "203.0.113.10")

	at := p.mark()
	h.replace("meridian.toml", "203.0.113.10", "203.0.113.20")
	p.signal(syscall.SIGHUP)
	p.find(at, "reloaded: ")
	if got := h.ask("udp", "www.example.com", dns.TypeA, "81.2.69.0/24"); got != "203.0.113.20" {
		t.Errorf("after a reload: %s", got)
	}
}

// TestReloadRefused reloads bad configurations. Each is refused as a whole, with its error, and nothing changes.
func TestReloadRefused(t *testing.T) {
	h := newHome(t)
	busy, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	good := h.config("")
	p := h.serve()
	for _, c := range []struct{ name, old, new, want string }{
		{"syntax", "workers = 1", "workers =", "meridian.toml:4: "},
		{"unknown key", "workers = 1", "worker = 1", "meridian.toml:4: worker"},
		{"unknown city", `"Paris"`, `"Pariss"`, "meridian.toml:8: servers.fr.at: "},
		{"geo file", "city.mmdb", "none.mmdb", "none.mmdb"},
		{"a zone names the pool", "[pools.web]", "[pools.webb]", "zones/example.com.zone:5"},
		{"address in use", fmt.Sprintf("[%q]", h.listen), fmt.Sprintf("[%q]", busy.Addr()), "already in use"},
	} {
		at := p.mark()
		h.write("meridian.toml", strings.Replace(good, c.old, c.new, 1))
		p.signal(syscall.SIGHUP)
		p.find(at, "reload refused")
		p.find(at, c.want)
		if got := h.ask("udp", "www.example.com", dns.TypeA, "81.2.69.0/24"); got != "203.0.113.10" {
			t.Errorf("%s: after a refused reload: %s", c.name, got)
		}
	}
	h.write("meridian.toml", good)
	at := p.mark()
	p.signal(syscall.SIGHUP)
	p.find(at, "reloaded: ")
}

func TestReloadMovesListeners(t *testing.T) {
	h := newHome(t)
	p := h.serve()
	before, after := h.listen, freeAddr(t)
	h.replace("meridian.toml", before.String(), after.String())
	at := p.mark()
	p.signal(syscall.SIGHUP)
	p.find(at, "reloaded: ")
	h.listen = after
	if got := h.ask("tcp", "text.example.com", dns.TypeTXT, ""); got != `"hello"` {
		t.Errorf("on the new address: %s", got)
	}
	if c, err := net.Dial("tcp4", before.String()); err == nil {
		c.Close()
		t.Error("the old address still takes connections")
	}
}

func TestReloadForgetsZones(t *testing.T) {
	h := newHome(t)
	h.write("zones/example.org.zone", goodZone)
	p := h.serve()
	if err := os.Remove(h.path("zones/example.org.zone")); err != nil {
		t.Fatal(err)
	}
	p.find(0, "zones/example.org.zone") // the alarm
	if got := h.ask("udp", "text.example.org", dns.TypeTXT, ""); got != `"hello"` {
		t.Errorf("a zone whose file is gone: %s, want it served until a reload", got)
	}
	at := p.mark()
	p.signal(syscall.SIGHUP)
	p.find(at, "reloaded: ")
	if got := h.ask("udp", "text.example.org", dns.TypeTXT, ""); got != "REFUSED" {
		t.Errorf("after a reload: %s, want REFUSED", got)
	}
}

func TestStop(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(s.String(), func(t *testing.T) {
			h := newHome(t)
			p := h.serve()
			p.signal(s)
			if code := p.exit(); code != 0 {
				t.Errorf("exit code %d:\n%s", code, p.output())
			}
			if _, err := os.Stat(h.path("state/control.sock")); err == nil {
				t.Error("the control socket is left behind")
			}
		})
	}
}

func TestSecondServeIsRefused(t *testing.T) {
	h := newHome(t)
	p := h.serve()
	out, code := h.meridian("serve", "--config", "meridian.toml")
	if want := fmt.Sprintf("pid %d", p.cmd.Process.Pid); code != 1 || !strings.Contains(out, want) {
		t.Errorf("exit code %d, output without %q:\n%s", code, want, out)
	}
}

func TestServeAfterAKill(t *testing.T) {
	h := newHome(t)
	p := h.serve()
	secret, err := os.ReadFile(h.path("state/cookie.secret"))
	if err != nil || len(secret) != 33 {
		t.Fatalf("cookie secret %q, %v", secret, err)
	}
	p.signal(syscall.SIGKILL)
	p.exit()
	h.serve()
	if got := h.ask("udp", "text.example.com", dns.TypeTXT, ""); got != `"hello"` {
		t.Errorf("after a kill and a new start: %s", got)
	}
	if again, _ := os.ReadFile(h.path("state/cookie.secret")); string(again) != string(secret) {
		t.Error("the cookie secret did not survive")
	}
}

func TestServeErrors(t *testing.T) {
	busy, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	for _, c := range []struct {
		name, old, new string
		want           []string
	}{
		{"address in use", "listen = [\"%s\"]", fmt.Sprintf("listen = [%q]", busy.LocalAddr()), []string{"already in use", "pid"}},
		{"state folder", `state = "state"`, `state = "meridian.toml/state"`, []string{"state folder", "not a directory"}},
		{"zones folder", `zones = "zones"`, `zones = "none"`, []string{"zones folder"}},
		{"geo file", "city.mmdb", "none.mmdb", []string{"none.mmdb"}},
		{"cookie secret", "", "", []string{"cookie.secret", "32 hexadecimal digits"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHome(t)
			if c.old == "" {
				h.write("state/cookie.secret", "short")
			} else {
				h.replace("meridian.toml", strings.Replace(c.old, "%s", h.listen.String(), 1), c.new)
			}
			out, code := h.meridian("serve", "--config", "meridian.toml")
			if code != 1 {
				t.Errorf("exit code %d", code)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in:\n%s", want, out)
				}
			}
		})
	}
}
