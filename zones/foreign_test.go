package zones

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/dnssec"
)

// staticText is signedText without its GEO names.
func staticText() string {
	var lines []string
	for line := range strings.Lines(signedText) {
		if !strings.Contains(line, " GEO ") && !strings.HasPrefix(line, "geo") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func dumped(t testing.TB, z *Zone) string {
	t.Helper()
	var b bytes.Buffer
	if err := z.Dump(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A zone that is dumped and read back as one signed elsewhere is the same, and
// others find nothing wrong with it.
func TestDumpedZone(t *testing.T) {
	for _, a := range []dnssec.Algorithm{dnssec.ECDSAP256SHA256, dnssec.ED25519} {
		for _, split := range []bool{false, true} {
			for _, nsec3 := range []bool{false, true} {
				t.Run(fmt.Sprint(a, split, nsec3), func(t *testing.T) {
					s := testSigner(t, exampleCom, testPlan(t, a, split), dnssec.Options{NSEC3: nsec3}, nil)
					text := dumped(t, buildSigned(t, staticText(), s, nil))
					b := buildText(text, nil, nil)
					if b.zone == nil || !b.zone.Signed() || b.zone.Signer() != nil || hasErrors(b.problems) {
						t.Fatalf("read back: %v\n%s", b.problems, text)
					}
					if again := dumped(t, b.zone); again != text {
						t.Errorf("read back as\n%s\nwas\n%s", again, text)
					}
					verifyZone(t, b.zone)
					checkChain(t, b.zone)
					othersAccept(t, text)
				})
			}
		}
	}
}

// othersAccept has the checkers of ldns and BIND look at a zone, where they are
// installed.
func othersAccept(t *testing.T, text string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"ldns-verify-zone", file}, {"dnssec-verify", "-z", "-o", "example.com", file}} {
		path, err := exec.LookPath(args[0])
		if err != nil {
			t.Logf("%s is not installed", args[0])
			continue
		}
		if out, err := exec.Command(path, args[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s\n%s", args[0], err, out, text)
		}
	}
}

// What makes a zone that was signed elsewhere bogus is told, with its place.
func TestForeignZoneProblems(t *testing.T) {
	plan := testPlan(t, dnssec.ED25519, false)
	for _, nsec3 := range []bool{false, true} {
		s := testSigner(t, exampleCom, plan, dnssec.Options{NSEC3: nsec3}, nil)
		text := dumped(t, buildSigned(t, staticText(), s, nil))
		lines := strings.SplitAfter(text, "\n")
		for _, c := range []struct {
			drop, add string // records
			want      string
		}{
			{"mail.example.com.\t3600\tIN\tRRSIG\tA ", "", "no signature covers the A records of mail.example.com."},
			{"example.com.\t3600\tIN\tDNSKEY", "", "the zone has signatures and no DNSKEY record at its apex"},
			{"\tNSEC", "", "the zone has signatures and neither NSEC nor NSEC3 records"},
			{"", "new 60 IN A 192.0.2.1\n", "no signature covers the A records of new.example.com."},
			{"", "new 60 IN TXT \"x\"\n", "no NSEC"},
			{"", "geo 60 IN GEO web\n", "a GEO record in a zone that was signed elsewhere"},
			{"", "mail 3600 IN RRSIG A 15 3 3600 20380101000000 20200101000000 1 example.org. AAAA\n", "the signature over A is by another zone than example.com"},
		} {
			broken := c.add
			for _, line := range lines {
				if c.drop == "" || !strings.Contains(line, c.drop) {
					broken = line + broken
				}
			}
			broken = "example.com. 3600 IN RRSIG SOA 15 2 3600 20380101000000 20200101000000 1 example.com. AAAA\n" + broken // a mark that stays
			b := buildText(broken, nil, nil)
			if b.zone != nil || !strings.Contains(fmt.Sprint(b.problems), c.want) {
				t.Errorf("nsec3 %v, without %q and with %q: %v; want %q", nsec3, c.drop, c.add, b.problems, c.want)
			}
		}
		if b := buildText(text, s, nil); b.zone != nil || !strings.Contains(fmt.Sprint(b.problems), "the zone is signed already") {
			t.Errorf("signed twice: %v", b.problems)
		}
		if b := buildText(staticText()+"x IN RRSIG A 15 3 3600 20380101000000 20200101000000 1 example.com. AAAA\n", s, nil); b.zone != nil {
			t.Error("RRSIG in a zone that is signed here is accepted")
		}
	}
}
