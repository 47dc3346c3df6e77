package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

const plainZone = `$TTL 1
@    IN SOA ns1 hostmaster 1 7200 3600 1209600 1
@    IN NS  ns1
ns1  IN A   192.0.2.53
`

// newSigned is a home whose zone example.com is to be signed.
func newSigned(t *testing.T, options string) *home {
	h := newHome(t)
	h.write("zones/example.com.zone", plainZone)
	h.write("meridian.toml", h.config("")+"[zone.\"example.com\"]\ndnssec = true\n"+options)
	return h
}

// keys runs a subcommand of keys.
func (h *home) keys(args ...string) (string, int) {
	h.t.Helper()
	return h.meridian(append(append([]string{"keys"}, args...), "--config", "meridian.toml")...)
}

// must is keys that has to go well.
func (h *home) must(args ...string) string {
	h.t.Helper()
	out, code := h.keys(args...)
	if code != 0 {
		h.t.Fatalf("keys %v: exit code %d\n%s", args, code, out)
	}
	return out
}

// tool finds a program of another package, without which a test is skipped.
func tool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil && os.Getenv("MERIDIAN_PEERS") == "required" {
		t.Fatalf("%s is not installed", name)
	} else if err != nil {
		t.Skipf("%s is not installed", name)
	}
	return path
}

func (h *home) files(pattern string) []string {
	h.t.Helper()
	found, err := filepath.Glob(h.path(pattern))
	if err != nil || len(found) == 0 {
		h.t.Fatalf("no files %s (%v)", pattern, err)
	}
	return found
}

func TestKeysInit(t *testing.T) {
	h := newSigned(t, "parent = []\n")
	out, code := h.meridian("check", "--config", "meridian.toml")
	want := "meridian keys init example.com --config " + h.path("meridian.toml")
	if code != 1 || !strings.Contains(out, want) {
		t.Errorf("exit code %d, no %q in:\n%s", code, want, out)
	}
	if out := h.must("init", "example.com"); !strings.Contains(out, "made CSK ") || !strings.Contains(out, "example.com. IN DS ") {
		t.Errorf("init says:\n%s", out)
	}
	if out, code := h.meridian("check", "--config", "meridian.toml"); code != 0 {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	for _, f := range h.files("state/keys/example.com/K*") {
		if info, err := os.Stat(f); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", f, info.Mode(), err)
		}
	}
	if info, err := os.Stat(h.path("state/keys/example.com")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info.Mode(), err)
	}
	before, _ := os.ReadFile(h.files("state/keys/example.com/*.private")[0])
	if out, code := h.keys("init", "example.com"); code != 1 || !strings.Contains(out, "has keys already") {
		t.Errorf("a second init: exit code %d\n%s", code, out)
	}
	if after, _ := os.ReadFile(h.files("state/keys/example.com/*.private")[0]); string(after) != string(before) {
		t.Error("a second init changed the key")
	}
}

func TestKeysCommandLine(t *testing.T) {
	h := newSigned(t, "parent = []\n")
	h.must("init", "example.com", "--split", "--algorithm", "ed25519")
	tag := regexp.MustCompile(`(\d+) +KSK`).FindStringSubmatch(h.must("list", "example.com"))[1]
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"", 0, []string{"init", "list", "ds", "import", "export", "roll", "retire", "ds-seen", "unsign"}},
		{"list example.com", 0, []string{"TAG", "KSK", "ZSK", "ED25519", "active", "not seen yet", "CDS published 20"}},
		{"list EXAMPLE.com.", 0, []string{"KSK"}},
		{"list", 2, []string{"list needs a zone"}},
		{"retire example.com " + tag, 1, []string{"meridian keys ds-seen example.com --config " + h.path("meridian.toml")}},
		{"list example.org", 1, []string{"there is no zone example.org"}},
		{"roll example.com", 1, []string{"roll = true"}},
		{"retire example.com", 2, []string{"the tag of a key, or --all"}},
		{"retire example.com x", 2, []string{"no key tag"}},
		{"retire example.com 0", 1, []string{"has no key with the tag 0; it has "}},
		{"init example.com --algorithm RSASHA1", 2, []string{"none of ECDSAP256SHA256"}},
		{"export example.com", 2, []string{"--to"}},
		{"ds-seen example.com --gone", 1, []string{"not on its way to being unsigned"}},
		{"import example.com none.key", 1, []string{"none.private: no such file"}},
	} {
		out, code := h.keys(strings.Fields(c.args)...)
		if code != c.code {
			t.Errorf("keys %s: exit code %d, want %d", c.args, code, c.code)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("keys %s: no %q in:\n%s", c.args, want, out)
			}
		}
	}
}

