package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const jumpConfig = `
listen = [%q]
state  = "state"
[servers]
ny = { at = "New York", ip = ["127.0.0.11"] }
fr = { at = [48.86, 2.35], ip = ["127.0.0.12"] }
[pools.web]
`

// The timings are those of the real world but for three, which are shorter.
const jumpZone = `[zone.%q]
dnssec = true
roll = true
parent = []
zsk_lifetime = "240h"
max_ttl = "24h"
ds_ttl = "24h"
`

var jumpZones = []string{"zsk.test", "csk.test"}

// jumping is a nameserver and a validating resolver whose clocks are set.
type jumping struct {
	t      *testing.T
	clock  clock
	dir    string
	server *process
	addr   string
	asker  string // the resolver

	quiet sync.RWMutex // held by who wants nothing to be asked

	mu                sync.Mutex
	asked, bad, jumps int // guarded by mu, as all below
	told              []string
}

// begin starts a program under the clock.
func (j *jumping) begin(program string, args ...string) *process {
	j.t.Helper()
	cmd, attend := j.clock.command(j.t, program, args...)
	p := &process{cmd: cmd, out: &output{}, done: make(chan error, 1)}
	cmd.Stdout, cmd.Stderr = p.out, p.out
	if err := cmd.Start(); err != nil {
		j.t.Fatal(err)
	}
	go func() { p.done <- cmd.Wait() }()
	j.t.Cleanup(p.stop)
	attend()
	return p
}

// keys runs a subcommand of keys under the clock.
func (j *jumping) keys(args ...string) string {
	j.t.Helper()
	cmd, attend := j.clock.command(j.t, meridian, append(append([]string{"keys"}, args...), "--config", filepath.Join(j.dir, "meridian.toml"))...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		j.t.Fatal(err)
	}
	attend()
	if err := cmd.Wait(); err != nil {
		j.t.Fatalf("keys %v: %v\n%s", args, err, &out)
	}
	return out.String()
}

func (j *jumping) serve() {
	j.t.Helper()
	j.server = j.begin(meridian, "serve", "--config", filepath.Join(j.dir, "meridian.toml"))
	j.server.answering(j.t, j.addr, "zsk.test.")
}

// validate starts the resolver, which knows every key that may have a DS, also
// those that are to come.
func (j *jumping) validate(unbound string) {
	j.t.Helper()
	dir, port := shortDir(j.t), freePort(j.t)
	var b strings.Builder
	fmt.Fprintf(&b, unboundConfig, port, dir, validating)
	b.WriteString("  val-log-level: 2\n  val-bogus-ttl: 0\n")
	files, _ := filepath.Glob(filepath.Join(j.dir, "state", "keys", "*", "*.key"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			j.t.Fatal(err)
		}
		for rr, ok, p := dns.RR(nil), true, dns.NewZoneParser(bytes.NewReader(text), ".", ""); ok; {
			if rr, ok = p.Next(); ok && rr.(*dns.DNSKEY).Flags&dns.SEP != 0 {
				writeAnchors(&b, rr.(*dns.DNSKEY).ToDS(dns.SHA256).String())
			}
		}
	}
	for _, zone := range jumpZones {
		fmt.Fprintf(&b, "stub-zone:\n  name: %q\n  stub-addr: %s\n", zone+".", strings.Replace(j.addr, ":", "@", 1))
	}
	conf := filepath.Join(dir, "unbound.conf")
	write(j.t, conf, b.String())
	j.asker = fmt.Sprintf("127.0.0.1:%d", port)
	j.begin(unbound, "-c", conf).answering(j.t, j.asker, "zsk.test.")
}

// ask puts a question of each kind in both zones.
func (j *jumping) ask(n int) {
	j.quiet.RLock()
	defer j.quiet.RUnlock()
	for _, zone := range []string{"zsk.test.", "csk.test."} {
		for _, q := range []struct {
			name   string
			typ    uint16
			subnet string
			want   string
		}{
			{"text", dns.TypeTXT, "", "NOERROR"}, {fmt.Sprintf("x%d", n), dns.TypeA, "", "NXDOMAIN"}, {"text", dns.TypeA, "", "NOERROR"},
			{fmt.Sprintf("x%d.w", n), dns.TypeA, "81.2.69.0/24", "127.0.0.12"}, {"www", dns.TypeA, "8.8.8.0/24", "127.0.0.11"},
		} {
			m, err := insist(validatedQuery(q.name+"."+zone, q.typ, q.subnet), j.asker)
			j.mu.Lock()
			j.asked++
			if err != nil || address(m) != q.want || !m.AuthenticatedData {
				if j.bad++; j.bad <= 3 {
					j.told = append(j.told, fmt.Sprintf("%s: after %d jumps: %v %v", j.clock.now().UTC().Format(time.DateTime), j.jumps, err, m))
				}
			}
			j.mu.Unlock()
		}
	}
}

