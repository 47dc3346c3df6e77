package dnssec

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func wire(t testing.TB, name string) []byte {
	t.Helper()
	buf := make([]byte, 255)
	n, err := dns.PackDomainName(strings.ToLower(name), buf, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// The order of RFC 4034 section 6.1.
func TestCompareNames(t *testing.T) {
	names := []string{
		"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.", "z.example.",
		"\\001.z.example.", "*.z.example.", "\\200.z.example.",
	}
	for i := range names {
		for j := range names {
			got := CompareNames(wire(t, names[i]), wire(t, names[j]))
			if got < 0 != (i < j) || got == 0 != (i == j) {
				t.Errorf("%s and %s: %d", names[i], names[j], got)
			}
		}
	}
}

// The hashes of RFC 5155 appendix A: SHA-1, 12 iterations, salt aabbccdd.
func TestHashOfRFC5155(t *testing.T) {
	for name, want := range map[string]string{
		"example.": "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "a.example.": "35mthgpgcu1qg68fab165klnsnk3dpvl",
		"ai.example.": "gjeqe526plbf1g8mklp59enfd789njgi", "ns1.example.": "2t7b4g4vsa5smi47k61mv5bv1a22bojr",
		"ns2.example.": "q04jkcevqvmu85r014c7dkba38o0ji5r", "w.example.": "k8udemvp1j2f7eg6jebps17vp3n8i58h",
		"*.w.example.": "r53bq7cc2uvmubfu5ocmm6pers9tk9en", "x.w.example.": "b4um86eghhds6nea196smvmlo4ors995",
		"y.w.example.": "ji6neoaepv8b5o6k4ev33abha8ht9fgc", "x.y.w.example.": "2vptu5timamqttgl4luu9kg21e0aor3s",
		"xx.example.": "t644ebqk9bibcna874givr6joj62mlhv",
		"2t7b4g4vsa5smi47k61mv5bv1a22bojr.example.": "kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
	} {
		hash := Hash(wire(t, name), []byte{0xaa, 0xbb, 0xcc, 0xdd}, 12)
		label := AppendLabel(nil, &hash)
		if string(label[1:]) != want || label[0] != 32 {
			t.Errorf("%s: %s, want %s", name, label[1:], want)
		}
		if back, ok := ParseLabel(bytes.ToUpper(label[1:])); !ok || back != hash {
			t.Errorf("%s is not read back", label[1:])
		}
	}
	for _, bad := range []string{"", "0p9mhaveqvm6t7vbl5lop2u3t2rp3to", "wp9mhaveqvm6t7vbl5lop2u3t2rp3tom", "@p9mhaveqvm6t7vbl5lop2u3t2rp3tom"} {
		if _, ok := ParseLabel([]byte(bad)); ok {
			t.Errorf("%q accepted", bad)
		}
	}
	name := wire(t, "www.example.com.")
	if n := testing.AllocsPerRun(100, func() { Hash(name, nil, 0) }); n != 0 {
		t.Errorf("%v allocations a hash", n)
	}
}

// The bitmap of RFC 4034 section 4.3.
func TestBitmap(t *testing.T) {
	types := []uint16{dns.TypeA, dns.TypeMX, dns.TypeRRSIG, dns.TypeNSEC, 1234}
	got := AppendBitmap(nil, types)
	want := append([]byte{0, 6, 0x40, 1, 0, 0, 0, 3, 4, 27}, make([]byte, 27)...)
	want[len(want)-1] = 0x20
	if !bytes.Equal(got, want) {
		t.Errorf("% x", got)
	}
	for typ := range uint16(2000) {
		if HasType(got, typ) != slices.Contains(types, typ) {
			t.Errorf("type %d", typ)
		}
	}
	for i := range got {
		HasType(got[:i], 1234) // must not panic
	}
}

// Names in RDATA are folded for the types of RFC 4034 section 6.2 and not for
// those that RFC 6840 section 5.1 excepts; the library agrees.
func TestLowerFoldsNames(t *testing.T) {
	for _, text := range []string{
		"A 192.0.2.65", "NS Ns.Example.", "SOA Ns.Example. Host.Example. 65 66 67 68 69", "MX 65 Mail.Example.", "TXT \"Text\"",
		"SRV 65 66 67 Srv.Example.", "NAPTR 65 66 \"S\" \"SIP\" \"!A!B!\" Rep.Example.", "CNAME C.Example.", "DNAME D.Example.",
		"PTR P.Example.", "RP M.Example. T.Example.", "AFSDB 65 A.Example.", "KX 65 K.Example.", "PX 65 A.Example. B.Example.", "MINFO A.Example. B.Example.",
		"RT 65 R.Example.", "SVCB 65 S.Example.", "HTTPS 1 H.Example.", "NSEC N.Example. A", "CAA 0 issue \"CA.Example\"",
	} {
		rr, err := dns.NewRR("o. 60 IN " + text)
		if err != nil {
			t.Fatal(err)
		}
		typ := rr.Header().Rrtype
		folded := typ != dns.TypeNSEC && typ != dns.TypeSVCB && typ != dns.TypeHTTPS && typ != dns.TypeTXT && typ != dns.TypeCAA && typ != dns.TypeNAPTR
		got := rdataOf(t, rr)
		want := slices.Clone(got)
		Lower(typ, got)
		switch {
		case typ == dns.TypeNAPTR:
			lower := []byte("\x03rep\x07example\x00")
			want = append(want[:len(want)-len(lower)], lower...)
		case folded:
			want = rdataOf(t, lowered(t, text))
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
		for i := range got {
			Lower(typ, got[:i]) // must not panic
		}
	}
}

func lowered(t *testing.T, text string) dns.RR {
	typ, rest, _ := strings.Cut(text, " ")
	rr, err := dns.NewRR("o. 60 IN " + typ + " " + strings.ToLower(rest))
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

// rdataOf is the RDATA of an RR, names whole.
func rdataOf(t *testing.T, rr dns.RR) []byte {
	buf := make([]byte, 1024)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	return buf[3+10 : n]
}
