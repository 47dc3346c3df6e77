package main

import (
	"bufio"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// process is a program that runs, with what it has written so far.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Writer
	ended chan struct{}

	mu    sync.Mutex // guards lines
	lines []string
}

// start runs a command that does not end by itself. It is killed at the end of the test.
func (h *home) start(args ...string) *process {
	h.t.Helper()
	p := &process{t: h.t, cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.cmd.Dir = h.dir
	out, in, err := os.Pipe()
	if err != nil {
		h.t.Fatal(err)
	}
	p.cmd.Stdout, p.cmd.Stderr = in, in
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		h.t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	in.Close()
	go p.read(out)
	h.t.Cleanup(p.kill)
	return p
}

func (p *process) read(out io.ReadCloser) {
	defer close(p.ended)
	defer out.Close()
	for s := bufio.NewScanner(out); s.Scan(); {
		p.mu.Lock()
		p.lines = append(p.lines, s.Text())
		p.mu.Unlock()
	}
	_ = p.cmd.Wait() // the state says how it went
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// output is everything written so far.
func (p *process) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.lines, "\n")
}

// mark is a place in the output; find looks behind it.
func (p *process) mark() int { return len(p.output()) }

// find waits for a text in the output behind a mark.
func (p *process) find(from int, text string) {
	p.t.Helper()
	if !eventually(func() bool { return strings.Contains(p.output()[from:], text) }) {
		p.t.Fatalf("waited for %q in:\n%s", text, p.output()[from:])
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits for the end and returns the exit code, -1 for an end by a signal.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("still running:\n%s", p.output())
	}
	return 0
}

// eventually tries until it is so, or patience ends.
func eventually(so func() bool) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if so() {
			return true
		}
	}
	return so()
}

// serve runs the nameserver and waits until it serves.
func (h *home) serve() *process {
	h.t.Helper()
	p := h.start("serve", "--config", "meridian.toml")
	p.find(0, "serving ")
	return p
}

// query asks one question, with a client subnet if that is not "".
func (h *home) query(network, name string, qtype uint16, subnet string) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), qtype)
	if subnet != "" {
		p := netip.MustParsePrefix(subnet)
		m.SetEdns0(1232, false)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(p.Bits()), Address: net.IP(p.Addr().AsSlice()),
		})
	}
	c := &dns.Client{Net: network, Timeout: 5 * time.Second}
	r, _, err := c.Exchange(m, h.listen.String())
	return r, err
}

// ask returns the RDATA of the answer, or its RCODE if there is none.
func (h *home) ask(network, name string, qtype uint16, subnet string) string {
	h.t.Helper()
	r, err := h.query(network, name, qtype, subnet)
	if err != nil {
		return err.Error()
	}
	var words []string
	for _, rr := range r.Answer {
		words = append(words, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	if len(words) == 0 {
		return dns.RcodeToString[r.Rcode]
	}
	return strings.Join(words, " ")
}

// becomes waits until the answer over UDP is as wanted.
func (h *home) becomes(name string, qtype uint16, subnet, want string) {
	h.t.Helper()
	got := ""
	if !eventually(func() bool { got = h.ask("udp", name, qtype, subnet); return got == want }) {
		h.t.Fatalf("%s %s for %q: %s, want %s", name, dns.TypeToString[qtype], subnet, got, want)
	}
}
