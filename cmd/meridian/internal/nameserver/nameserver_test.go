package nameserver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/internal/testport"
	"github.com/meridian-dns/meridian/resolver"
)

// home is a folder with a configuration and a zone.
type home struct {
	t      *testing.T
	dir    string
	listen string
	probed int // port of the health check
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{t: t, dir: t.TempDir(), listen: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	h.write("zones/example.com.zone", zoneOf(1))
	h.write("city.mmdb", smallWorld(t))
	return h
}

func freePort(t *testing.T) int {
	t.Helper()
	return testport.Port(t)
}

// smallWorld is a database that is read in no time.
func smallWorld(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../../testdata/geo/maxmind-city.mmdb")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func zoneOf(serial int) string {
	return fmt.Sprintf("$TTL 60\n@ IN SOA ns1 h %d 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 192.0.2.53\n"+
		"www IN GEO web\ntext IN TXT \"%d\"\n", serial, serial)
}

// configOf is a configuration whose only server has this address.
func (h *home) configOf(addr string) string {
	return fmt.Sprintf("listen = [%q]\nworkers = 1\nstate = \"state\"\ngeo.city = \"city.mmdb\"\n"+
		"[servers]\none = { ip = [%q] }\n"+
		"[checks.c]\ntype = \"http\"\nport = %d\ninterval = \"100ms\"\nrise = 1\nfall = 1\n"+
		"[pools.web]\ncheck = \"c\"\n", h.listen, addr, max(1, h.probed))
}

func (h *home) write(name, text string) {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	old := time.Now().Add(-time.Hour)
	for _, err := range []error{
		os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path+"~", []byte(text), 0o644),
		os.Chtimes(path+"~", old, old), os.Rename(path+"~", path),
	} {
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

// run starts the nameserver until the end of the test.
func (h *home) run() *Nameserver {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	n, err := Start(ctx, Options{Config: filepath.Join(h.dir, "meridian.toml"), Log: zap.NewNop()})
	if err != nil {
		h.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	h.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			h.t.Errorf("run: %v", err)
		}
	})
	return n
}

// asker asks views directly.
type asker struct {
	scratch resolver.Scratch
	out     [1232]byte
}

// ask returns the text of the first answer record's data, or the RCODE.
func (a *asker) ask(v *resolver.View, name string, qtype uint16) string {
	q := new(dns.Msg)
	q.SetQuestion(name, qtype)
	wire, err := q.Pack()
	if err != nil {
		return err.Error()
	}
	n := v.Answer(a.out[:], &resolver.Request{Msg: wire, Client: netip.MustParseAddrPort("192.0.2.1:53")}, &a.scratch)
	m := new(dns.Msg)
	if err := m.Unpack(a.out[:n]); err != nil {
		return err.Error()
	}
	if len(m.Answer) == 0 {
		return dns.RcodeToString[m.Rcode]
	}
	return strings.TrimPrefix(m.Answer[0].String(), m.Answer[0].Header().String())
}

// TestViewsFollowEachOther reads while configurations, zones and health change: every answer is one that some
// generation gives, and none comes back that a newer one has replaced.
func TestViewsFollowEachOther(t *testing.T) {
	h := newHome(t)
	stop := flapping(t, h)
	h.write("meridian.toml", h.configOf("127.0.9.1"))
	n := h.run()
	var done atomic.Bool
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			var a asker
			config, zone := 0, 0
			for !done.Load() {
				v := n.View()
				config = newer(t, a.ask(v, "www.example.com.", dns.TypeA), "127.0.9.%d", config)
				zone = newer(t, a.ask(v, "text.example.com.", dns.TypeTXT), `"%d"`, zone)
			}
		})
	}
	for i := 2; i <= 20; i++ {
		h.write("zones/example.com.zone", zoneOf(i))
		h.write("meridian.toml", h.configOf(fmt.Sprintf("127.0.9.%d", i)))
		if err := n.Reload(context.Background()); err != nil {
			t.Fatal(err)
		}
		var a asker
		if got, want := a.ask(n.View(), "www.example.com.", dns.TypeA), fmt.Sprintf("127.0.9.%d", i); got != want {
			t.Errorf("after reload %d: %s", i, got)
		}
	}
	// The last edit may have been under way already when it was reloaded.
	var a asker
	for end := time.Now().Add(time.Minute); a.ask(n.View(), "text.example.com.", dns.TypeTXT) != `"20"`; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the zone stayed at %s", a.ask(n.View(), "text.example.com.", dns.TypeTXT))
		}
	}
	done.Store(true)
	readers.Wait()
	stop()
	if n.Status().Generation < 20 {
		t.Errorf("only %d generations", n.Status().Generation)
	}
}

