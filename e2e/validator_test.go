package e2e

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// signedSite is a signed zone with geo names, a signed child and an unsigned
// one, and the three servers behind its pool, on loopback.
type signedSite struct {
	config, state string
	addr          string
	anchor        string // DS of geo.test
	port          int    // of the servers' check
}

const signedConfig = `
listen = [%q]
state  = "state"
[servers]
ny = { at = "New York", ip = ["127.0.0.11"] }
fr = { at = [48.86, 2.35], ip = ["127.0.0.12"] }
au = { at = "Sydney, AU", ip = ["127.0.0.13"] }
[checks.alive]
type = "tcp"
port = %d
interval = "100ms"
timeout = "100ms"
rise = 1
fall = 1
[pools.web]
check = "alive"
[pools.drawn]
check = "alive"
pick = "weighted"
n = 2
order = "together"
[zone."geo.test"]
dnssec = true
nsec3 = %v
[zone."signed.geo.test"]
dnssec = true
nsec3 = %v
`

const signedZone = `$TTL 300
@       IN SOA   ns1 hostmaster 1 7200 3600 1209600 30
@       IN NS    ns1
@    60 IN GEO   web
ns1     IN A     127.0.0.1
www  60 IN GEO   web
*.w  60 IN GEO   web
*.d  60 IN GEO   drawn
ny   60 IN GEO   web/ny
text    IN TXT   "static"
*.s     IN TXT   "a wildcard"
a.b.c   IN TXT   "below empty names"
alias   IN CNAME mid
mid     IN CNAME text
toplain IN CNAME host.plain
toweb   IN CNAME www
old     IN DNAME s
signed  IN NS    ns1
plain   IN NS    ns1
%s
`

const childZone = `$TTL 300
@       IN SOA   ns1.geo.test. hostmaster.geo.test. 1 7200 3600 1209600 30
@       IN NS    ns1.geo.test.
host    IN TXT   "of a child"
*.w  60 IN GEO   web
`

// newSignedSite makes keys and zones.
func newSignedSite(t *testing.T, nsec3 bool) *signedSite {
	t.Helper()
	dir := shortDir(t)
	s := &signedSite{config: filepath.Join(dir, "meridian.toml"), state: filepath.Join(dir, "state"), port: freePort(t)}
	s.addr = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	write(t, s.config, fmt.Sprintf(signedConfig, s.addr, s.port, nsec3, !nsec3))
	write(t, filepath.Join(dir, "zones", "geo.test.zone"), fmt.Sprintf(signedZone, ""))
	write(t, filepath.Join(dir, "zones", "signed.geo.test.zone"), childZone)
	write(t, filepath.Join(dir, "zones", "plain.geo.test.zone"), childZone)
	for _, zone := range []string{"geo.test", "signed.geo.test"} {
		s.run(t, "keys", "init", zone)
	}
	write(t, filepath.Join(dir, "zones", "geo.test.zone"), fmt.Sprintf(signedZone, s.ds(t, "signed.geo.test")))
	s.anchor = s.ds(t, "geo.test")
	return s
}

// second is another nameserver with the same keys, which judges servers by a
// check of its own.
func (s *signedSite) second(t *testing.T, nsec3 bool) *signedSite {
	t.Helper()
	dir := shortDir(t)
	o := &signedSite{config: filepath.Join(dir, "meridian.toml"), state: filepath.Join(dir, "state"), port: freePort(t), anchor: s.anchor}
	o.addr = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	write(t, o.config, fmt.Sprintf(signedConfig, o.addr, o.port, nsec3, !nsec3))
	if err := os.CopyFS(filepath.Join(dir, "zones"), os.DirFS(filepath.Join(filepath.Dir(s.config), "zones"))); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("cp", "-a", filepath.Join(s.state, "keys"), mkdir(t, o.state)).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return o
}

