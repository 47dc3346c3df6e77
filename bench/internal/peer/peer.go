// Package peer configures and starts the nameservers that are compared, as equal as each can be made.
//
// A Running server belongs to one goroutine. The writers of configurations are safe for concurrent use on different
// folders.
package peer

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/proc"
	"github.com/meridian-dns/meridian/bench/internal/queries"
)

// Kind says what a peer is to serve.
type Kind int

// The workloads: a geo name over the city database; a zone of many records; many small zones; the geo name in a signed
// zone.
const (
	Geo Kind = iota
	Static
	Many
	Signed
)

// GeoName is the name steered by place, in GeoZone; StaticZone is the zone of many hosts.
const (
	GeoZone    = "geo.bench"
	GeoName    = "www." + GeoZone
	StaticZone = "big.bench"
)

// Workload is what a peer is to serve and from which files.
type Workload struct {
	Kind   Kind
	Data   string // folder of the city databases
	Zone   string // Static: the zone's file
	Zones  string // Many: the folder of the zone files, NAME.zone
	Names  []string
	Binary string // of Meridian
	Sign   bool   // Static: the server signs the zone, with ECDSAP256SHA256, one key and NSEC
	NSEC3  bool   // with NSEC3 instead; Meridian alone
	Buffer bool   // gdnsd takes the largest receive buffer that it can be given, not the system's default
}

// Query asks for the address of a host of the Static zone; if that is signed, for the signature too.
func (w Workload) Query(host int) ([]byte, error) {
	name := queries.Label(host) + "." + StaticZone
	if w.Sign {
		return queries.Signed(name)
	}
	return queries.A(name, netip.Prefix{})
}

// Good tells whether b answers a Query.
func (w Workload) Good(b []byte) bool {
	const address, signature = 1, 2
	want := address
	if w.Sign {
		want = signature
	}
	return len(b) > 12 && b[3]&15 == 0 && b[6] == 0 && int(b[7]) >= want
}

// probe is the query whose good answer shows that the server is ready.
func (w Workload) probe() ([]byte, error) {
	switch w.Kind {
	case Static:
		return w.Query(0)
	case Many:
		return queries.A(queries.Label(0)+"."+w.Names[len(w.Names)-1], netip.Prefix{})
	}
	return queries.A(GeoName, netip.MustParsePrefix("81.2.69.0/24"))
}

// Peer is a nameserver that can be measured.
type Peer struct {
	Name    string
	Package string // Debian's; empty for Meridian
	Data    string // which city database it steers by, and how
	config  func(dir string, port int, w Workload) (command []string, err error)
}

// The peers, by the names of their programs.
var (
	Meridian = Peer{"meridian", "", "flat DB-IP, IPv4 and IPv6: nearest of 8 by coordinates", meridian}
	Gdnsd    = Peer{"gdnsd", "gdnsd", "IPv4 converted: nearest of 8 by coordinates, first 3 ranked (its default)", gdnsd}
	Knot     = Peer{"knot", "knot", "IPv4 converted: one server per country", knot}
	PowerDNS = Peer{"pdns", "pdns-server", "IPv4 converted: one server per country", powerdns}
	NSD      = Peer{"nsd", "nsd", "", nsd}

	// Uncounted is Meridian made without counters, Logged is Meridian with a query log of one answer in a hundred.
	Uncounted = Peer{"meridian-uncounted", "", Meridian.Data, uncounted}
	Logged    = Peer{"meridian-logged", "", Meridian.Data, logged}

	// Unsigned is Meridian with the zone of Signed as it is in Geo.
	Unsigned = Peer{"meridian-unsigned", "", Meridian.Data, unsigned}
)

// Packages are those of Debian that the bench needs.
var Packages = []string{"gdnsd", "knot", "knot-module-geoip", "nsd", "pdns-server", "pdns-backend-geoip", "dnsperf"}

// Running is a started server.
type Running struct {
	Peer
	*proc.Process
	Addr  netip.AddrPort
	Ready time.Duration // from the start to the first good answer
}

// Start configures the peer in a folder and starts it on a processor; it returns when the peer answers.
func (p Peer) Start(dir string, core int, w Workload, patience time.Duration) (*Running, error) {
	probe, err := w.probe()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, p.Name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	command, err := p.config(dir, port, w)
	if err != nil {
		return nil, fmt.Errorf("configure %s: %w", p.Name, err)
	}
	begin := time.Now()
	process, err := proc.Start(core, command[0], command[1:]...)
	if err != nil {
		return nil, err
	}
	r := &Running{p, process, netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)), 0}
	if err := r.await(w, probe, patience); err != nil {
		process.Stop()
		return nil, err
	}
	r.Ready = time.Since(begin)
	return r, nil
}

// await asks until a good answer comes.
func (r *Running) await(w Workload, probe []byte, patience time.Duration) error {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if err := r.Ended(); err != nil {
			return err
		}
		if b, err := Ask(r.Addr, probe, 20*time.Millisecond); err == nil && w.Good(b) {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
	return fmt.Errorf("%s does not answer within %v: %s", r.Name, patience, r.Output())
}

// Ask sends one query over UDP from a socket of its own and waits for the answer.
func Ask(server netip.AddrPort, query []byte, patience time.Duration) ([]byte, error) {
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	if _, err := c.Write(query); err != nil {
		return nil, err
	}
	b := make([]byte, 4096)
	n, err := c.Read(b)
	return b[:n], err
}

// Cost measures the processor time that the server spends while f runs, and a little longer: answers may lag.
func (r *Running) Cost(f func() error) (time.Duration, error) {
	before, err := proc.CPU(r.PID())
	if err != nil {
		return 0, err
	}
	if err := f(); err != nil {
		return 0, fmt.Errorf("%s: %w", r.Name, err)
	}
	time.Sleep(20 * time.Millisecond)
	after, err := proc.CPU(r.PID())
	return after - before, err
}

// Reload sends SIGHUP.
func (r *Running) Reload() error { return r.Signal(syscall.SIGHUP) }

// freePort finds a port free for UDP and TCP on loopback, below those that the kernel hands out: a client of another
// program must not get it before the server does.
func freePort() (int, error) {
	for range 100 {
		port := 20000 + rand.IntN(10000)
		l, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
		if err != nil {
			continue
		}
		l.Close()
		if c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err == nil {
			c.Close()
			return port, nil
		}
	}
	return 0, errors.New("no port is free for both UDP and TCP")
}
