package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestKeysLost takes the keys away from a running server: it signs edits on with those it has, and says so. A check
// then refuses the zone, as a start would.
func TestKeysLost(t *testing.T) {
	t.Parallel()
	h := newSigned(t, "")
	h.must("init", "example.com")
	server := h.serve()
	keys := h.dnskeyRRs()
	if len(keys) != 1 || !h.signedAddress(keys, "192.0.2.53") {
		t.Fatalf("not signed at first:\n%s", server.output())
	}
	for _, file := range h.files("state/keys/example.com/*.private") {
		if err := os.Chmod(file, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const said = "those read before stay in force"
	if !eventually(func() bool { return strings.Contains(server.output(), said) }) {
		t.Errorf("no line says %q:\n%s", said, server.output())
	}
	h.write("zones/example.com.zone", strings.Replace(plainZone, "192.0.2.53", "192.0.2.54", 1))
	if !eventually(func() bool { return h.signedAddress(keys, "192.0.2.54") }) {
		t.Errorf("an edit is not served with a signature that fits:\n%s", server.output())
	}
	if out, code := h.meridian("check", "--config", "meridian.toml"); code != 1 || !strings.Contains(out, "others may open this private key") {
		t.Errorf("check: exit code %d\n%s", code, out)
	}
}

// secure asks with DO.
func (h *home) secure(name string, typ uint16) []dns.RR {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(name), typ)
	m.SetEdns0(1232, true)
	c := &dns.Client{Timeout: 5 * time.Second}
	r, _, err := c.Exchange(m, h.listen.String())
	if err != nil {
		return nil
	}
	return r.Answer
}

func (h *home) dnskeyRRs() (keys []*dns.DNSKEY) {
	for _, rr := range h.secure("example.com", dns.TypeDNSKEY) {
		if key, ok := rr.(*dns.DNSKEY); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// signedAddress tells whether ns1.example.com has an address with a signature by the first key.
func (h *home) signedAddress(keys []*dns.DNSKEY, want string) bool {
	answer := h.secure("ns1.example.com", dns.TypeA)
	if len(answer) != 2 {
		return false
	}
	a, isA := answer[0].(*dns.A)
	sig, isSig := answer[1].(*dns.RRSIG)
	return isA && isSig && a.A.String() == want && sig.Verify(keys[0], answer[:1]) == nil
}
