package trial

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/proc"
)

const (
	healthInterval = time.Second
	healthTime     = 10 * time.Second
	healthSettle   = 4 * time.Second // the first round, and the second, which spreads the targets
)

// healthChecks are the checks measured: what they are called, what they are in the configuration, and the cores goal.
var healthChecks = []struct{ name, config string }{
	{"tcp", `type = "tcp"`},
	{"http", `type = "http"`},
	{"http kept", "type = \"http\"\nkeepalive = true"},
}

// CoresMetric names the figure of a check.
func CoresMetric(check string) string { return "cores for " + check }

// LateMetric names the figure of a check.
func LateMetric(check string) string { return "latest " + check + " probe" }

// health probes ten thousand servers once a second and reads what that costs the nameserver, and by how much a probe
// was late: seen from the servers, as the time between the end of a probe, which is the connection or the answer, and
// the next one. Their own delays are in it.
func health(r *Rig, t *Trial) error {
	targets := 10_000
	if r.Quick {
		targets = 200
	}
	t.note("%d servers, a probe of each every second, no jitter; the nameserver on a processor of its own, the servers on the other", targets)
	return r.repeat(t, min(r.Rounds, 5), nil, func(int) error {
		for _, c := range healthChecks {
			if err := r.healthOnce(t, c.name, c.config, targets); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		return nil
	})
}

func (r *Rig) healthOnce(t *Trial, name, check string, targets int) error {
	probed, err := newProbed(targets)
	if err != nil {
		return err
	}
	defer probed.close()
	p := peer.Meridian.With(func(dir, _ string) (string, error) {
		zone := "$TTL 60\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\nwww IN GEO p0\n"
		return healthConfig(check, probed.port, targets), os.WriteFile(filepath.Join(dir, "zones", peer.GeoZone+".zone"), []byte(zone), 0o644)
	})
	s, err := p.Start(r.folder(t.Name), ServerCore, peer.Workload{Kind: peer.Geo, Data: r.Data, Binary: r.Binary}, time.Minute)
	if err != nil {
		return err
	}
	defer s.Stop()
	time.Sleep(healthSettle)
	probed.reset()
	before, err := proc.CPU(s.PID())
	if err != nil {
		return err
	}
	start := time.Now()
	time.Sleep(healthTime)
	took, probes, latest, tail := time.Since(start), probed.n.Load(), probed.latest(), probed.percentile(99.9)
	after, err := proc.CPU(s.PID())
	if err != nil {
		return err
	}
	cores := (after - before).Seconds() / took.Seconds()
	t.add(peer.Meridian.Name, CoresMetric(name), "cores", cores)
	t.add(peer.Meridian.Name, "CPU per "+name+" probe", "us", 1e6*(after-before).Seconds()/float64(probes))
	t.add(peer.Meridian.Name, name+" probes", "/s", float64(probes)/took.Seconds())
	t.add(peer.Meridian.Name, LateMetric(name), "ms", 1e3*latest.Seconds())
	t.add(peer.Meridian.Name, "99.9 % of "+name+" probes late by less than", "ms", 1e3*tail.Seconds())
	return nil
}

// healthConfig has a hundred servers in each pool.
func healthConfig(check string, port, targets int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[checks.c]\n%s\nport = %d\ninterval = %q\njitter = 0\n[servers]\n", check, port, healthInterval)
	for i := range targets {
		fmt.Fprintf(&b, "s%d = { ip = %q }\n", i, probedAddr(i))
	}
	for from := 0; from < targets; from += 100 {
		fmt.Fprintf(&b, "[pools.p%d]\ncheck = \"c\"\norder = \"together\"\nservers = [", from/100)
		for i := from; i < min(from+100, targets); i++ {
			fmt.Fprintf(&b, "\"s%d\",", i)
		}
		b.WriteString("]\n")
	}
	return b.String()
}

func probedAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}) }

// probed are many servers, each an address of loopback, behind one socket that listens on loopback alone.
type probed struct {
	listener net.Listener
	port     int
	n        atomic.Int64

	mu    sync.Mutex // guards what follows
	last  []time.Time
	late  []time.Duration
	conns map[net.Conn]bool
}

func newProbed(targets int) (*probed, error) {
	loopback := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if bad := c.Control(func(fd uintptr) { err = unix.BindToDevice(int(fd), "lo") }); bad != nil {
			return bad
		}
		return err
	}}
	l, err := loopback.Listen(context.Background(), "tcp4", "0.0.0.0:0")
	if err != nil {
		return nil, err
	}
	p := &probed{listener: l, port: l.Addr().(*net.TCPAddr).Port, last: make([]time.Time, targets), conns: map[net.Conn]bool{}}
	go p.accept()
	return p, nil
}

func (p *probed) accept() {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.conns[c] = true
		p.mu.Unlock()
		a := c.LocalAddr().(*net.TCPAddr).AddrPort().Addr().As4()
		go p.serve(c, int(a[2])<<8+int(a[3]))
	}
}

// serve answers requests until the client goes, and notes when they or the connection came.
func (p *probed) serve(c net.Conn, i int) {
	defer func() {
		c.Close()
		p.mu.Lock()
		delete(p.conns, c)
		p.mu.Unlock()
	}()
	p.came(i)
	in := bufio.NewReaderSize(c, 512)
	for first := true; ; first = false {
		for line := "-"; line != "\r\n"; {
			var err error
			if line, err = in.ReadString('\n'); err != nil {
				return
			}
		}
		if !first {
			p.came(i)
		}
		if _, err := c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n")); err != nil {
			return
		}
		p.answered(i)
	}
}

// answered is when a probe ends, from which the next interval runs.
func (p *probed) answered(i int) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last[i] = now
}

func (p *probed) came(i int) {
	now := time.Now()
	p.n.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if before := p.last[i]; !before.IsZero() {
		p.late = append(p.late, now.Sub(before)-healthInterval)
	}
	p.last[i] = now
}

// reset forgets what was seen so far, but not when.
func (p *probed) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late = p.late[:0]
	p.n.Store(0)
}

func (p *probed) latest() time.Duration { return p.percentile(100) }

func (p *probed) percentile(of float64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.late) == 0 {
		return 0
	}
	slices.Sort(p.late)
	return p.late[min(len(p.late)-1, int(of/100*float64(len(p.late))))]
}

func (p *probed) close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}
