package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// longRuns names the variable by which tests that shorten time shorten it
// less: it is the unit of their timings in seconds, 1 without it.
const longRuns = "MERIDIAN_LONG"

// rolled is a signed parent, two nameservers of its signed children that share
// keys by a copied folder, and a validating resolver that knows the parent's
// key alone.
type rolled struct {
	t      *testing.T
	unit   time.Duration
	parent *host
	child  [2]*host // the first has roll = true
	anchor string

	files sync.RWMutex // of keys: write-locked while all of them are changed behind everybody's back

	mu       sync.Mutex
	resolver string // guarded by mu, as all below; empty while nothing is to be asked
	unbound  *process
	ds       map[string]string // by zone, what the parent has
	unsigned map[string]bool   // zones with dnssec = false
}

// host is one nameserver.
type host struct {
	dir, config, addr string

	mu sync.Mutex
	p  *process // guarded by mu
}

// The zones, each after what happens to it.
var rolledZones = []string{"csk.test", "ksk.test", "zsk.test", "leave.test", "join.test"}

const rolledConfig = `
listen = [%q]
state  = "state"
[servers]
ny = { at = "New York", ip = ["127.0.0.11"] }
fr = { at = [48.86, 2.35], ip = ["127.0.0.12"] }
au = { at = "Sydney, AU", ip = ["127.0.0.13"] }
[pools.web]
`

func newRolled(t *testing.T) *rolled {
	t.Helper()
	need(t, "unbound")
	r := &rolled{t: t, unit: time.Second, ds: map[string]string{}, unsigned: map[string]bool{"join.test": true}}
	if s := os.Getenv(longRuns); s != "" {
		n, err := time.ParseDuration(s + "s")
		if err != nil {
			t.Fatalf("%s: %v", longRuns, err)
		}
		r.unit = n
	}
	r.parent = newHost(t)
	for i := range r.child {
		r.child[i] = newHost(t)
		for _, zone := range rolledZones {
			write(t, filepath.Join(r.child[i].dir, "zones", zone+".zone"), r.zone())
		}
		r.configure(i)
	}
	write(t, r.parent.config, fmt.Sprintf(rolledConfig, r.parent.addr)+"[zone.\"test\"]\ndnssec = true\nserial = \"auto\"\n")
	r.delegate()
	r.parent.keys(t, "init", "test")
	r.anchor = r.parent.keys(t, "ds", "test")
	for _, zone := range rolledZones {
		if zone != "join.test" {
			r.child[0].keys(t, r.first(zone)...)
		}
	}
	r.copyKeys()
	return r
}

func newHost(t *testing.T) *host {
	dir := shortDir(t)
	return &host{dir: dir, config: filepath.Join(dir, "meridian.toml"), addr: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
}

// first is the command that makes a zone's first keys.
func (r *rolled) first(zone string) []string {
	if zone == "ksk.test" || zone == "zsk.test" {
		return []string{"init", zone, "--split"}
	}
	return []string{"init", zone}
}

// zone is the text of every zone below the parent.
func (r *rolled) zone() string {
	return fmt.Sprintf(`$TTL %d
@    IN SOA ns1 hostmaster 1 7200 3600 1209600 %[1]d
@    IN NS  ns1
@    IN NS  ns2
ns1  IN A   127.0.0.1
ns2  IN A   127.0.0.1
text IN TXT "static"
www  IN GEO web
*.w  IN GEO web
`, r.seconds(1))
}

// configure writes a nameserver's configuration. mu is held once the test runs.
func (r *rolled) configure(i int) {
	var b strings.Builder
	fmt.Fprintf(&b, rolledConfig, r.child[i].addr)
	for _, zone := range rolledZones {
		fmt.Fprintf(&b, "[zone.%q]\n", zone)
		if r.unsigned[zone] {
			b.WriteString("dnssec = false\n")
			continue
		}
		lifetime := 1000 * r.unit
		if zone == "zsk.test" {
			lifetime = 8 * r.unit
		}
		fmt.Fprintf(&b, "dnssec = true\nroll = %v\nparent = [%q]\nzsk_lifetime = \"%v\"\nroll_ahead = \"%v\"\npropagation = \"%v\"\n"+
			"dnskey_ttl = \"%v\"\nmax_ttl = \"%v\"\nds_ttl = \"%v\"\n",
			i == 0, r.parent.addr, lifetime, 2*r.unit, r.unit, r.unit, r.unit, r.unit)
	}
	replace(r.t, r.child[i].config, b.String())
}

func (r *rolled) seconds(units int) int { return int(time.Duration(units) * r.unit / time.Second) }

// delegate writes the parent's zone with the DS records that it has. mu is held
// once the test runs.
func (r *rolled) delegate() {
	var b strings.Builder
	fmt.Fprintf(&b, "$TTL %d\n@ IN SOA ns hostmaster 1 7200 3600 1209600 %[1]d\n@ IN NS ns\nns IN A 127.0.0.1\n", r.seconds(1))
	for _, zone := range rolledZones {
		fmt.Fprintf(&b, "%s. IN NS ns1.%[1]s.\nns1.%[1]s. IN A 127.0.0.1\n%s", zone, r.ds[zone])
	}
	replace(r.t, filepath.Join(r.parent.dir, "zones", "test.zone"), b.String())
}

// replace writes a file under another name and renames it.
func replace(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Error(err)
	}
}

