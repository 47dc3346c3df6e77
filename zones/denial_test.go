package zones

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/dnssec"
)

const exampleOrigin = "\x07example\x00"

// The names and types of the zone in RFC 4035 appendix A.
const zone4035 = `$TTL 3600
@       IN SOA ns1 bugs.x.w 1081539377 3600 300 3600000 3600
@       IN NS  ns1
@       IN NS  ns2
@       IN MX  1 xx
a       IN NS  ns1.a
a       IN NS  ns2.a
a       IN DS  57855 5 1 B6DCD485719ADCA18E5F3D48A2331627FDD3636B
ns1.a   IN A   192.0.2.5
ns2.a   IN A   192.0.2.6
ai      IN A   192.0.2.9
ai      IN HINFO "KLH-10" "ITS"
ai      IN AAAA 2001:db8::f00:baa9
b       IN NS  ns1.b
b       IN NS  ns2.b
ns1.b   IN A   192.0.2.7
ns2.b   IN A   192.0.2.8
ns1     IN A   192.0.2.1
ns2     IN A   192.0.2.2
*.w     IN MX  1 ai
x.w     IN MX  1 xx
x.y.w   IN MX  1 xx
xx      IN A   192.0.2.10
xx      IN HINFO "KLH-10" "TOPS-20"
xx      IN AAAA 2001:db8::f00:baaa
`

// zone4592 is that of RFC 4592 section 2.2.1.
const zone4592 = `$TTL 3600
@            IN SOA ns hostmaster 1 7200 3600 1209600 300
@            IN NS  ns.example.com.
@            IN NS  ns.example.net.
*            IN TXT "this is a wildcard"
*            IN MX  10 host1
sub.*        IN TXT "this is not a wildcard"
host1        IN A   192.0.2.1
_ssh._tcp.host1 IN SRV 0 0 22 host1
_ssh._tcp.host2 IN SRV 0 0 22 host1
subdel       IN NS  ns.example.com.
subdel       IN NS  ns.example.net.
`

// zone5155 has the names, hashes and chain of RFC 5155 appendix A, with
// signatures that are none.
func zone5155() string {
	var b strings.Builder
	signed := func(owner, typ, data string) {
		fmt.Fprintf(&b, "%s 3600 IN %s %s\n%s 3600 IN RRSIG %s 7 1 3600 20380101000000 20150420235959 40430 example. AAAA\n", owner, typ, data, owner, typ)
	}
	signed("@", "SOA", "ns1 bugs.x.w 1 3600 300 3600000 3600")
	signed("@", "NS", "ns1")
	signed("@", "MX", "1 xx")
	signed("@", "DNSKEY", "257 3 7 AwEAAaetidLzsKWUt4swWR8yu0wPHPiUi8LU")
	signed("@", "NSEC3PARAM", "1 0 12 aabbccdd")
	signed("2t7b4g4vsa5smi47k61mv5bv1a22bojr", "A", "192.0.2.127")
	b.WriteString("a 3600 IN NS ns1.a\nns1.a 3600 IN A 192.0.2.5\nc 3600 IN NS ns1.c\nns1.c 3600 IN A 192.0.2.7\n")
	signed("a", "DS", "58470 5 1 3079F1593EBAD6DC121E202A8B766A6A4837206C")
	signed("ai", "A", "192.0.2.9")
	signed("ns1", "A", "192.0.2.1")
	signed("ns2", "A", "192.0.2.2")
	signed("*.w", "MX", "1 ai")
	signed("x.w", "MX", "1 xx")
	signed("x.y.w", "MX", "1 xx")
	signed("xx", "A", "192.0.2.10")
	for i, hash := range chain5155 {
		signed(hash, "NSEC3", "1 1 12 aabbccdd "+chain5155[(i+1)%len(chain5155)]+" MX RRSIG")
	}
	return b.String()
}