func mkdir(t *testing.T, dir string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func (s *signedSite) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(meridian, append(args, "--config", s.config)...).CombinedOutput()
	if err != nil {
		t.Fatalf("meridian %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// ds gives the DS records of a zone.
func (s *signedSite) ds(t *testing.T, zone string) string {
	t.Helper()
	var lines []string
	for line := range strings.Lines(s.run(t, "keys", "ds", zone)) {
		if rr, err := dns.NewRR(line); err == nil && rr != nil && rr.Header().Rrtype == dns.TypeDS {
			lines = append(lines, rr.String())
		}
	}
	if len(lines) == 0 {
		t.Fatalf("no DS of %s", zone)
	}
	return strings.Join(lines, "\n")
}

func (s *signedSite) serve(t *testing.T) *process {
	t.Helper()
	p := start(t, meridian, "serve", "--config", s.config)
	p.answering(t, s.addr, "geo.test.")
	return p
}

// up starts a server of the pool; what it returns stops it.
func (s *signedSite) up(t *testing.T, ip string) (stop func()) {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("%s:%d", ip, s.port))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	return func() { l.Close() }
}

func (s *signedSite) allUp(t *testing.T) {
	t.Helper()
	for _, ip := range []string{"127.0.0.11", "127.0.0.12", "127.0.0.13"} {
		t.Cleanup(s.up(t, ip))
	}
}

// validating are the modules of a resolver that validates.
const validating = "subnetcache validator iterator"

// writeAnchors has a resolver trust DS records, one a line.
func writeAnchors(b *strings.Builder, anchor string) {
	for ds := range strings.Lines(anchor) {
		fmt.Fprintf(b, "  trust-anchor: %q\n", strings.Join(strings.Fields(ds), " "))
	}
}

// startValidator runs Unbound with the zone's DS as its only trust anchor.
func startValidator(t *testing.T, anchor string, servers ...string) string {
	t.Helper()
	unbound := need(t, "unbound")
	dir, port := shortDir(t), freePort(t)
	var b strings.Builder
	fmt.Fprintf(&b, unboundConfig, port, dir, validating)
	b.WriteString("  use-caps-for-id: yes\n  val-log-level: 2\n  val-bogus-ttl: 0\n")
	writeAnchors(&b, anchor)
	b.WriteString("stub-zone:\n  name: \"geo.test.\"\n")
	for _, s := range servers {
		fmt.Fprintf(&b, "  stub-addr: 127.0.0.1@%d\n", netip.MustParseAddrPort(s).Port())
	}
	conf := filepath.Join(dir, "unbound.conf")
	write(t, conf, b.String())
	resolver := fmt.Sprintf("127.0.0.1:%d", port)
	start(t, unbound, "-c", conf).answering(t, resolver, "geo.test.")
	return resolver
}

// validatedQuery is a question with DO, for a client in a subnet unless it is
// "".
func validatedQuery(name string, typ uint16, subnet string) *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, typ)
	m.SetEdns0(1232, true)
	if subnet != "" {
		p := netip.MustParsePrefix(subnet)
		m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_SUBNET{
			Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice(),
		})
	}
	return m
}

// validated asks a resolver with DO, for a client in a subnet unless it is "".
func validated(t *testing.T, c *dns.Conn, name string, typ uint16, subnet string) *dns.Msg {
	t.Helper()
	m := validatedQuery(name, typ, subnet)
	client := dns.Client{Timeout: 30 * time.Second}
	r, _, err := client.ExchangeWithConn(m, c)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return r
}

var places = map[string]string{"81.2.69.0/24": "127.0.0.12", "8.8.8.0/24": "127.0.0.11", "1.1.1.0/24": "127.0.0.13"}

// TestUnboundValidates has every kind of answer validated, from zones with
// NSEC and with NSEC3, and refused once a signature is altered on the way.
func TestUnboundValidates(t *testing.T) {
	need(t, "unbound")
	for _, nsec3 := range []bool{false, true} {
		t.Run(map[bool]string{false: "NSEC", true: "NSEC3"}[nsec3], func(t *testing.T) {
			s := newSignedSite(t, nsec3)
			s.allUp(t)
			s.serve(t)
			proxy := newProxy(t, s.addr)
			c := dial(t, startValidator(t, s.anchor, proxy.addr))
			validateKinds(t, c)
			validatePlaces(t, c)
			proxy.alter.Store(true)
			for name, typ := range map[string]uint16{
				"fresh.w.geo.test.": dns.TypeA, "fresh.s.geo.test.": dns.TypeTXT, "fresh.geo.test.": dns.TypeA, "ny.geo.test.": dns.TypeA,
				"fresh.w.signed.geo.test.": dns.TypeA,
			} {
				if r := validated(t, c, name, typ, ""); r.Rcode != dns.RcodeServerFailure {
					t.Errorf("%s with an altered signature: %v", name, r)
				}
			}
		})
	}
}

