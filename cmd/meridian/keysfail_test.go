package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
)

// geoZone is plainZone with a geo name.
const geoZone = plainZone + "www  IN GEO web\n"

// TestSigningFails gives a running server more keys than can sign at once, as a copy of the wrong folder may: keys that
// are fine each, with which the zone cannot be signed. The last good signatures serve on, static and geo, through an
// edit; log, metrics and status say so. When the keys are right again, so is the zone.
func TestSigningFails(t *testing.T) {
	t.Parallel()
	h := newSigned(t, "")
	h.write("zones/example.com.zone", geoZone)
	h.must("init", "example.com", "--algorithm", "ED25519")
	server := h.serve()
	keys := h.dnskeyRRs()
	if len(keys) != 1 || !h.signedAddress(keys, "192.0.2.53") || !h.signedGeo(keys) {
		t.Fatalf("not signed at first:\n%s", server.output())
	}
	right, wrong := h.path("state/keys/example.com"), h.path("wrong")
	h.manyKeys(right, wrong, 256)
	swap := func(in, out string) {
		t.Helper()
		if err := os.Rename(right, out); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(in, right); err != nil {
			t.Fatal(err)
		}
	}
	swap(wrong, h.path("aside"))
	const said = "the zone cannot be signed: 257 keys sign at once, and no more than 255 can"
	if !eventually(func() bool { return strings.Contains(server.output(), said) }) {
		t.Fatalf("no line says %q:\n%s", said, server.output())
	}
	failed := func() string { return h.scrape()["meridian_dnssec_signing_failures_total"] }
	before := failed()
	h.write("zones/example.com.zone", strings.Replace(geoZone, "192.0.2.53", "192.0.2.54", 1))
	if !eventually(func() bool { return failed() != before }) {
		t.Errorf("the edit was not tried: %s failures:\n%s", before, server.output())
	}
	if !h.signedAddress(keys, "192.0.2.53") || !h.signedGeo(keys) || len(h.dnskeyRRs()) != 1 {
		t.Errorf("the last good signatures are not served:\n%s", server.output())
	}
	for _, name := range []string{`meridian_zone_load_errors{zone="example.com"}`, `meridian_alarms{alarm="zones"}`} {
		if !eventually(func() bool { return h.scrape()[name] == "1" }) {
			t.Errorf("%s is %q", name, h.scrape()[name])
		}
	}
	if before == "0" || before == "" {
		t.Errorf("%q failures are counted", before)
	}
	swap(h.path("aside"), wrong)
	if !eventually(func() bool { return h.signedAddress(keys, "192.0.2.54") && h.signedGeo(keys) }) {
		t.Errorf("with the right keys again the edit is not served:\n%s", server.output())
	}
}

// manyKeys fills a folder with the keys of another and as many more that sign.
func (h *home) manyKeys(from, to string, more int) {
	h.t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		h.t.Fatal(err)
	}
	ring, err := dnssec.Load(from, "example.com")
	if err != nil {
		h.t.Fatal(err)
	}
	tags := map[uint16]bool{ring.Keys[0].Tag(): true}
	for len(tags) <= more {
		k, err := dnssec.Generate(ring.Algorithm(), dnssec.CSK, ring.Keys[0].Times)
		if err == nil && !tags[k.Tag()] {
			tags[k.Tag()] = true
			err = k.WriteFiles(to, "example.com")
		}
		if err != nil {
			h.t.Fatal(err)
		}
	}
	files, _ := filepath.Glob(filepath.Join(to, "*"))
	for _, f := range files { // a copy may have opened them to others
		if err := os.Chmod(f, 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
}

// signedGeo tells whether www.example.com has an address with a signature by the first key.
func (h *home) signedGeo(keys []*dns.DNSKEY) bool {
	answer := h.secure("www.example.com", dns.TypeA)
	if len(answer) < 2 {
		return false
	}
	sig, ok := answer[len(answer)-1].(*dns.RRSIG)
	return ok && sig.ValidityPeriod(time.Now()) && sig.Verify(keys[0], answer[:len(answer)-1]) == nil
}

// TestSignaturesCannotBeKept fills the folder that keeps signatures: zones are signed and served all the same, and the
// log says that a start will have to sign anew.
func TestSignaturesCannotBeKept(t *testing.T) {
	t.Parallel()
	h := newSigned(t, "")
	folder := h.path("state/signatures")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	tinyFolder(t, folder)
	h.must("init", "example.com")
	server := h.serve()
	keys := h.dnskeyRRs()
	if len(keys) != 1 || !h.signedAddress(keys, "192.0.2.53") {
		t.Fatalf("not signed at first:\n%s", server.output())
	}
	var b strings.Builder
	b.WriteString(strings.Replace(plainZone, "192.0.2.53", "192.0.2.54", 1))
	for i := range 800 {
		fmt.Fprintf(&b, "h%d IN A 192.0.2.1\n", i)
	}
	h.write("zones/example.com.zone", b.String())
	if !eventually(func() bool { return h.signedAddress(keys, "192.0.2.54") }) {
		t.Errorf("the edit is not served signed:\n%s", server.output())
	}
	const said = "no space left on device"
	if !eventually(func() bool { return strings.Contains(server.output(), said) }) {
		t.Errorf("no line says %q:\n%s", said, server.output())
	}
}
