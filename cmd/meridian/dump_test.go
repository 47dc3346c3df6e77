package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestDump writes a signed zone as text, which other checkers of signed zones accept.
func TestDump(t *testing.T) {
	h := newHome(t)
	h.write("zones/static.example.zone", `$TTL 300
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300
@ IN NS ns1
ns1 IN A 192.0.2.53
*.wild IN TXT "w"
a.b.c IN AAAA 2001:db8::1
child IN NS ns.elsewhere.test.
`)
	h.write("meridian.toml", h.config("\n[zone.\"static.example\"]\ndnssec = true\n"))
	if out, code := h.meridian("dump", "static.example", "-c", "meridian.toml"); code != 1 || !strings.Contains(out, "meridian keys init") {
		t.Errorf("without keys: exit code %d:\n%s", code, out)
	}
	if out, code := h.meridian("keys", "init", "static.example", "-c", "meridian.toml"); code != 0 {
		t.Fatalf("keys init: exit code %d:\n%s", code, out)
	}
	out, code := h.meridian("dump", "Static.Example.", "-c", "meridian.toml")
	if code != 0 || !strings.Contains(out, "\tDNSKEY\t") || strings.Count(out, "\tRRSIG\t") != 11 {
		t.Fatalf("exit code %d:\n%s", code, out)
	}
	h.write("signed", out)
	for _, args := range [][]string{{"ldns-verify-zone", h.path("signed")}, {"dnssec-verify", "-z", "-o", "static.example", h.path("signed")}} {
		if _, err := exec.LookPath(args[0]); err != nil {
			t.Logf("%s is not installed", args[0])
		} else if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", args[0], err, out)
		}
	}
	if out, code := h.meridian("dump", "example.com", "-c", "meridian.toml"); code != 0 || !strings.Contains(out, "GEO\t\"web\"") || strings.Contains(out, "RRSIG") {
		t.Errorf("unsigned: exit code %d:\n%s", code, out)
	}
	if out, code := h.meridian("dump", "none.example", "-c", "meridian.toml"); code != 1 || !strings.Contains(out, "there is no zone none.example") {
		t.Errorf("no such zone: exit code %d:\n%s", code, out)
	}
}
