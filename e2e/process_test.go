package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/internal/testport"
)

// process is a server under test, stopped with the test.
type process struct {
	cmd  *exec.Cmd
	out  *output
	done chan error
}

// output collects what a process prints, for the message of a failed test.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func start(t *testing.T, program string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program, args...), out: &output{}, done: make(chan error, 1)}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	t.Cleanup(func() { p.stop() })
	return p
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-p.done
	}
	p.done <- nil
}

// answering waits until the server answers a query for a name, with RCODE
// NOERROR.
func (p *process) answering(t *testing.T, addr, name string) {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, dns.TypeSOA)
	c := dns.Client{Timeout: 200 * time.Millisecond}
	deadline := time.Now().Add(20 * time.Second)
	for time.Now().Before(deadline) {
		if r, _, err := c.Exchange(m, addr); err == nil && r.Rcode == dns.RcodeSuccess {
			return
		}
		select {
		case err := <-p.done:
			p.done <- err
			t.Fatalf("%s ended: %v\n%s", p.cmd.Path, err, p.out)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("%s does not answer for %s\n%s", p.cmd.Path, name, p.out)
}

// freePort finds a port free for UDP and TCP.
func freePort(t *testing.T) int {
	t.Helper()
	return testport.Port(t)
}

// write makes a file of a test, and its folders.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// peersZones is the folder of the zones that the peers serve too.
const peersZones = "../testdata/peers"

// copyZones copies the zones of a folder into another.
func copyZones(t *testing.T, from, dir string) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, "*.zone"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no zones for the peers: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, filepath.Base(f)), string(text))
		base := filepath.Base(f)
		names = append(names, base[:len(base)-len(".zone")])
	}
	return names
}
