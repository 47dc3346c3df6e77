package zones

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"maps"
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
)

// testPlan makes keys of an algorithm: one CSK, or a KSK and a ZSK.
func testPlan(t testing.TB, a dnssec.Algorithm, split bool) dnssec.Plan {
	t.Helper()
	roles := []dnssec.Role{dnssec.CSK}
	if split {
		roles = []dnssec.Role{dnssec.KSK, dnssec.ZSK}
	}
	var p dnssec.Plan
	for _, role := range roles {
		k, err := dnssec.Generate(a, role, dnssec.Times{})
		if err != nil {
			t.Fatal(err)
		}
		p.DNSKEY = append(p.DNSKEY, k.DNSKEY())
		if role != dnssec.ZSK {
			p.KeySigners = append(p.KeySigners, k)
		}
		if role != dnssec.KSK {
			p.ZoneSigners = append(p.ZoneSigners, k)
		}
	}
	return p
}

func testSigner(t testing.TB, origin string, p dnssec.Plan, o dnssec.Options, c *dnssec.Cache) *dnssec.Signer {
	t.Helper()
	s, err := dnssec.NewSigner(origin, p, o, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// buildSigned compiles the text of example.com, signed.
func buildSigned(t testing.TB, text string, s *dnssec.Signer, prev *Zone) *Zone {
	t.Helper()
	b := buildText(text, s, prev)
	if b.zone == nil {
		t.Fatalf("zone refused: %v", b.problems)
	}
	return b.zone
}

const exampleCom = "\x07example\x03com\x00"

func buildText(zone string, s *dnssec.Signer, prev *Zone) built {
	return buildZone(exampleCom, zone, s, prev)
}

func buildZone(origin, zone string, s *dnssec.Signer, prev *Zone) built {
	return buildWith(origin, zone, s, prev, false)
}

func buildWith(origin, zone string, s *dnssec.Signer, prev *Zone, aside bool) built {
	in := text{
		origin: origin, files: []string{"zones/example.com.zone"}, src: strings.NewReader(zone), size: int64(len(zone)),
		open: nothing, limits: Limits{}.withDefaults(), prev: prev, aside: aside,
		geo: func(string) (GeoInfo, error) { return GeoInfo{A: true, AAAA: true}, nil },
	}
	if s != nil {
		in.sign = func() (*dnssec.Signer, error) { return s, nil }
	}
	return build(in, maphash.MakeSeed())
}

// rrs unpacks RRs in wire form whose owner is c00c.
func rrs(t testing.TB, z *Zone, owner, wire []byte, fixes ...uint16) (list []dns.RR) {
	t.Helper()
	msg := append(make([]byte, 12), owner...)
	msg = append(msg, 0, 1, 0, 1)
	apex := 12 + len(owner) - len(z.origin)
	from := len(msg)
	msg = append(msg, wire...)
	for _, fix := range fixes {
		msg[from+int(fix)+1] = byte(apex)
	}
	for at := from; at < len(msg); {
		rr, next, err := dns.UnpackRR(msg, at)
		if err != nil {
			t.Fatalf("%s: %v", nameText(string(owner)), err)
		}
		list = append(list, rr)
		at = next
	}
	return list
}

// verifyZone holds that every RRset of a zone has the signatures that it
// should, and that they verify.
func verifyZone(t testing.TB, z *Zone) {
	t.Helper()
	var keys []*dns.DNSKEY
	set, ok := z.Find(0, dns.TypeDNSKEY)
	if !ok {
		t.Fatal("no DNSKEY RRset")
	}
	for _, rr := range rrs(t, z, []byte(z.origin), set.Wire()) {
		keys = append(keys, rr.(*dns.DNSKEY))
	}
	for id := range z.nodes {
		for i := range z.Sets(NodeID(id)) {
			set := z.At(NodeID(id), i)
			if want := (&signing{old: z}).signs(uint32(id), set.Type()); want != (set.SigCount() > 0) {
				t.Errorf("%s %s: %d signatures, signed %v", nameText(string(z.owner(uint32(id)))), typeText(set.Type()), set.SigCount(), want)
			}
			verifySet(t, z, z.owner(uint32(id)), set, keys)
		}
	}
	for i := range z.secured.hashes {
		d := z.nsec3(i)
		verifySet(t, z, d.Owner(), d.RRset, keys)
	}
	verifySet(t, z, []byte(z.origin), z.Negative(), keys)
}

func verifySet(t testing.TB, z *Zone, owner []byte, set RRset, keys []*dns.DNSKEY) {
	t.Helper()
	covered := rrs(t, z, owner, set.Wire(), set.Fixes()...)
	sigs := rrs(t, z, owner, set.Signatures())
	if !bytes.Equal(set.Secured(), append(slices.Clone(set.Wire()), set.Signatures()...)) {
		t.Error("Secured is not Wire and Signatures")
	}
	for _, rr := range sigs {
		sig := rr.(*dns.RRSIG)
		i := slices.IndexFunc(keys, func(k *dns.DNSKEY) bool { return k.KeyTag() == sig.KeyTag })
		if i < 0 {
			t.Errorf("%v: by no key of the zone", sig)
			continue
		}
		// The TTL may be lower than the one that was signed.
		if sig.Hdr.Ttl != set.TTL() || sig.OrigTtl < set.TTL() {
			t.Errorf("%v: TTL of the RRset %d", sig, set.TTL())
		}
		if err := sig.Verify(keys[i], covered); err != nil {
			t.Errorf("%v: %v", sig, err)
		}
	}
}

const signedText = `$TTL 3600
@          IN SOA Ns1 hostmaster 7 7200 3600 1209600 300
@          IN NS  ns1
@          IN MX  10 Mail.Example.COM.
@          IN MX  5 mail
ns1        IN A   192.0.2.53
mail       IN A   192.0.2.25
mail       IN AAAA 2001:db8::25
www        IN CNAME Mail
a.b.ent    IN A   192.0.2.81
*.wild     IN TXT "w"
ex.wild    IN TXT "x"
sub        IN NS  ns.sub
sub        IN NS  ns.Elsewhere.test.
ns.sub     IN A   192.0.2.90
safe       IN NS  ns.elsewhere.test.
safe       IN DS  60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118
only.cut.ent2 IN NS ns.elsewhere.test.
dname      IN DNAME Target
geo     60 IN GEO web
geo        IN MX  10 www
pure    60 IN GEO web
naptr      IN NAPTR 10 20 "u" "sip+E2U" "!x!y!" Big.Name.test.
srv        IN SRV 1 2 53 NS1
\000\001.odd IN TXT "odd"
\001.odd   IN TXT "odd"
`

func TestSignedZoneVerifies(t *testing.T) {
	for _, a := range []dnssec.Algorithm{dnssec.ECDSAP256SHA256, dnssec.ED25519, dnssec.ECDSAP384SHA384} {
		for _, split := range []bool{false, true} {
			for _, nsec3 := range []bool{false, true} {
				t.Run(fmt.Sprint(a, split, nsec3), func(t *testing.T) {
					s := testSigner(t, exampleCom, testPlan(t, a, split), dnssec.Options{NSEC3: nsec3}, nil)
					z := buildSigned(t, signedText, s, nil)
					verifyZone(t, z)
					checkChain(t, z)
				})
			}
		}
	}
}

// checkChain holds that the chain visits every name that it has to once, in
// order, with the types there are, and comes back to its start.
func checkChain(t testing.TB, z *Zone) {
	t.Helper()
	if len(z.secured.hashes) > 0 {
		checkHashes(t, z)
		return
	}
	want := map[string]bool{}
	for id := range z.nodes {
		if d := &z.nodes[id]; (d.count > 0 || d.geo != 0) && (d.cut == 0 || d.cut == uint32(id)) {
			want[string(z.owner(uint32(id)))] = true
		}
	}
	at := z.origin
	for range len(want) {
		if !want[at] {
			t.Fatalf("%s is in the chain twice, or should not be", nameText(at))
		}
		delete(want, at)
		var n Name
		setName(&n, at)
		id, _ := z.find(&n, 0)
		set, ok := z.Find(NodeID(id), dns.TypeNSEC)
		if !ok {
			t.Fatalf("no NSEC at %s", nameText(at))
		}
		nsec := rrs(t, z, []byte(at), set.Wire())[0].(*dns.NSEC)
		if set.TTL() != z.Negative().TTL() {
			t.Errorf("NSEC TTL %d", set.TTL())
		}
		sameTypes(t, z, id, nsec.TypeBitMap)
		next := wireOf(t, nsec.NextDomain)
		if next != z.origin && dnssec.CompareNames([]byte(at), []byte(next)) >= 0 {
			t.Errorf("%s does not come after %s", nsec.NextDomain, nameText(at))
		}
		at = next
	}
	if at != z.origin || len(want) > 0 {
		t.Errorf("the chain ends at %s, without %q", nameText(at), slices.Sorted(maps.Keys(want)))
	}
}

func checkHashes(t testing.TB, z *Zone) {
	t.Helper()
	want := map[string]uint32{}
	for id := range z.nodes {
		if d := &z.nodes[id]; d.cut == 0 || d.cut == uint32(id) {
			hash := dns.HashName(nameText(string(z.owner(uint32(id)))), dns.SHA1, 0, "")
			want[strings.ToLower(hash)] = uint32(id)
		}
	}
	if len(want) != len(z.secured.hashes) {
		t.Fatalf("%d hashes, want %d", len(z.secured.hashes), len(want))
	}
	for i := range z.secured.hashes {
		d := z.nsec3(i)
		label := string(d.Owner()[1:33])
		id, ok := want[label]
		if !ok {
			t.Fatalf("%s is in the chain twice, or should not be", label)
		}
		delete(want, label)
		rr := rrs(t, z, d.Owner(), d.Wire())[0].(*dns.NSEC3)
		following := z.nsec3((i + 1) % len(z.secured.hashes))
		if next := string(following.Owner()[1:33]); strings.ToLower(rr.NextDomain) != next {
			t.Errorf("%s leads to %s, not %s", label, rr.NextDomain, next)
		}
		if rr.Iterations != 0 || rr.SaltLength != 0 || rr.Flags != 0 {
			t.Errorf("%v", rr)
		}
		sameTypes(t, z, id, rr.TypeBitMap)
	}
}

// sameTypes compares a bitmap with what a node has.
func sameTypes(t testing.TB, z *Zone, id uint32, got []uint16) {
	t.Helper()
	var want []uint16
	signed := len(z.secured.hashes) == 0
	for i := range z.Sets(NodeID(id)) {
		typ := z.At(NodeID(id), i).Type()
		if !z.isCut(id) || typ == typeNS || typ == dns.TypeDS || typ == dns.TypeNSEC {
			want = append(want, typ)
			signed = signed || !z.isCut(id) || typ == dns.TypeDS
		}
	}
	if z.nodes[id].geo != 0 {
		want = append(want, typeA, typeAAAA)
		signed = true
	}
	if signed {
		want = append(want, dns.TypeRRSIG)
	}
	slices.Sort(want)
	if !slices.Equal(want, got) {
		t.Errorf("%s: types %v, want %v", nameText(string(z.owner(id))), got, want)
	}
}

func wireOf(t testing.TB, text string) string {
	t.Helper()
	wire, err := appendName(nil, []byte(text), "\x00")
	if err != nil {
		t.Fatal(err)
	}
	lowerASCII(wire)
	return string(wire)
}

// randomZone is a zone of random names with all that complicates a chain.
func randomZone(r *rand.Rand) string {
	var b strings.Builder
	b.WriteString("$TTL 300\n@ IN SOA ns hostmaster 1 7200 3600 1209600 60\n@ IN NS ns.test.\n")
	labels := []string{"a", "b", "B", "ab", "*", "z", "\\000", "\\001", "a\\000", "\\200", "host", "host1", "longlabel-longlabel-1", "longlabel-longlabel-2"}
	for range r.Intn(30) {
		var name []string
		for range 1 + r.Intn(4) {
			name = append(name, labels[r.Intn(len(labels))])
		}
		owner := strings.Join(name, ".")
		switch r.Intn(8) {
		case 0:
			if !strings.HasPrefix(owner, "*") {
				fmt.Fprintf(&b, "%s IN NS ns.other.test.\n", owner)
			}
		case 1:
			if !strings.HasPrefix(owner, "*") {
				fmt.Fprintf(&b, "%s IN NS ns.other.test.\n%s IN DS 1 13 2 %064d\n", owner, owner, 1)
			}
		case 2:
			fmt.Fprintf(&b, "%s IN TXT \"t\"\n%s IN A 192.0.2.2\n", owner, owner)
		default:
			fmt.Fprintf(&b, "%s IN A 192.0.2.1\n", owner)
		}
	}
	return b.String()
}

// What a zone has is in its chain, what it has not is covered, whatever the
// zone: with an edit after it that uses what the version before had.
func TestRandomZones(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	rounds := 40
	if testing.Short() {
		rounds = 10
	}
	plan := testPlan(t, dnssec.ED25519, false)
	for _, nsec3 := range []bool{false, true} {
		s := testSigner(t, exampleCom, plan, dnssec.Options{NSEC3: nsec3}, nil)
		var prev *Zone
		for range rounds {
			text := randomZone(r)
			b := buildText(text, s, prev)
			if b.zone == nil {
				continue // refused by other rules
			}
			verifyZone(t, b.zone)
			checkChain(t, b.zone)
			for range 50 {
				checkDenial(t, b.zone, randomName(r))
			}
			if t.Failed() {
				t.Fatal(text)
			}
			prev = b.zone
		}
	}
}

func randomName(r *rand.Rand) string {
	labels := []string{"a", "b", "ab", "z", "*", "q", "\\000", "\\001", "\\000\\000", "host", "host0", "zz", "longlabel-longlabel-1", "longlabel-longlabel-15"}
	name := ""
	for range 1 + r.Intn(5) {
		name += labels[r.Intn(len(labels))] + "."
	}
	return name + "example.com."
}

// checkDenial holds that the proofs for a name are what a validator asks for.
func checkDenial(t testing.TB, z *Zone, name string) {
	t.Helper()
	var n Name
	setName(&n, wireOf(t, name))
	m := z.Lookup(&n, n.Labels()-2)
	var p Proof
	switch m.Kind {
	case NoName:
		z.DenyName(&p, &n, m)
		wantCovered(t, z, &p, n.Wire(), n.Suffix(max(m.Label-1, 0)))
		wild := append([]byte("\x01*"), n.Suffix(m.Label)...)
		wantCovered(t, z, &p, wild, wild)
		wantMatched(t, z, &p, n.Suffix(m.Label), true)
	case Wildcard:
		z.DenyCloser(&p, &n, m)
		wantCovered(t, z, &p, n.Wire(), n.Suffix(max(m.Label-1, 0)))
		p.Reset()
		z.DenyType(&p, &n, m)
		wantCovered(t, z, &p, n.Wire(), n.Suffix(max(m.Label-1, 0)))
		if z.nodes[m.Node].count > 0 {
			wantMatched(t, z, &p, z.Owner(m.Node), false)
		}
	case Found:
		z.DenyType(&p, &n, m)
		if z.nodes[m.Node].count > 0 || len(z.secured.hashes) > 0 {
			wantMatched(t, z, &p, n.Wire(), false)
		} else {
			wantCovered(t, z, &p, n.Wire(), nil)
		}
	case Delegation:
		if _, ok := z.Find(m.Node, dns.TypeDS); !ok {
			z.DenyDS(&p, &n, m)
			wantMatched(t, z, &p, z.Owner(m.Node), false)
		}
	}
}

// wantCovered asks for an RRset that covers a name, or with NSEC3 the hash of
// another one.
func wantCovered(t testing.TB, z *Zone, p *Proof, name, hashed []byte) {
	t.Helper()
	for i := range p.Len() {
		switch rr := rrs(t, z, p.At(i).Owner(), p.At(i).Wire())[0].(type) {
		case *dns.NSEC3:
			if hashed == nil || rr.Cover(nameText(string(hashed))) {
				return
			}
		case *dns.NSEC:
			from, to := p.At(i).Owner(), []byte(wireOf(t, rr.NextDomain))
			if dnssec.CompareNames(from, name) < 0 && (dnssec.CompareNames(name, to) < 0 || string(to) == z.origin) {
				return
			}
		}
	}
	t.Errorf("nothing covers %s in %v", nameText(string(name)), proofText(t, z, p))
}

// wantMatched asks for an RRset at a name; only with NSEC3, if so told.
func wantMatched(t testing.TB, z *Zone, p *Proof, name []byte, only3 bool) {
	t.Helper()
	if only3 && len(z.secured.hashes) == 0 {
		return
	}
	for i := range p.Len() {
		switch rr := rrs(t, z, p.At(i).Owner(), p.At(i).Wire())[0].(type) {
		case *dns.NSEC3:
			if rr.Match(nameText(string(name))) {
				return
			}
		case *dns.NSEC:
			if bytes.Equal(p.At(i).Owner(), name) {
				return
			}
		}
	}
	t.Errorf("nothing matches %s in %v", nameText(string(name)), proofText(t, z, p))
}

func proofText(t testing.TB, z *Zone, p *Proof) (list []string) {
	for i := range p.Len() {
		list = append(list, rrs(t, z, p.At(i).Owner(), p.At(i).Wire())[0].String())
	}
	return list
}
