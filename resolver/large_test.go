package resolver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/zones"
)

// TestLargeWildcardAnswerIsWhole asks over TCP for a wildcard's data of more than
// 16 KiB, behind which no compression pointer reaches: the proof that goes with
// it is there and verifies, with NSEC and NSEC3.
func TestLargeWildcardAnswerIsWhole(t *testing.T) {
	var text strings.Builder
	text.WriteString("$TTL 60\n@ SOA ns.example.net. h.example.net. 1 2 3 4 5\n@ NS ns.example.net.\na A 192.0.2.1\nz A 192.0.2.1\n")
	for i := range 90 {
		fmt.Fprintf(&text, "*.big TXT \"%03d%s\"\n", i, strings.Repeat("x", 200))
	}
	for _, nsec3 := range []bool{false, true} {
		signer := newSigner(t, "large.test.", dnssec.Options{NSEC3: nsec3})
		entry := signedZone(t, "large.test.zone", text.String(), state(t), signer)
		a := &asker{t: t, view: NewView(nil, zones.NewSet([]zones.Entry{entry}), state(t), &Options{}), scratch: new(Scratch), client: "198.51.100.1", transport: TCP}
		for _, name := range []string{"any.big.large.test.", "a.b.c.big.large.test."} {
			m := question(name, dns.TypeTXT)
			m.SetEdns0(1232, true)
			r := a.ask(m)
			if r.Truncated || len(r.Answer) != 91 || len(r.Ns) != 2 || r.Len() < 1<<14 {
				t.Errorf("%s, NSEC3 %v: TC %v, %d and %d records", name, nsec3, r.Truncated, len(r.Answer), len(r.Ns))
				continue
			}
			proof, sig := r.Ns[0], r.Ns[1].(*dns.RRSIG)
			if owner := proof.Header().Name; owner != sig.Hdr.Name || !strings.HasSuffix(owner, "large.test.") {
				t.Errorf("%s: a proof at %s, its signature at %s", name, owner, sig.Hdr.Name)
			}
			if err := sig.Verify(keyOf(signer, "large.test."), []dns.RR{proof}); err != nil {
				t.Errorf("%s, NSEC3 %v: %v: %v", name, nsec3, proof, err)
			}
		}
	}
}
