package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"syscall"
	"testing"
)

// TestDemoInLines runs the demo as a pipe does, stops the European server and starts it again.
func TestDemoInLines(t *testing.T) {
	h := newHome(t)
	t.Setenv("TMPDIR", h.dir)
	p := h.start("demo")
	p.find(0, "Meridian demo: a nameserver for example.com on 127.0.0.1:")
	for _, want := range []string{
		`London +81.2.69.0/24 +-> europe`, `California +8.8.8.0/24 +-> america`, `Sydney +1.1.1.0/24 +-> sydney`,
		`dig @127.0.0.1 -p \d+ www.example.com \+subnet=81.2.69.0/24`, `CH TXT`,
		`And in a browser: http://127.0.0.1:\d+/`,
	} {
		p.find(0, "quit")
		if !regexp.MustCompile(want).MatchString(p.output()) {
			t.Errorf("no %q in:\n%s", want, p.output())
		}
	}
	page := regexp.MustCompile(`http://127.0.0.1:\d+/`).FindString(p.output())
	if resp, err := http.Get(page); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the status page, %s: %v, %v", page, resp, err)
	} else {
		resp.Body.Close()
	}
	say := func(text, want string) {
		t.Helper()
		at := p.mark()
		fmt.Fprintln(p.stdin, text)
		p.find(at, want)
	}
	say("stop europe", "London")
	p.find(0, "europe is down: connection refused")
	say("start europe", "London")
	p.find(0, "europe is up again")
	say("stop asia", `"stop asia" is not understood`)
	fmt.Fprintln(p.stdin, "quit")
	h.demoEnded(p)
}

func TestDemoEndsBySignal(t *testing.T) {
	h := newHome(t)
	t.Setenv("TMPDIR", h.dir)
	p := h.start("demo")
	p.find(0, "ctrl-C ends")
	p.signal(syscall.SIGTERM)
	h.demoEnded(p)
}

func TestDemoDuration(t *testing.T) {
	h := newHome(t)
	t.Setenv("TMPDIR", h.dir)
	h.demoEnded(h.start("demo", "--duration", "1ms"))
}

// demoEnded holds that the demo ended well and cleaned up.
func (h *home) demoEnded(p *process) {
	h.t.Helper()
	if code := p.exit(); code != 0 {
		h.t.Errorf("exit code %d:\n%s", code, p.output())
	}
	left, err := filepath.Glob(filepath.Join(h.dir, "meridian-demo-*"))
	if err != nil || len(left) > 0 {
		h.t.Errorf("left behind: %v, %v", left, err)
	}
	if _, err := os.Stat(h.dir); err != nil {
		h.t.Error(err)
	}
}