func validateKinds(t *testing.T, c *dns.Conn) {
	t.Helper()
	for _, q := range []struct {
		name   string
		typ    uint16
		rcode  int
		data   bool
		secure bool
	}{
		{"geo.test.", dns.TypeSOA, 0, true, true}, {"geo.test.", dns.TypeDNSKEY, 0, true, true}, {"geo.test.", dns.TypeA, 0, true, true},
		{"geo.test.", dns.TypeMX, 0, false, true}, {"text.geo.test.", dns.TypeTXT, 0, true, true}, {"text.geo.test.", dns.TypeA, 0, false, true},
		{"www.geo.test.", dns.TypeA, 0, true, true}, {"www.geo.test.", dns.TypeAAAA, 0, false, true}, {"www.geo.test.", dns.TypeMX, 0, false, true},
		{"any.w.geo.test.", dns.TypeA, 0, true, true}, {"any.w.geo.test.", dns.TypeMX, 0, false, true}, {"a.b.w.geo.test.", dns.TypeA, 0, true, true},
		{"any.d.geo.test.", dns.TypeA, 0, true, true}, {"w.geo.test.", dns.TypeA, 0, false, true}, {"*.w.geo.test.", dns.TypeA, 0, true, true},
		{"any.s.geo.test.", dns.TypeTXT, 0, true, true}, {"b.c.geo.test.", dns.TypeA, 0, false, true}, {"c.geo.test.", dns.TypeTXT, 0, false, true},
		{"no.geo.test.", dns.TypeA, dns.RcodeNameError, false, true}, {"no.b.c.geo.test.", dns.TypeA, dns.RcodeNameError, false, true},
		{"a.no.such.geo.test.", dns.TypeTXT, dns.RcodeNameError, false, true}, {"alias.geo.test.", dns.TypeTXT, 0, true, true},
		{"toweb.geo.test.", dns.TypeA, 0, true, true}, {"x.old.geo.test.", dns.TypeTXT, 0, true, true}, {"x.y.old.geo.test.", dns.TypeTXT, 0, true, true},
		{"signed.geo.test.", dns.TypeDS, 0, true, true}, {"host.signed.geo.test.", dns.TypeTXT, 0, true, true},
		{"any.w.signed.geo.test.", dns.TypeA, 0, true, true}, {"no.signed.geo.test.", dns.TypeA, dns.RcodeNameError, false, true},
		{"plain.geo.test.", dns.TypeDS, 0, false, true}, {"host.plain.geo.test.", dns.TypeTXT, 0, true, false},
		{"any.w.plain.geo.test.", dns.TypeA, 0, true, false}, {"no.plain.geo.test.", dns.TypeA, dns.RcodeNameError, false, false},
		{"toplain.geo.test.", dns.TypeTXT, 0, true, false},
	} {
		r := validated(t, c, q.name, q.typ, "")
		if r.Rcode != q.rcode || r.AuthenticatedData != q.secure || (len(r.Answer) > 0) != q.data {
			t.Errorf("%s %s: want %+v, got %v", q.name, dns.Type(q.typ), q, r)
		}
	}
}

func validatePlaces(t *testing.T, c *dns.Conn) {
	t.Helper()
	for range 2 { // the second time from the cache
		for subnet, want := range places {
			for _, name := range []string{"www.geo.test.", "geo.test.", "x.w.geo.test.", "x.w.signed.geo.test.", "toweb.geo.test."} {
				r := validated(t, c, name, dns.TypeA, subnet)
				if got := address(r); got != want || !r.AuthenticatedData {
					t.Errorf("%s from %s: %s, AD %v; want %s", name, subnet, got, r.AuthenticatedData, want)
				}
			}
		}
	}
}

func address(r *dns.Msg) string {
	for _, rr := range r.Answer {
		if a, ok := rr.(*dns.A); ok {
			return a.A.String()
		}
	}
	return dns.RcodeToString[r.Rcode]
}

// TestValidatedByTwo lets two nameservers share keys and disagree about a
// server's health: their answers differ, and all of them validate.
func TestValidatedByTwo(t *testing.T) {
	need(t, "unbound")
	one := newSignedSite(t, false)
	two := one.second(t, false)
	one.allUp(t)
	for _, ip := range []string{"127.0.0.11", "127.0.0.13"} { // fr is down in the eyes of the second
		t.Cleanup(two.up(t, ip))
	}
	one.serve(t)
	two.serve(t)
	c := dial(t, startValidator(t, one.anchor, one.addr, two.addr))
	seen := map[string]int{}
	for i := range 200 {
		r := validated(t, c, fmt.Sprintf("n%d.w.geo.test.", i), dns.TypeA, "81.2.69.0/24")
		if r.Rcode != dns.RcodeSuccess || !r.AuthenticatedData {
			t.Fatalf("query %d: %v", i, r)
		}
		seen[address(r)]++
	}
	t.Logf("answers: %v", seen)
	if len(seen) < 2 || seen["127.0.0.12"] == 0 {
		t.Errorf("the two nameservers did not both answer, or did not disagree: %v", seen)
	}
}

