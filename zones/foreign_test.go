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

// A check verifies what was signed elsewhere; who serves does not.
func TestForeignSignatures(t *testing.T) {
	for _, nsec3 := range []bool{false, true} {
		s := testSigner(t, exampleCom, testPlan(t, dnssec.ECDSAP256SHA256, true), dnssec.Options{NSEC3: nsec3}, nil)
		text := dumped(t, buildSigned(t, staticText(), s, nil))
		if b := buildAside(text, nil); b.zone == nil || len(b.problems) > 0 {
			t.Errorf("nsec3 %v: as it was signed: %v", nsec3, b.problems)
		}
		const host = "mail.example.com.\t3600\tIN\tA\t"
		if !strings.Contains(text, host) {
			t.Fatal(text)
		}
		forged := strings.Replace(text, host, host+"192.0.2.250\n"+host, 1)
		want := "no signature fits the A records of mail.example.com."
		if b := buildAside(forged, nil); b.zone == nil || len(b.problems) != 1 || !strings.Contains(b.problems[0].String(), want) {
			t.Errorf("nsec3 %v: %v, want %q", nsec3, b.problems, want)
		}
		if b := buildText(forged, nil, nil); b.zone == nil || len(b.problems) > 0 {
			t.Errorf("nsec3 %v, served: %v", nsec3, b.problems)
		}
	}
}

// Aside, a zone that can be signed is passed without a signature.
func TestNotSignedAside(t *testing.T) {
	s := testSigner(t, exampleCom, testPlan(t, dnssec.ECDSAP256SHA256, false), dnssec.Options{}, nil)
	if b := buildAside(signedText, s); b.zone == nil || b.zone.Signed() || s.Made() != 0 {
		t.Errorf("%d signatures made: %v", s.Made(), b.problems)
	}
	if b := buildAside(signedText+"x 60 IN RRSIG A 15 3 3600 20380101000000 20200101000000 1 example.com. AAAA\n", s); b.zone != nil {
		t.Error("RRSIG in a zone that is to be signed here passes")
	}
}

func buildAside(zone string, s *dnssec.Signer) built {
	return buildWith(exampleCom, zone, s, nil, true)
}

// An empty non-terminal needs an NSEC3 record, unless it stands in an opt-out
// span.
func TestForeignEmptyNonTerminal(t *testing.T) {
	s := testSigner(t, exampleCom, testPlan(t, dnssec.ED25519, false), dnssec.Options{NSEC3: true}, nil)
	z := buildSigned(t, "$ORIGIN example.com.\n@ 300 IN SOA ns1 h 1 2 3 4 300\n@ IN NS ns1\nns1 IN A 192.0.2.1\na.ent IN A 192.0.2.2\n", s, nil)
	text := dumped(t, z)
	hash := dnssec.Hash([]byte("\x03ent"+exampleCom), nil, 0)
	label := string(dnssec.AppendLabel(nil, &hash)[1:])
	i, ok := z.secured.findHash(&hash)
	if !ok {
		t.Fatal("no NSEC3 record for ent")
	}
	n := len(z.secured.hashes)
	prev, next := z.secured.hashes[(i+n-1)%n], z.secured.hashes[(i+1)%n]
	upper := func(h [dnssec.HashSize]byte) string { return strings.ToUpper(string(dnssec.AppendLabel(nil, &h)[1:])) }
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, label) {
			continue
		}
		if strings.HasPrefix(line, strings.ToLower(upper(prev))) && strings.Contains(line, "\tNSEC3\t") {
			line = strings.Replace(line, upper(hash), upper(next), 1)
		}
		kept.WriteString(line)
	}
	want := "no NSEC3 record for the empty non-terminal ent.example.com."
	if b := buildText(kept.String(), nil, nil); b.zone != nil || !strings.Contains(fmt.Sprint(b.problems), want) {
		t.Errorf("%v, want %q\n%s", b.problems, want, kept.String())
	}
	optOut := strings.ReplaceAll(kept.String(), "NSEC3\t1 0 0 ", "NSEC3\t1 1 0 ")
	if b := buildText(optOut, nil, nil); b.zone == nil {
		t.Errorf("opt-out: %v", b.problems)
	}
}

// A zone whose name leaves no room for a hash is refused with NSEC3.
func TestNameTooLongForHashes(t *testing.T) {
	label := strings.Repeat("x", 54)
	origin := strings.Repeat("\x36"+label, 4) + "\x03com\x00" // 225 octets
	text := "@ 300 IN SOA ns h 1 2 3 4 300\n@ IN NS ns\nns IN A 192.0.2.1\n"
	for _, nsec3 := range []bool{false, true} {
		s := testSigner(t, origin, testPlan(t, dnssec.ED25519, false), dnssec.Options{NSEC3: nsec3}, nil)
		b := buildZone(origin, text, s, nil)
		if (b.zone == nil) != nsec3 || nsec3 && !strings.Contains(fmt.Sprint(b.problems), "too long for NSEC3") {
			t.Errorf("nsec3 %v: %v", nsec3, b.problems)
		}
	}
}