// TestKeysUnsign goes out and stays after all.
func TestKeysUnsign(t *testing.T) {
	h := newSigned(t, "parent = []\nds_ttl = \"1s\"\npropagation = \"1s\"\n")
	h.must("init", "example.com")
	h.serve()
	cds := func() string { return h.ask("udp", "example.com", dns.TypeCDS, "") }
	h.must("retire", "example.com", "--all")
	h.becomes("example.com", dns.TypeCDS, "", "0 0 0 00")
	h.becomes("example.com", dns.TypeCDNSKEY, "", "0 3 0 AA==")
	if out := h.must("ds-seen", "example.com", "--gone"); !strings.Contains(out, "Keep dnssec = true until") {
		t.Errorf("ds-seen says:\n%s", out)
	}
	if !eventually(func() bool { return strings.Contains(h.must("list", "example.com"), "may be served unsigned") }) {
		t.Error(h.must("list", "example.com"))
	}
	h.must("unsign", "example.com", "--cancel")
	if text, err := os.ReadFile(h.path("state/keys/example.com/unsign")); err != nil || len(text) > 0 {
		t.Errorf("a copy of the folder would not tell that the zone stays signed: %q, %v", text, err)
	}
	if !eventually(func() bool { return cds() != "0 0 0 00" }) {
		t.Errorf("CDS stays: %s", cds())
	}
}

// TestKeysCheckTTL: a TTL beyond what keys wait for is told of.
func TestKeysCheckTTL(t *testing.T) {
	h := newSigned(t, "parent = []\nmax_ttl = \"1h\"\n")
	h.write("zones/example.com.zone", plainZone+"long 7200 IN A 192.0.2.1\n")
	h.must("init", "example.com")
	out, code := h.meridian("check", "--config", "meridian.toml")
	if want := `long.example.com. has a TTL of 2h0m0s, longer than max_ttl, 1h0m0s`; code != 0 || !strings.Contains(out, want) {
		t.Errorf("exit code %d, no %q in:\n%s", code, want, out)
	}
	h.write("zones/example.com.zone", plainZone)
	if out, _ := h.meridian("check", "--config", "meridian.toml"); strings.Contains(out, "max_ttl") {
		t.Errorf("check warns of nothing:\n%s", out)
	}
}

// TestKeysWeakRSA: short keys are taken, with a warning; those that sign by SHA-1 are not.
func TestKeysWeakRSA(t *testing.T) {
	keygen := tool(t, "dnssec-keygen")
	h := newSigned(t, "parent = []\n")
	if out, err := exec.Command(keygen, "-q", "-f", "KSK", "-a", "RSASHA256", "-b", "1024", "-K", h.dir, "example.com").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	h.must("import", "example.com", h.dir)
	if out, code := h.meridian("check", "--config", "meridian.toml"); code != 0 || !strings.Contains(out, "an RSA key of 1024 bits") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	private := h.files("Kexample.com.*.private")[0]
	text, err := os.ReadFile(private)
	if err != nil {
		t.Fatal(err)
	}
	sha1 := strings.Replace(string(text), "Algorithm: 8 (RSASHA256)", "Algorithm: 5 (RSASHA1)", 1)
	if err := os.WriteFile(private, []byte(sha1), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := h.keys("import", "example.com", private); code != 1 || !strings.Contains(out, "SHA-1, which validators refuse") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}

// TestKeysFromBIND takes over what dnssec-keygen makes, and prints the DS that dnssec-dsfromkey prints.
func TestKeysFromBIND(t *testing.T) {
	keygen, dsfromkey := tool(t, "dnssec-keygen"), tool(t, "dnssec-dsfromkey")
	for _, c := range []struct{ algorithm, split string }{
		{"ECDSAP256SHA256", ""}, {"ECDSAP384SHA384", ""}, {"ED25519", "ZSK"}, {"RSASHA256", ""},
	} {
		t.Run(c.algorithm, func(t *testing.T) {
			h := newSigned(t, "parent = []\n")
			generate := func(flags ...string) {
				cmd := exec.Command(keygen, append(flags, "-q", "-a", c.algorithm, "-K", h.dir, "example.com")...)
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
			}
			generate("-f", "KSK")
			ksk := strings.TrimSuffix(h.files("Kexample.com.*.key")[0], ".key")
			if c.split != "" {
				generate()
			}
			h.must("import", "example.com", h.dir)
			for _, digest := range []string{"SHA-256", "SHA-384"} {
				want, err := exec.Command(dsfromkey, "-a", digest, ksk+".key").Output()
				if err != nil {
					t.Fatal(err)
				}
				args := []string{"ds", "example.com"}
				if digest == "SHA-384" {
					args = append(args, "--sha384")
				}
				if got := h.must(args...); got != string(want) {
					t.Errorf("%s: printed %s, dnssec-dsfromkey %s", digest, got, want)
				}
			}
			h.serve()
			if got := h.ask("udp", "example.com", dns.TypeDNSKEY, ""); strings.Count(got, " 3 ") != len(h.files("Kexample.com.*.key")) {
				t.Errorf("DNSKEY: %s", got)
			}
			h.must("export", "example.com", "--to", "out") // and BIND reads what we write
			for _, f := range h.files("out/*.key") {
				if out, err := exec.Command(dsfromkey, "-2", f).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
				if out, err := exec.Command(tool(t, "dnssec-settime"), "-p", "all", f).CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			}
		})
	}
}

// parent answers for the DS of example.com on loopback.
type parent struct {
	mu sync.Mutex
	ds []dns.RR
}

func (p *parent) set(ds ...dns.RR) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ds = ds
}

