package e2e

import (
	"bufio"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestPeersAgree asks Meridian and other nameservers the same questions about
// the same zones. Every difference must be explained by a line of
// testdata/peers/differences.txt, and every line there must explain one.
func TestPeersAgree(t *testing.T) {
	against(t, "plain", peersZones, false, questions(t))
}

// TestPeersAgreeOnSignedZones does so with the same zones signed, by NSEC and
// by NSEC3, and DO=1.
func TestPeersAgreeOnSignedZones(t *testing.T) {
	for chain, nsec3 := range map[string]bool{"nsec": false, "nsec3": true} {
		t.Run(chain, func(t *testing.T) {
			types := append([]uint16{dns.TypeNSEC, dns.TypeDNSKEY, dns.TypeNSEC3PARAM}, dns.TypeNSEC3)
			all := questions(t)
			for _, q := range all {
				if q.Qtype == dns.TypeA {
					for _, typ := range types {
						all = append(all, dns.Question{Name: q.Name, Qtype: typ, Qclass: dns.ClassINET})
					}
				}
			}
			against(t, chain, signedPeers(t, nsec3), true, all)
		})
	}
}

// signedPeers is a folder of the peers' zones as Meridian signs them.
func signedPeers(t *testing.T, nsec3 bool) string {
	t.Helper()
	dir, signed := shortDir(t), shortDir(t)
	config := filepath.Join(dir, "meridian.toml")
	text := fmt.Sprintf("listen = [\"127.0.0.1:%d\"]\nstate = \"state\"\n", freePort(t))
	names := copyZones(t, peersZones, filepath.Join(dir, "zones"))
	for _, zone := range names {
		text += fmt.Sprintf("[zone.%q]\ndnssec = true\nnsec3 = %v\n", zone, nsec3)
	}
	write(t, config, text)
	s := &signedSite{config: config}
	for _, zone := range names {
		s.run(t, "keys", "init", zone)
		write(t, filepath.Join(signed, zone+".zone"), s.run(t, "dump", zone))
	}
	return signed
}

// against asks Meridian and the peers all questions about the zones of a folder.
func against(t *testing.T, set, folder string, do bool, questions []dns.Question) {
	ours := startMeridian(t, folder)
	rules := readRules(t, set)
	t.Logf("%d questions", len(questions))
	for name, startPeer := range map[string]func(*testing.T, string) string{"nsd": startNSD, "knot": startKnot} {
		t.Run(name, func(t *testing.T) {
			compare(t, name, ours, startPeer(t, folder), do, questions, rules)
		})
	}
}

// limit is how many unexplained differences a test prints.
const limit = 20

func compare(t *testing.T, peer, ours, theirs string, do bool, questions []dns.Question, rules []*rule) {
	unexplained, explained := 0, 0
	a, b := dial(t, ours), dial(t, theirs)
	for _, q := range questions {
		us, them := digest(exchange(t, a, q, do)), digest(exchange(t, b, q, do))
		for _, part := range parts {
			if us[part] == them[part] {
				continue
			}
			if explain(rules, peer, part, q) {
				explained++
				continue
			}
			if unexplained++; unexplained <= limit {
				t.Errorf("%s %s: %s differs\n  meridian: %s\n  %s: %s", q.Name, dns.Type(q.Qtype), part, us[part], peer, them[part])
			}
		}
	}
	t.Logf("%s: %d questions, %d differences explained, %d not", peer, len(questions), explained, unexplained)
	for _, r := range rules {
		if r.peer == peer && !r.used {
			t.Errorf("differences.txt:%d explains nothing: %s", r.line, r.why)
		}
	}
}

func dial(t *testing.T, addr string) *dns.Conn {
	t.Helper()
	c, err := dns.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func exchange(t *testing.T, c *dns.Conn, q dns.Question, do bool) *dns.Msg {
	t.Helper()
	m := &dns.Msg{Question: []dns.Question{q}}
	m.Id = dns.Id()
	m.SetEdns0(1232, do)
	client := dns.Client{Timeout: 3 * time.Second}
	for range 3 {
		r, _, err := client.ExchangeWithConn(m, c)
		if err == nil {
			return r
		}
	}
	t.Fatalf("no answer from %s for %s %s", c.RemoteAddr(), q.Name, dns.Type(q.Qtype))
	return nil
}

// parts are what of two answers is compared.
var parts = []string{"rcode", "flags", "answer", "authority", "additional"}

func digest(m *dns.Msg) map[string]string {
	d := map[string]string{
		"rcode": dns.RcodeToString[m.Rcode],
		"flags": fmt.Sprintf("aa=%v tc=%v ra=%v ad=%v cd=%v", m.Authoritative, m.Truncated, m.RecursionAvailable, m.AuthenticatedData, m.CheckingDisabled),
	}
	if m.Truncated {
		return d // what of a truncated answer fits is of no use to anybody
	}
	d["answer"], d["authority"], d["additional"] = section(m.Answer), section(m.Ns), section(m.Extra)
	return d
}

func section(rrs []dns.RR) string {
	var lines []string
	for _, rr := range rrs {
		if rr.Header().Rrtype != dns.TypeOPT {
			lines = append(lines, strings.ToLower(strings.Join(strings.Fields(rr.String()), " ")))
		}
	}
	sort.Strings(lines)
	return strings.Join(lines, " | ")
}

// questions covers every name of the zones, those around them, and types that
// exist there and not.
func questions(t *testing.T) []dns.Question {
	names := map[string]bool{"outside.test.": true, ".": true, "com.": true}
	files, _ := filepath.Glob("../testdata/peers/*.zone")
	for _, f := range files {
		for _, owner := range owners(t, f) {
			names[owner] = true
			for _, prefix := range []string{"below.", "a.b.", "*.", "x\\.y."} {
				names[prefix+owner] = true
			}
			if i, end := dns.NextLabel(owner, 0); !end {
				names["beside."+owner[i:]] = true
				names[owner[i:]] = true
			}
		}
	}
	types := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeNS, dns.TypeSOA, dns.TypeMX, dns.TypeTXT, dns.TypeDS,
		dns.TypeCNAME, dns.TypeDNAME, dns.TypeSRV, dns.TypeHTTPS, dns.TypePTR, dns.TypeANY, 65400, 1234}
	var all []dns.Question
	for name := range names {
		for _, typ := range types {
			all = append(all, dns.Question{Name: name, Qtype: typ, Qclass: dns.ClassINET})
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	return all
}

func owners(t *testing.T, file string) (names []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p := dns.NewZoneParser(f, dns.Fqdn(strings.TrimSuffix(filepath.Base(file), ".zone")), file)
	for rr, ok := p.Next(); ok; rr, ok = p.Next() {
		names = append(names, rr.Header().Name)
	}
	if p.Err() != nil {
		t.Fatal(p.Err())
	}
	return names
}

// rule is a line of differences.txt: peer, part, type and a pattern of names,
// and after "#" why they differ. Lines below "[nsec nsec3]" are of those sets of
// zones; before any such line, of all.
type rule struct {
	peer, part, typ, name, why string
	line                       int
	used                       bool
}

func readRules(t *testing.T, set string) (rules []*rule) {
	t.Helper()
	f, err := os.Open("../testdata/peers/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	mine := true
	for n := 1; lines.Scan(); n++ {
		if sets, ok := strings.CutPrefix(lines.Text(), "["); ok {
			mine = slices.Contains(strings.Fields(strings.TrimSuffix(sets, "]")), set)
			continue
		}
		if !mine {
			continue
		}
		text, why, _ := strings.Cut(lines.Text(), " # ")
		w := strings.Fields(text)
		if len(w) == 0 || w[0] == "#" {
			continue
		}
		if len(w) != 4 || why == "" {
			t.Fatalf("differences.txt:%d: want: peer part type name # why", n)
		}
		rules = append(rules, &rule{w[0], w[1], w[2], w[3], why, n, false})
	}
	return rules
}

func explain(rules []*rule, peer, part string, q dns.Question) bool {
	for _, r := range rules {
		ok, err := path.Match(strings.ReplaceAll(r.name, "/", "|"), strings.ReplaceAll(strings.ToLower(q.Name), "/", "|"))
		if err == nil && ok && r.peer == peer && (r.part == "*" || r.part == part) && (r.typ == "*" || r.typ == dns.Type(q.Qtype).String()) {
			r.used = true
			return true
		}
	}
	return false
}
