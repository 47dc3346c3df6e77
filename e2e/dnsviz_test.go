package e2e

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const vizConfig = `
listen = [%q]
state  = "state"
[servers]
ny = { at = "New York", ip = ["192.0.2.11", "2001:db8::11"] }
fr = { at = [48.86, 2.35], ip = ["192.0.2.12", "2001:db8::12"] }
[pools.web]
[zone."geo.test"]
dnssec = true
nsec3 = %v
`

const vizZone = `$TTL 300
@       IN SOA   ns1 hostmaster 1 7200 3600 1209600 30
@       IN NS    ns1
@    60 IN GEO   web
ns1     IN A     127.0.0.1
www  60 IN GEO   web
*.w  60 IN GEO   web
*.s     IN TXT   "a wildcard"
text    IN TXT   "static"
a.b.c   IN TXT   "below empty names"
alias   IN CNAME www
old     IN DNAME s
`

// vizNames are of each kind of answer: apex, geo, wildcards, no such name, no
// such type, an empty non-terminal, CNAME, DNAME.
var vizNames = []string{
	"geo.test", "www.geo.test", "any.w.geo.test", "any.s.geo.test", "no.geo.test", "no.b.c.geo.test", "text.geo.test",
	"b.c.geo.test", "alias.geo.test", "x.old.geo.test",
}

// TestDNSVizAgrees has DNSViz look at every kind of answer, over UDP and TCP: it
// finds no error and no warning, and a chain of trust to all of them. With
// another trust anchor it finds none, so it has looked.
func TestDNSVizAgrees(t *testing.T) {
	viz := need(t, "dnsviz")
	for kind, nsec3 := range map[string]bool{"CSK, NSEC": false, "KSK and ZSK, NSEC3": true} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			addr := fmt.Sprintf("127.0.0.1:%d", freePort(t))
			dir := shortDir(t)
			s := &signedSite{config: filepath.Join(dir, "meridian.toml"), addr: addr}
			write(t, s.config, fmt.Sprintf(vizConfig, addr, nsec3))
			write(t, filepath.Join(dir, "zones", "geo.test.zone"), vizZone)
			s.run(t, "keys", "init", "geo.test", fmt.Sprintf("--split=%v", nsec3))
			s.serve(t)
			probed := s.probe(t, viz, dir)
			clean(t, viz, probed, s.anchorKeys(t, dir, "geo.test."))
			write(t, filepath.Join(dir, "others"), "geo.test. 60 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n")
			if out := printed(t, viz, probed, filepath.Join(dir, "others")); !strings.Contains(out, "E:NO_TRUST_ANCHOR_SIGNING") {
				t.Errorf("another trust anchor does as well:\n%s", out)
			}
		})
	}
}

// probe has DNSViz ask the server all it wants to know.
func (s *signedSite) probe(t *testing.T, viz, dir string) []byte {
	t.Helper()
	write(t, filepath.Join(dir, "ds"), s.ds(t, "geo.test")+"\n")
	args := append([]string{"probe", "-4", "-A", "-a", "geo.test", "-x", "geo.test+:ns1.geo.test=" + s.addr,
		"-N", "geo.test:ns1.geo.test=127.0.0.1", "-D", "geo.test:" + filepath.Join(dir, "ds")}, vizNames...)
	var said bytes.Buffer
	cmd := exec.Command(viz, args...)
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dnsviz %v: %v\n%s", args, err, &said)
	}
	return out
}

// anchorKeys writes the zone's keys with a DS into a file.
func (s *signedSite) anchorKeys(t *testing.T, dir, zone string) string {
	t.Helper()
	r := exchange(t, dial(t, s.addr), dns.Question{Name: zone, Qtype: dns.TypeDNSKEY, Qclass: dns.ClassINET}, false)
	path, text := filepath.Join(dir, "anchors"), ""
	for _, rr := range r.Answer {
		if k, ok := rr.(*dns.DNSKEY); ok && k.Flags&dns.SEP != 0 {
			text += k.String() + "\n"
		}
	}
	write(t, path, text)
	return path
}

// printed is what DNSViz makes of the answers.
func printed(t *testing.T, viz string, probed []byte, anchors string) string {
	t.Helper()
	cmd := exec.Command(viz, "print", "-t", anchors)
	cmd.Stdin = bytes.NewReader(probed)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("dnsviz print: %v\n%s", err, out)
	}
	return string(out)
}

// bad is how DNSViz marks what is not secure, errors and warnings.
var bad = regexp.MustCompile(`(?m)\[[^]]*[^].[]+[^]]*\]|^ *[EW]:.*$`)

func clean(t *testing.T, viz string, probed []byte, anchors string) {
	t.Helper()
	out := printed(t, viz, probed, anchors)
	if found := bad.FindAllString(out, -1); found != nil {
		t.Errorf("DNSViz finds %q:\n%s", found, out)
	}
	for _, name := range vizNames {
		if !strings.Contains(out, "\n"+name) && !strings.HasPrefix(out, name) {
			t.Errorf("DNSViz says nothing of %s:\n%s", name, out)
		}
	}
	if secure := strings.Count(out, "[.]"); secure < 20*len(vizNames)/2 {
		t.Errorf("only %d marks of what is secure:\n%s", secure, out)
	}
}