// jump sets the clocks forward and waits until the server has noticed and signed
// both zones. Until then nobody asks: in one second a resolver would have taken
// the DNSKEY RRset of days before for the newest.
func (j *jumping) jump(by time.Duration) {
	j.t.Helper()
	j.quiet.Lock()
	defer j.quiet.Unlock()
	seen := len(j.server.out.String())
	j.mu.Lock()
	j.jumps++
	j.mu.Unlock()
	j.clock.forward(by)
	j.until("notice of the jump", func() bool {
		return strings.Contains(j.server.out.String()[seen:], "the clock was set")
	})
	for _, zone := range jumpZones {
		j.until("the keys of now in "+zone, func() bool { return maps.Equal(j.served(zone), j.due(zone)) })
		for _, q := range []dns.Question{{Name: zone + ".", Qtype: dns.TypeDNSKEY}, {Name: "www." + zone + ".", Qtype: dns.TypeA}} {
			j.until("a valid signature of "+q.Name, func() bool { return j.valid(q) })
		}
	}
}

// valid tells whether the signature that the server gives is valid now.
func (j *jumping) valid(q dns.Question) bool {
	m, err := insist(validatedQuery(q.Name, q.Qtype, ""), j.addr)
	if err != nil || len(m.Answer) == 0 {
		return false
	}
	sig, ok := m.Answer[len(m.Answer)-1].(*dns.RRSIG)
	return ok && sig.ValidityPeriod(j.clock.now())
}

// due are the tags of the keys that a zone is to publish now.
func (j *jumping) due(zone string) map[uint16]bool {
	tags := map[uint16]bool{}
	for line := range strings.Lines(j.keys("list", zone)) {
		w := strings.Fields(line)
		if len(w) < 4 || w[3] != "published" && w[3] != "active" && w[3] != "retired" {
			continue
		}
		if tag, err := strconv.ParseUint(w[0], 10, 16); err == nil {
			tags[uint16(tag)] = true
		}
	}
	return tags
}

func (j *jumping) until(what string, so func() bool) {
	j.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			j.t.Fatalf("%s does not come\n%s\n%s\n%s", what, j.keys("list", "zsk.test"), j.keys("list", "csk.test"), j.server.out)
		}
	}
}

// served are the tags of the keys that a zone publishes.
func (j *jumping) served(zone string) map[uint16]bool {
	tags := map[uint16]bool{}
	m, err := insist(validatedQuery(zone+".", dns.TypeDNSKEY, ""), j.addr)
	if err != nil {
		j.t.Fatal(err)
	}
	for _, rr := range m.Answer {
		if k, ok := rr.(*dns.DNSKEY); ok {
			tags[k.KeyTag()] = true
		}
	}
	return tags
}

// TestClockIsSetForward replaces a ZSK, which comes by itself, and a CSK, by
// command, in half a month that takes seconds: the clock is set forward by three
// days at a time while the nameserver and a validating resolver run, with one
// kill -9 in between. Every answer validates. After ninety days at once, which
// no signature outlives, everything is signed again.
func TestClockIsSetForward(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Parallel()
	unbound := need(t, "unbound")
	j := &jumping{t: t, dir: shortDir(t), addr: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	config := fmt.Sprintf(jumpConfig, j.addr)
	for _, zone := range jumpZones {
		config += fmt.Sprintf(jumpZone, zone)
		write(t, filepath.Join(j.dir, "zones", zone+".zone"), "$TTL 60\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ IN NS ns1\n"+
			"ns1 IN A 127.0.0.1\ntext IN TXT \"static\"\nwww IN GEO web\n*.w IN GEO web\n")
	}
	write(t, filepath.Join(j.dir, "meridian.toml"), config)
	j.keys("init", "zsk.test", "--split")
	j.keys("init", "csk.test")
	first := map[string]map[uint16]bool{}
	j.serve()
	first["zsk.test"], first["csk.test"] = j.served("zsk.test"), j.served("csk.test")
	j.keys("roll", "csk.test")
	j.validate(unbound)
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				j.ask(n)
			}
		}
	}()
	j.halfMonth(first)
	j.jump(90 * 24 * time.Hour)
	time.Sleep(2 * time.Second)
	close(stop)
	<-stopped
	t.Logf("%d answers, %d wrong, %d jumps", j.asked, j.bad, j.jumps)
	if j.bad > 0 || j.asked < 100 || j.clock.failure() != nil {
		t.Errorf("%d of %d answers wrong (%v): %s\n%s", j.bad, j.asked, j.clock.failure(), strings.Join(j.told, "\n"), j.server.out)
	}
}

// halfMonth waits for the ends of the first ZSK and CSK.
func (j *jumping) halfMonth(first map[string]map[uint16]bool) {
	const days = 24 * time.Hour
	over := func(zone string, stay int) bool {
		kept := 0
		for tag := range j.served(zone) {
			if first[zone][tag] {
				kept++
			}
		}
		return kept == stay
	}
	for n := 1; !over("zsk.test", 1) || !over("csk.test", 0); n++ {
		if n > 8 {
			j.t.Fatalf("after %d days:\n%s\n%s", 3*n, j.keys("list", "zsk.test"), j.keys("list", "csk.test"))
		}
		j.jump(3 * days)
		time.Sleep(2500 * time.Millisecond) // two looks at the keys, and the signing that follows
		if n == 2 {
			j.keys("ds-seen", "csk.test")
		}
		if n == 3 {
			j.quiet.Lock() // the resolver knows no other nameserver
			j.server.cmd.Process.Kill()
			j.server.done <- <-j.server.done
			j.serve()
			j.quiet.Unlock()
		}
	}
}
