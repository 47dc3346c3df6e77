package dnssec

import (
	"crypto"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestSignaturesVerify holds the signatures against another implementation.
func TestSignaturesVerify(t *testing.T) {
	for _, a := range []Algorithm{ECDSAP256SHA256, ECDSAP384SHA384, ED25519} {
		k, err := Generate(a, KSK, Times{})
		if err != nil {
			t.Fatal(err)
		}
		key := &dns.DNSKEY{
			Hdr:   dns.RR_Header{Name: "example.com.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
			Flags: 257, Protocol: 3, Algorithm: uint8(a), PublicKey: base64.StdEncoding.EncodeToString(k.Public),
		}
		if key.KeyTag() != k.Tag() {
			t.Errorf("%v: tag %d, want %d", a, k.Tag(), key.KeyTag())
		}
		if got, want := k.DSLine("example.com", SHA384), key.ToDS(dns.SHA384); want == nil || !sameRR(t, got, want) {
			t.Errorf("%v: DS %s, want %v", a, got, want)
		}
		for range 20 { // numbers of every length
			verify(t, k, key)
		}
	}
}

func sameRR(t *testing.T, line string, want dns.RR) bool {
	got, err := dns.NewRR("$TTL 3600\n" + line)
	if err != nil {
		t.Fatal(err)
	}
	return strings.EqualFold(got.String(), want.String())
}

func verify(t *testing.T, k *Key, key *dns.DNSKEY) {
	t.Helper()
	rr, _ := dns.NewRR("www.example.com. 60 IN A 192.0.2.1")
	sig := &dns.RRSIG{
		Hdr:         dns.RR_Header{Name: "www.example.com.", Rrtype: dns.TypeRRSIG, Class: dns.ClassINET, Ttl: 60},
		TypeCovered: dns.TypeA, Algorithm: uint8(k.Algorithm), Labels: 3, OrigTtl: 60, KeyTag: k.Tag(), SignerName: "example.com.",
		Inception: uint32(time.Now().Unix() - 60), Expiration: uint32(time.Now().Unix() + 60),
	}
	buf := make([]byte, 1024)
	sig.Signature = ""
	head := *sig
	head.Signature = ""
	n, err := dns.PackRR(&head, buf, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	data := append([]byte(nil), buf[len("\x03www\x07example\x03com\x00")+10:n]...)
	n, err = dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := k.Sign(nil, append(data, buf[:n]...))
	if err != nil {
		t.Fatal(err)
	}
	sig.Signature = base64.StdEncoding.EncodeToString(signature)
	if err := sig.Verify(key, []dns.RR{rr}); err != nil {
		t.Errorf("%v: %v", k.Algorithm, err)
	}
}

// testKey256 is a private key of no zone.
func testKey256(t *testing.T) crypto.Signer {
	t.Helper()
	private, err := ECDSAP256SHA256.generate()
	if err != nil {
		t.Fatal(err)
	}
	return private
}