// TestValidatedWhileServersFlap takes servers down and up more than twice a second while
// a validating resolver asks, for the time of MERIDIAN_FLAP ("2m" is what the
// release is held to; a few seconds if it is not set).
func TestValidatedWhileServersFlap(t *testing.T) {
	need(t, "unbound")
	length := 6 * time.Second
	if text := os.Getenv("MERIDIAN_FLAP"); text != "" {
		var err error
		if length, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s := newSignedSite(t, false)
	s.flapping(t, length)
	s.serve(t)
	c := dial(t, startValidator(t, s.anchor, s.addr))
	seen, answers := map[string]int{}, 0
	subnets := []string{"81.2.69.0/24", "8.8.8.0/24", "1.1.1.0/24"}
	least := int(50 * length.Seconds())
	for end := time.Now().Add(length); time.Now().Before(end) || answers < least && time.Now().Before(end.Add(2*time.Minute)); answers++ {
		zone := []string{"w.geo.test.", "d.geo.test.", "w.signed.geo.test."}[answers/3%3]
		r := validated(t, c, fmt.Sprintf("n%d.%s", answers, zone), dns.TypeA, subnets[answers%3])
		if r.Rcode != dns.RcodeSuccess || !r.AuthenticatedData || address(r) == "NOERROR" {
			t.Fatalf("answer %d: %v", answers, r)
		}
		seen[subnets[answers%3]+" "+address(r)]++
	}
	t.Logf("%d validated answers in %v: %v", answers, length, seen)
	if len(seen) < 4 {
		t.Errorf("answers did not move: %v", seen)
	}
	if answers < least {
		t.Errorf("only %d answers", answers)
	}
}

// flapping starts the servers; two of them go down and come up in turn, about twice a second.
func (s *signedSite) flapping(t *testing.T, length time.Duration) {
	t.Helper()
	t.Cleanup(s.up(t, "127.0.0.11"))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; i < int((length+5*time.Second)/(430*time.Millisecond)); i++ {
			ip := []string{"127.0.0.12", "127.0.0.13"}[i%2]
			stop := s.up(t, ip)
			time.Sleep(430 * time.Millisecond) // in step with nothing else
			stop()
		}
	}()
	t.Cleanup(func() { <-done })
}

// TestDelvAgrees asks BIND's validating client.
func TestDelvAgrees(t *testing.T) {
	delv := need(t, "delv")
	s := newSignedSite(t, true)
	s.allUp(t)
	s.serve(t)
	dir := shortDir(t)
	f := strings.Fields(s.anchor) // owner TTL IN DS tag algorithm type digest
	anchors := filepath.Join(dir, "anchors")
	write(t, anchors, fmt.Sprintf("trust-anchors { %q static-ds %s %s %s %q; };\n", f[0], f[4], f[5], f[6], strings.Join(f[7:], "")))
	port := fmt.Sprint(netip.MustParseAddrPort(s.addr).Port())
	for _, q := range []struct{ name, typ, want string }{
		{"www.geo.test", "A", "; fully validated"}, {"any.w.geo.test", "A", "; fully validated"}, {"text.geo.test", "TXT", "; fully validated"},
		{"no.geo.test", "A", "; negative response, fully validated"}, {"text.geo.test", "A", "; negative response, fully validated"},
		{"any.w.geo.test", "MX", "; negative response, fully validated"}, {"any.s.geo.test", "TXT", "; fully validated"},
		{"alias.geo.test", "TXT", "; fully validated"}, {"x.old.geo.test", "TXT", "; fully validated"},
		{"b.c.geo.test", "A", "; negative response, fully validated"}, {"geo.test", "DNSKEY", "; fully validated"},
	} {
		out, err := exec.Command(delv, "@127.0.0.1", "-p", port, "-a", anchors, "+root=geo.test", q.name, q.typ).CombinedOutput()
		if err != nil || !strings.Contains(string(out), q.want) || strings.Contains(string(out), "; unsigned answer") {
			t.Errorf("%s %s: %v\n%s", q.name, q.typ, err, out)
		}
	}
}

// proxy stands between a resolver and a nameserver and alters a byte of each
// signature if it is told to, but for those of keys.
type proxy struct {
	addr  string
	alter atomic.Bool
}

func newProxy(t *testing.T, upstream string) *proxy {
	t.Helper()
	p := &proxy{addr: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	for _, network := range []string{"udp", "tcp"} {
		server := &dns.Server{Addr: p.addr, Net: network, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
			client := dns.Client{Net: network, Timeout: 3 * time.Second}
			if r, _, err := client.Exchange(m, upstream); err == nil {
				p.pass(r)
				w.WriteMsg(r)
			}
		})}
		ready := make(chan struct{})
		server.NotifyStartedFunc = func() { close(ready) }
		go server.ListenAndServe()
		<-ready
		t.Cleanup(func() { server.Shutdown() })
	}
	return p
}

func (p *proxy) pass(r *dns.Msg) {
	if !p.alter.Load() {
		return
	}
	for _, section := range [][]dns.RR{r.Answer, r.Ns} {
		for _, rr := range section {
			if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered != dns.TypeDNSKEY && sig.TypeCovered != dns.TypeDS {
				octets, _ := base64.StdEncoding.DecodeString(sig.Signature)
				octets[len(octets)/2] ^= 1
				sig.Signature = base64.StdEncoding.EncodeToString(octets)
			}
		}
	}
}