var chain5155 = []string{
	"0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "2t7b4g4vsa5smi47k61mv5bv1a22bojr", "2vptu5timamqttgl4luu9kg21e0aor3s",
	"35mthgpgcu1qg68fab165klnsnk3dpvl", "b4um86eghhds6nea196smvmlo4ors995", "gjeqe526plbf1g8mklp59enfd789njgi",
	"ji6neoaepv8b5o6k4ev33abha8ht9fgc", "k8udemvp1j2f7eg6jebps17vp3n8i58h", "kohar7mbb8dc2ce8a9qvl8hon4k53uhi",
	"q04jkcevqvmu85r014c7dkba38o0ji5r", "r53bq7cc2uvmubfu5ocmm6pers9tk9en", "t644ebqk9bibcna874givr6joj62mlhv",
}

// denial is which records deny something: the kind of proof, the name asked
// for, and the first labels of the owners.
type denial struct {
	proof, name string
	owners      string
}

func checkDenials(t *testing.T, z *Zone, cases []denial) {
	t.Helper()
	for _, c := range cases {
		n := name(t, c.name)
		m := z.Lookup(n, n.Labels()-1)
		var p Proof
		kind := map[string]Kind{"name": NoName, "wildcard": Wildcard, "wildcard type": Wildcard, "ds": Delegation}[c.proof]
		switch {
		case c.proof == "type":
			kind = m.Kind
			z.DenyType(&p, n, m)
		case c.proof == "name":
			z.DenyName(&p, n, m)
		case c.proof == "wildcard":
			z.DenyCloser(&p, n, m)
		case c.proof == "wildcard type":
			z.DenyType(&p, n, m)
		case c.proof == "ds":
			z.DenyDS(&p, n, m)
		}
		if m.Kind != kind {
			t.Errorf("%s: %v, want %v", c.name, m.Kind, kind)
		}
		var got []string
		for i := range p.Len() {
			owner := strings.TrimSuffix(nameText(string(p.At(i).Owner())), ".")
			got = append(got, strings.TrimSuffix(owner, ".example"))
		}
		slices.Sort(got)
		want := strings.Fields(c.owners)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s at %s: %v, want %v", c.proof, c.name, got, want)
		}
	}
}

// The responses of RFC 4035 appendix B.
func TestDenialsOfRFC4035(t *testing.T) {
	z := signedExample(t, zone4035)
	var chain []string
	for _, id := range z.secured.chain {
		chain = append(chain, strings.TrimSuffix(nameText(string(z.owner(id))), ".example."))
	}
	if want := "example. a ai b ns1 ns2 *.w x.w x.y.w xx"; strings.Join(chain, " ") != want {
		t.Errorf("chain %v, want %s", chain, want)
	}
	checkDenials(t, z, []denial{
		{"name", "ml.example.", "b example"},
		{"type", "ns1.example.", "ns1"},
		{"ds", "mc.b.example.", "b"},
		{"wildcard", "a.z.w.example.", "x.y.w"},
		{"wildcard type", "a.z.w.example.", "x.y.w *.w"},
		{"type", "example.", "example"},
		{"type", "w.example.", "ns2"}, // an empty non-terminal
	})
}

// The responses of RFC 5155 appendix B, in a zone signed elsewhere with opt-out.
func TestDenialsOfRFC5155(t *testing.T) {
	b := buildZone(exampleOrigin, zone5155(), nil, nil)
	if b.zone == nil {
		t.Fatal(b.problems)
	}
	checkDenials(t, b.zone, []denial{
		{"name", "a.c.x.w.example.", chain5155[0] + " " + chain5155[4] + " " + chain5155[3]},
		{"type", "ns1.example.", chain5155[1]},
		{"type", "y.w.example.", chain5155[6]},
		{"ds", "mc.c.example.", chain5155[3] + " " + chain5155[0]},
		{"type", "c.example.", chain5155[3] + " " + chain5155[0]},
		{"wildcard", "a.z.w.example.", chain5155[9]},
		{"wildcard type", "a.z.w.example.", chain5155[7] + " " + chain5155[9] + " " + chain5155[10]},
		{"type", "example.", chain5155[0]},
	})
	// The owners of NSEC3 records are no names of the zone (section 7.2.8).
	n := name(t, chain5155[0]+".example.")
	if m := b.zone.Lookup(n, n.Labels()-1); m.Kind != NoName {
		t.Errorf("the name of an NSEC3 record: %v", m.Kind)
	}
}

