package trial

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/geodata"
	"github.com/meridian-dns/meridian/bench/internal/load"
	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/queries"
	"golang.org/x/sys/unix"
)

// What happens while the load runs, and how long that takes in all.
const (
	edits       = 50
	dbReloads   = 5
	transitions = 200
	churnTime   = 60 * time.Second
)

// flapping is a web server on several loopback addresses that answers checks well or badly.
type flapping struct {
	down     atomic.Bool
	switched atomic.Int64
	port     int
	servers  []*http.Server
}

func newFlapping(addresses []string) (*flapping, error) {
	f := &flapping{}
	for _, a := range addresses {
		l, err := net.Listen("tcp4", fmt.Sprintf("%s:%d", a, f.port))
		if err != nil {
			f.close()
			return nil, err
		}
		f.port = l.Addr().(*net.TCPAddr).Port
		s := &http.Server{Handler: f}
		f.servers = append(f.servers, s)
		go s.Serve(l)
	}
	return f, nil
}

func (f *flapping) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if f.down.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

func (f *flapping) close() {
	for _, s := range f.servers {
		s.Close()
	}
}

// run turns health over until the context ends.
func (f *flapping) run(ctx context.Context, every time.Duration) {
	for tick := time.NewTicker(every); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return
		case <-tick.C:
			f.down.Store(!f.down.Load())
			f.switched.Add(1)
		}
	}
}

// churn keeps half the saturation on a Meridian that is changed in every way, and looks for losses and for RRsets that
// hold records of two versions of the zone.
func churn(r *Rig, t *Trial) error {
	set, file, err := r.geoQueries()
	if err != nil {
		return err
	}
	health, err := newFlapping([]string{"127.0.0.2", "127.0.0.3"})
	if err != nil {
		return err
	}
	defer health.close()
	data, err := r.copyOfDatabases()
	if err != nil {
		return err
	}
	dir := ""
	m := peer.Meridian.With(func(d, _ string) (string, error) {
		dir = d
		return churnConfig(data, health.port), putZone(d, 0)
	})
	p, err := m.Start(r.folder(t.Name), ServerCore, r.geoWorkload(), 3*time.Minute)
	if err != nil {
		return err
	}
	defer p.Stop()
	time.Sleep(2 * time.Second)
	rate, err := r.saturation(set, p)
	if err != nil {
		return err
	}
	return r.churnRun(t, &churner{server: p, health: health, dir: dir, data: data}, set, file, rate/2)
}

type churner struct {
	server *peer.Running
	health *flapping
	dir    string
	data   string

	edited, reloaded int // zone edits and databases put in place so far
}

// churnRun has the same changes under the generator of this module, which tells latencies and asks whether answers come
// or not, and under dnsperf.
func (r *Rig) churnRun(t *Trial, c *churner, set *queries.Set, file string, rate float64) error {
	length := churnTime
	if r.Quick {
		length /= 10
	}
	return r.repeat(t, 1, []*peer.Running{c.server}, func(int) error {
		seen, res, err := c.under(length, func() (load.Result, error) { return load.Paced(c.server.Addr, set, rate, length, 1) })
		if err != nil {
			return err
		}
		t.latenciesOf("while changing", res)
		t.add("meridian", "generator away at most while changing", "ms", float64(res.Away)/1e6)
		t.changed("", seen, res)
		seen, res, err = c.under(length, func() (load.Result, error) { return load.DnsperfPaced(c.server.Addr, file, rate, length) })
		if err != nil {
			return err
		}
		t.add("meridian", ChurnLost, "queries", float64(res.Lost()))
		t.add("meridian", "answers, dnsperf", "1/s", res.Rate())
		t.changed(", dnsperf", seen, res)
		return nil
	})
}

// ChurnLost is what dnsperf missed.
const ChurnLost = "lost while changing, dnsperf"

// changed tells what was changed and seen under a load.
func (t *Trial) changed(when string, seen changes, res load.Result) {
	t.add("meridian", "zone edits"+when, "", float64(seen.edits))
	t.add("meridian", "database reloads"+when, "", float64(seen.reloads))
	t.add("meridian", "turns of two servers' health"+when, "", float64(seen.turns))
	t.add("meridian", "answers with an error"+when, "queries", float64(res.Wrong))
	t.add("meridian", "RRsets compared"+when, "", float64(seen.compared))
	t.add("meridian", "answers of mixed versions"+when, "answers", float64(seen.mixed))
}