// newer reads the generation an answer is of and holds that it is not older than the last one.
func newer(t *testing.T, got, form string, last int) int {
	var is int
	if _, err := fmt.Sscanf(got, form, &is); err != nil || is < last {
		t.Errorf("answer %s after generation %d", got, last)
		return last
	}
	return is
}

// flapping is a web server on 127.0.9.1 to 127.0.9.20 that is healthy every other time.
func flapping(t *testing.T, h *home) (stop func()) {
	t.Helper()
	var count atomic.Int64
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if count.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})}
	h.probed = freePort(t)
	for i := 1; i <= 20; i++ {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.9.%d:%d", i, h.probed))
		if err != nil {
			t.Skipf("this system has no 127.0.9.%d, or its port %d is taken: %v", i, h.probed, err)
		}
		go s.Serve(l)
	}
	return func() { s.Close() }
}

// TestReloadThatFailsChangesNothing holds the promise for each step that may fail.
func TestReloadThatFailsChangesNothing(t *testing.T) {
	h := newHome(t)
	busy, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	good := h.configOf("127.0.9.1")
	h.write("meridian.toml", good)
	n := h.run()
	plan, targets := n.Plan(), n.Health().Targets
	for _, c := range []struct{ name, old, new string }{
		{"configuration", "[pools.web]", "[pools.web]\nnonesuch = 1"},
		{"city", "ip = [", "at = \"Atlantis\", ip = ["},
		{"pool that a zone names", "[pools.web]", "[pools.other]"},
		{"listener", h.listen, busy.Addr().String()},
	} {
		h.write("meridian.toml", strings.Replace(good, c.old, c.new, 1))
		if err := n.Reload(context.Background()); err == nil {
			t.Errorf("%s: the reload went well", c.name)
		}
		if n.Plan() != plan || &n.Health().Targets[0] != &targets[0] {
			t.Errorf("%s: there is another plan", c.name)
		}
		var a asker
		if got := a.ask(n.View(), "www.example.com.", dns.TypeA); got != "127.0.9.1" {
			t.Errorf("%s: answer %s", c.name, got)
		}
	}
	h.write("zones/example.com.zone", strings.Replace(zoneOf(2), "GEO web", "GEO web/one", 1))
	h.write("meridian.toml", good)
	if err := n.Reload(context.Background()); err != nil {
		t.Errorf("a good reload after bad ones: %v", err)
	}
}

// TestPoolAndZoneArriveTogether adds a pool and a zone that names it in one reload.
func TestPoolAndZoneArriveTogether(t *testing.T) {
	h := newHome(t)
	h.write("meridian.toml", h.configOf("127.0.9.1"))
	n := h.run()
	h.write("meridian.toml", h.configOf("127.0.9.1")+"[pools.new]\n")
	h.write("zones/example.org.zone", strings.Replace(zoneOf(1), "GEO web", "GEO new", 1))
	if err := n.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	var a asker
	if got := a.ask(n.View(), "www.example.org.", dns.TypeA); got != "127.0.9.1" {
		t.Errorf("answer %s; problems: %v", got, n.Status().Problems)
	}
}

func TestStartNeedsAShortStatePath(t *testing.T) {
	h := newHome(t)
	h.write("meridian.toml", strings.Replace(h.configOf("127.0.9.1"), `"state"`, `"`+strings.Repeat("long", 30)+`"`, 1))
	_, err := Start(context.Background(), Options{Config: filepath.Join(h.dir, "meridian.toml"), Log: zap.NewNop()})
	if err == nil || !strings.Contains(err.Error(), "too long for a socket") {
		t.Errorf("%v", err)
	}
}