// What RFC 4592 section 2.2.1 says of its zone, with the proofs.
func TestDenialsOfRFC4592(t *testing.T) {
	checkDenials(t, signedExample(t, zone4592), []denial{
		{"wildcard", "host3.example.", "_ssh._tcp.host2"},
		{"wildcard type", "host3.example.", "_ssh._tcp.host2 *"},
		{"wildcard", "foo.bar.example.", "sub.*"},
		{"type", "host1.example.", "host1"},
		{"type", "sub.*.example.", "sub.*"},
		{"name", "_telnet._tcp.host1.example.", "_ssh._tcp.host1 host1"},
		{"ds", "host.subdel.example.", "subdel"},
		{"name", "ghost.*.example.", "*"},
	})
}

func signedExample(t *testing.T, text string) *Zone {
	t.Helper()
	s := testSigner(t, exampleOrigin, testPlan(t, dnssec.ED25519, false), dnssec.Options{}, nil)
	b := buildZone(exampleOrigin, text, s, nil)
	if b.zone == nil {
		t.Fatal(b.problems)
	}
	return b.zone
}

func TestDenialsDoNotAllocate(t *testing.T) {
	for _, nsec3 := range []bool{false, true} {
		s := testSigner(t, exampleCom, testPlan(t, dnssec.ED25519, false), dnssec.Options{NSEC3: nsec3}, nil)
		z := buildSigned(t, signedText, s, nil)
		var p Proof
		for _, text := range []string{"none.example.com.", "x.y.mail.example.com.", "any.wild.example.com.", "sub.example.com.", "ent.example.com."} {
			n := name(t, text)
			m := z.Lookup(n, n.Labels()-2)
			allocs := testing.AllocsPerRun(100, func() {
				p.Reset()
				z.DenyName(&p, n, m)
				z.DenyType(&p, n, m)
				p.Reset()
				if m.Kind == Wildcard {
					z.DenyCloser(&p, n, m)
				}
				z.DenyDS(&p, n, m)
			})
			if allocs != 0 {
				t.Errorf("%s: %v allocations", text, allocs)
			}
		}
	}
}

// A search that guesses finds what a plain one does.
func TestFindHash(t *testing.T) {
	for _, size := range []int{0, 1, 2, 3, 100, 5000} {
		var s secured
		for i := range size {
			s.hashes = append(s.hashes, dnssec.Hash([]byte(fmt.Sprint(i)), nil, 0))
		}
		slices.SortFunc(s.hashes, func(a, b [dnssec.HashSize]byte) int { return slices.Compare(a[:], b[:]) })
		for i := range 2 * size {
			hash := dnssec.Hash([]byte(fmt.Sprint(i)), nil, 0)
			want, exact := slices.BinarySearchFunc(s.hashes, hash, func(a, b [dnssec.HashSize]byte) int { return slices.Compare(a[:], b[:]) })
			if got, ok := s.findHash(&hash); got != want || ok != exact {
				t.Fatalf("%d of %d: %d %v, want %d %v", i, size, got, ok, want, exact)
			}
		}
	}
}

// BenchmarkDenial denies names of a zone of a million records.
func BenchmarkDenial(b *testing.B) {
	names := make([]*Name, 4096)
	for i := range names {
		names[i] = new(Name)
		wire, _ := appendName(nil, fmt.Appendf(nil, "host%dx.example.com.", i*119), "\x00")
		names[i].Set(wire)
	}
	for _, nsec3 := range []bool{false, true} {
		s := testSigner(b, exampleCom, testPlan(b, dnssec.ED25519, false), dnssec.Options{NSEC3: nsec3}, nil)
		z := buildSigned(b, bigZone(1_000_000), s, nil)
		b.Run(fmt.Sprintf("nsec3=%v", nsec3), func(b *testing.B) {
			var p Proof
			i := 0
			for b.Loop() {
				p.Reset()
				n := names[i%len(names)]
				z.DenyName(&p, n, z.Lookup(n, n.Labels()-2))
				i++
			}
		})
	}
}