// under changes everything while a load runs.
func (c *churner) under(length time.Duration, run func() (load.Result, error)) (changes, load.Result, error) {
	ctx, stop := context.WithTimeout(context.Background(), length)
	defer stop()
	done := make(chan changes, 1)
	go func() { done <- c.run(ctx, length) }()
	go c.health.run(ctx, length/transitions)
	res, err := run()
	if err != nil {
		return changes{}, res, err
	}
	seen := <-done
	c.edited, c.reloaded = c.edited+seen.edits, c.reloaded+seen.reloads
	seen.turns = int(c.health.switched.Swap(0))
	return seen, res, seen.err
}

// changes counts what was done and seen.
type changes struct {
	edits, reloads, turns, compared, mixed int

	err error
}

// run edits the zone, puts database files in place, and asks for the RRset of two records of one version in between.
func (c *churner) run(ctx context.Context, length time.Duration) (s changes) {
	query, err := queries.A("pair."+peer.GeoZone, netip.Prefix{})
	if err != nil {
		return changes{err: err}
	}
	begin := time.Now()
	for ; ctx.Err() == nil && s.err == nil; time.Sleep(2 * time.Millisecond) {
		part := time.Since(begin).Seconds() / length.Seconds()
		if s.edits < edits && part > float64(s.edits)/edits {
			s.edits++
			s.err = putZone(c.dir, c.edited+s.edits)
		}
		if s.reloads < dbReloads && part > float64(s.reloads)/dbReloads {
			s.reloads++
			s.err = replace(filepath.Join(c.data, geodata.IPv4), c.reloaded+s.reloads)
		}
		if b, err := peer.Ask(c.server.Addr, query, time.Second); err == nil {
			s.compared++
			if !samePair(b) {
				s.mixed++
			}
		}
	}
	return s
}

// samePair tells whether both addresses of the answer, 10.1.x.y and 10.2.x.y, end alike.
func samePair(answer []byte) bool {
	text := string(answer)
	first, second := strings.Index(text, "\x00\x04\x0a\x01"), strings.Index(text, "\x00\x04\x0a\x02")
	if first < 0 || second < 0 || max(first, second)+6 > len(text) {
		return false
	}
	return text[first+4:first+6] == text[second+4:second+6]
}

func putZone(dir string, version int) error {
	text := fmt.Sprintf(`$TTL 300
@ IN SOA ns1 hostmaster %[1]d 7200 3600 1209600 300
@ IN NS ns1
ns1 IN A 192.0.2.53
www 60 IN GEO web
pair IN A 10.1.0.%[1]d
pair IN A 10.2.0.%[1]d
`, version+1)
	file := filepath.Join(dir, "zones", peer.GeoZone+".zone")
	if err := os.WriteFile(file+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

func churnConfig(data string, port int) string {
	return peer.Databases(data) + fmt.Sprintf(`[servers]
a = { at = [40.7, -74], ip = "127.0.0.2" }
b = { at = [50.1, 8.7], ip = "127.0.0.3" }
c = { at = [1.35, 103.8], ip = "192.0.2.3" }
[checks.web]
port = %d
interval = "100ms"
timeout = "1s"
rise = 1
fall = 1
[pools.web]
servers = ["a", "b"]
check = "web"
`, port)
}

// versions is how many copies of a database there are to be put in place in turn.
const versions = 2

// copyOfDatabases makes a folder whose files can be renamed over, and versions to rename: copying 60 MB while the load runs
// would take the generator's processor from it.
func (r *Rig) copyOfDatabases() (string, error) {
	dir := filepath.Join(r.Dir, "databases")
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for _, name := range []string{geodata.IPv4, geodata.IPv6} {
		text, err := os.ReadFile(filepath.Join(r.Data, name))
		if err != nil {
			return "", err
		}
		names := []string{name}
		if name == geodata.IPv4 {
			for v := range versions {
				names = append(names, version(name, v))
			}
		}
		for _, n := range names {
			if err := os.WriteFile(filepath.Join(dir, n), text, 0o644); err != nil {
				return "", err
			}
		}
	}
	unix.Sync() // writing them out would disturb the load
	return dir, nil
}

func version(file string, n int) string { return fmt.Sprintf("%s.%d", file, n%versions) }

// replace puts the next version of a file in its place, as a downloader would. The version keeps its other name.
func replace(file string, n int) error {
	now := time.Now()
	if err := os.Chtimes(version(file, n), now, now); err != nil {
		return err
	}
	if err := os.Link(version(file, n), file+".new"); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}
