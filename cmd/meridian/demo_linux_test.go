package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal makes a pseudo-terminal of 100 by 45 and returns both its ends.
func openTerminal(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { ours.Close() })
	fd := int(ours.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 45, Col: 100})
	}
	if err != nil {
		t.Fatal(err)
	}
	theirs, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return ours, theirs
}

// TestDemoOnScreen presses keys and reads the screen.
func TestDemoOnScreen(t *testing.T) {
	h := newHome(t)
	ours, theirs := openTerminal(t)
	before, err := unix.IoctlGetTermios(int(theirs.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(program, "demo"), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), "TMPDIR="+h.dir, "TERM=xterm-256color")
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = theirs, theirs, theirs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	go p.watch(ours)
	for _, want := range []string{"Meridian demo", "three small web servers", "The world", "dig @127.0.0.1 -p", "→ europe"} {
		p.find(0, want)
	}
	press := func(key, want string) {
		t.Helper()
		at := p.mark()
		if _, err := ours.WriteString(key); err != nil {
			t.Fatal(err)
		}
		p.find(at, want)
	}
	press("1", "europe is down: connection refused")
	press("1", "europe is up again")
	press("?", "What you see")
	press("?", "dig @127.0.0.1 -p")
	press("\x1b[Aq", "\x1b[?1049l") // what an arrow sends is no key of ours
	h.demoEnded(p)
	if after, err := unix.IoctlGetTermios(int(theirs.Fd()), unix.TCGETS); err != nil || *after != *before {
		t.Errorf("the terminal is not as it was: %v", err)
	}
	theirs.Close()
}

// watch collects what is written to a screen.
func (p *process) watch(screen *os.File) {
	defer close(p.ended)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.cmd.Wait() // the state says how it went
	}()
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := screen.Read(buf)
			if err != nil {
				return
			}
			p.mu.Lock()
			p.lines = []string{strings.Join(p.lines, "") + string(buf[:n])}
			p.mu.Unlock()
		}
	}()
	<-done
}