func (p *parent) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := new(dns.Msg).SetReply(q)
	r.Authoritative = true
	r.Answer = slices.Clone(p.ds)
	_ = w.WriteMsg(r)
}

func startParent(t *testing.T) (*parent, string) {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &parent{}
	s := &dns.Server{PacketConn: c, Handler: p}
	go func() { _ = s.ActivateAndServe() }()
	t.Cleanup(func() { _ = s.Shutdown() })
	return p, c.LocalAddr().String()
}

// wanted is the DS RRset that the zone's CDS asks for.
func (h *home) wanted() []dns.RR {
	r, err := h.query("udp", "example.com", dns.TypeCDS, "")
	if err != nil {
		return nil
	}
	var ds []dns.RR
	for _, rr := range r.Answer {
		if c, ok := rr.(*dns.CDS); ok {
			d := c.DS
			d.Hdr = dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeDS, Class: dns.ClassINET, Ttl: 1}
			ds = append(ds, &d)
		}
	}
	return ds
}

func (h *home) dnskeys() int {
	r, err := h.query("udp", "example.com", dns.TypeDNSKEY, "")
	if err != nil {
		return -1
	}
	return len(r.Answer)
}

// TestKeysRoll replaces the one key of a zone: the parent has its DS, then the new one's, and the old key goes. The
// nameserver starts anew in between.
func TestKeysRoll(t *testing.T) {
	if testing.Short() {
		t.Skip("takes ten seconds")
	}
	t.Parallel()
	p, addr := startParent(t)
	h := newSigned(t, `roll = true
parent = ["`+addr+`"]
roll_ahead = "2s"
propagation = "1s"
dnskey_ttl = "1s"
max_ttl = "2s"
ds_ttl = "1s"
`)
	h.must("init", "example.com")
	server := h.serve()
	if out, _ := h.meridian("check", "--config", "meridian.toml"); !strings.Contains(out, "the parent has no DS") {
		t.Errorf("check says:\n%s", out)
	}
	waits := func(what string, so func() bool) {
		t.Helper()
		if !eventually(so) {
			t.Fatalf("%s does not come:\n%s\n%s", what, h.must("list", "example.com"), server.output())
		}
	}
	waits("CDS", func() bool { return len(h.wanted()) == 1 })
	first := h.wanted()
	p.set(first...)
	waits("the DS", func() bool { return strings.Contains(h.must("list", "example.com"), "seen 20") })

	if out := h.must("roll", "example.com"); !strings.Contains(out, "made CSK ") {
		t.Errorf("roll says:\n%s", out)
	}
	if out, code := h.keys("roll", "example.com"); code != 1 || !strings.Contains(out, "already on its way") {
		t.Errorf("a second roll: exit code %d\n%s", code, out)
	}
	if h.dnskeys() != 1 {
		t.Error("the new key is published before its time")
	}
	waits("the new key", func() bool { return h.dnskeys() == 2 })
	server.kill()
	server = h.serve()
	waits("the new CDS", func() bool { w := h.wanted(); return len(w) == 1 && !dns.IsDuplicate(w[0], first[0]) })
	if out := h.must("list", "example.com"); strings.Contains(out, "removed") {
		t.Errorf("the old key is to go before the new DS is there:\n%s", out)
	}
	p.set(h.wanted()...)
	waits("the end of the old key", func() bool { return h.dnskeys() == 1 })
	if out := h.must("list", "example.com"); !strings.Contains(out, "removed") || !strings.Contains(out, "active") {
		t.Errorf("list says:\n%s", out)
	}
	if out, code := h.meridian("check", "--config", "meridian.toml"); code != 0 || !strings.Contains(out, "0 errors") || strings.Contains(out, "DS") {
		t.Errorf("check says:\n%s", out)
	}
	p.set(first...)
	if out, _ := h.meridian("check", "--config", "meridian.toml"); !strings.Contains(out, "validators refuse the zone") {
		t.Errorf("check says of a stale DS:\n%s", out)
	}
}