// keys runs meridian keys.
func (h *host) keys(t *testing.T, args ...string) string {
	t.Helper()
	return (&signedSite{config: h.config}).run(t, append([]string{"keys"}, args...)...)
}

func (h *host) serve(t *testing.T, zone string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	h.p = start(t, meridian, "serve", "--config", h.config)
	h.p.answering(t, h.addr, zone)
}

// kill ends the process as nothing else does.
func (h *host) kill() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.p.cmd.Process.Kill()
	h.p.done <- <-h.p.done
}

func (h *host) output() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.p.out.String()
}

// validator starts the resolver, with nothing in its cache.
func (r *rolled) validator() {
	r.t.Helper()
	dir, port := shortDir(r.t), freePort(r.t)
	var b strings.Builder
	fmt.Fprintf(&b, unboundConfig, port, dir, validating)
	b.WriteString("  val-log-level: 2\n  infra-keep-probing: yes\n")
	writeAnchors(&b, r.anchor)
	stub := func(zone string, addrs ...string) {
		fmt.Fprintf(&b, "stub-zone:\n  name: %q\n", zone)
		for _, a := range addrs {
			fmt.Fprintf(&b, "  stub-addr: %s\n", strings.Replace(a, ":", "@", 1))
		}
	}
	stub("test.", r.parent.addr)
	for _, zone := range rolledZones {
		stub(zone+".", r.child[0].addr, r.child[1].addr)
	}
	conf := filepath.Join(dir, "unbound.conf")
	write(r.t, conf, b.String())
	r.mu.Lock()
	defer r.mu.Unlock()
	r.resolver = fmt.Sprintf("127.0.0.1:%d", port)
	r.unbound = start(r.t, need(r.t, "unbound"), "-c", conf)
	r.unbound.answering(r.t, r.resolver, "csk.test.")
}

// copyKeys gives the second nameserver the first one's keys as rsync does: each
// file under another name, then renamed.
func (r *rolled) copyKeys() {
	r.files.RLock()
	defer r.files.RUnlock()
	from, to := filepath.Join(r.child[0].dir, "state", "keys"), filepath.Join(r.child[1].dir, "state", "keys")
	files, _ := filepath.Glob(filepath.Join(from, "*", "*"))
	for _, f := range files {
		target := filepath.Join(to, strings.TrimPrefix(f, from))
		text, err := os.ReadFile(f)
		old, _ := os.ReadFile(target)
		if err != nil || strings.Contains(f, ".tmp") || string(old) == string(text) {
			continue // one that is being written comes with the next copy
		}
		part := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+".part")
		os.MkdirAll(filepath.Dir(target), 0o700)
		if os.WriteFile(part, text, 0o600) != nil || os.Rename(part, target) != nil {
			r.t.Errorf("copying %s failed", f)
		}
	}
}

// registry obeys the CDS records of a zone on which both nameservers agree.
func (r *rolled) registry(zone string) {
	cds := [2]string{}
	for i, h := range r.child {
		c := dns.Client{Timeout: time.Second}
		m, _, err := c.Exchange(new(dns.Msg).SetQuestion(zone+".", dns.TypeCDS), h.addr)
		if err != nil || m.Rcode != dns.RcodeSuccess {
			return
		}
		for _, rr := range m.Answer {
			if d, ok := rr.(*dns.CDS); ok {
				cds[i] += fmt.Sprintf("%s. IN DS %d %d %d %s\n", zone, d.KeyTag, d.Algorithm, d.DigestType, d.Digest)
			}
		}
	}
	if cds[0] == "" || cds[0] != cds[1] {
		return
	}
	if strings.Contains(cds[0], " DS 0 0 0 ") { // RFC 8078 section 4
		cds[0] = ""
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ds[zone] != cds[0] {
		r.ds[zone] = cds[0]
		r.delegate()
	}
}

// sign has both nameservers serve a zone signed or unsigned from now on.
func (r *rolled) sign(zone string, signed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unsigned[zone] = !signed
	for i, h := range r.child {
		r.configure(i)
		h.mu.Lock()
		h.p.cmd.Process.Signal(syscall.SIGHUP) // one that is down reads it when it starts
		h.mu.Unlock()
	}
}
