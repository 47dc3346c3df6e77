package resolver

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
)

// trickyZones hold what lookups and compression stumble over: zones above and
// below one another, DS on either side of a cut, chains that climb and descend
// between them, and names that Unicode takes for the same.
func trickyZones() map[string]string {
	const soa = "@ 300 IN SOA ns.test. hostmaster.test. 1 2 3 4 60\n"
	deep := strings.Repeat("a.", 126)
	return map[string]string{
		".": "$TTL 60\n" + soa + `
@            NS  ns.test.
test         NS  ns.test.
test         DS  1 13 2 00ff
unserved     NS  ns.unserved
unserved     NS  ns.glueless.test.
ns.unserved  A   192.0.2.1
ns.unserved  AAAA 2001:db8::1
lonely       NS  lonely
lonely       DS  1 13 2 00ff
*            TXT "the root's wildcard"
` + deep + ` A 192.0.2.2
totop        CNAME @
todeep       CNAME ` + deep + "\n",

		"test.": "$TTL 120\n" + soa + `
@            NS  ns
ns           A   192.0.2.53
up           CNAME child.test.
child        NS  ns.child
child        NS  ns.sibling
ns.child     A   192.0.2.3
sibling      NS  ns.sibling
ns.sibling   AAAA 2001:db8::3
a.child      NS  ns.child
*.w          MX  5 ns
*.w          HTTPS 1 . alpn=h2
*.w          A   192.0.2.4
below.*.w    TXT "the wildcard has a child"
cut.w        NS  ns.cut.w
*.self       CNAME loop.self
*.far        CNAME www.grand.child.test.
*.dn         CNAME x.dname
dname        DNAME child.test.
dname        MX  5 dname
dup          MX  1 www.other.
dup          MX  2 WWW.other.
dup          SRV 1 1 1 www.other.
dup          SRV 2 1 1 www.other.
dup          HTTPS 1 . port=1
dup          HTTPS 2 . port=2
dup          A   192.0.2.5
none         MX  0 .
within       CNAME a\004test.
within2      MX  1 a\004test.
none         HTTPS 0 .
none         A   192.0.2.6
bare         TYPE1 \# 4 C0000207
`,
		"child.test.": "$TTL 30\n" + soa + `
@            NS  ns
ns           A   192.0.2.8
up           CNAME @
up2          CNAME ns.test.
grand        NS  ns.grand
grand        DS  2 13 2 00ff
ns.grand     A   192.0.2.9
odd          CNAME y.dname.test.
toroot       CNAME totop.
*            CNAME up
`,
		"grand.child.test.": "$TTL 30\n" + soa + `
@            NS  ns.child.test.
www          CNAME up
up           CNAME @
back         CNAME www.dname.test.
@            TXT "grand"
`,
		"above.test.": "$TTL 30\n" + soa + `
x            DNAME ns.test.
`,
		"apex.test.":      "$TTL 30\n" + soa + "@ DNAME child.test.\n@ NS ns.test.\n",
		"y.apex.test.":    "$TTL 30\n" + soa + "www CNAME @\n@ NS ns.test.\n",
		"y.x.above.test.": "$TTL 30\n" + soa + "www CNAME @\n@ NS ns.test.\n",
		"other.": "$TTL 30\n" + soa + `
www          A    192.0.2.10
www          AAAA 2001:db8::10
d            DNAME d
loop         DNAME loop.loop
circle1      DNAME circle2
circle2      DNAME circle1
x.circle3    CNAME x.circle1
`,
		`\200.other.`: "$TTL 30\n" + soa + `
www          CNAME www.\201.other.
mx           MX   1 www.\201.other.
`,
		`\201.other.`:       "$TTL 30\n" + soa + "www A 192.0.2.11\n",
		`\195\164.other.`:   "$TTL 30\n" + soa + "www PTR www.\\195\\132.other.\n",
		"broken.test.":      "",
		"sub.broken.test.":  "$TTL 30\n" + soa + "www A 192.0.2.12\n",
		"toolong.test.":     "$TTL 30\n" + soa + "@ DNAME " + longName("toolong", 4*62+6) + "\n",
		"geo.test.":         geoZone,
		"from.broken.test.": "",
	}
}

// longName makes a name of so many octets in wire form.
func longName(first string, octets int) string {
	n := first + "."
	for {
		room := octets - len(nameOf(n))
		if room < 2 {
			return n
		}
		n += strings.Repeat("l", min(room-1, 63)) + "."
	}
}

// peersZones are those that NSD and Knot are compared with as well.
func peersZones(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../testdata/peers/*.zone")
	if err != nil || len(files) == 0 {
		t.Fatalf("no zones: %v", err)
	}
	texts := map[string]string{"geo.test.": geoZone, "broken.test.": ""}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		texts[strings.TrimSuffix(filepath.Base(f), "zone")] = string(text)
	}
	return texts
}

// around lists every name that zones hold, and names above, below and beside.
func (s *refServer) around() []string {
	all := map[name]bool{}
	for apex, z := range s.zones {
		all[apex], all["\x01x"+apex] = true, true
		if z == nil {
			continue
		}
		for n := range z.data {
			for _, label := range []name{"", "\x05below", "\x01*", "\x01a\x01b", "\x03www\x05dname", "\x01x"} {
				all[label+n] = true
			}
			if n != root {
				all["\x06beside"+n.parent()] = true
				all[n.parent()] = true
			}
		}
	}
	var names []string
	for n := range all {
		if len(n) <= 255 {
			names = append(names, n.String())
		}
	}
	slices.Sort(names)
	return names
}

// Every name of the hand-written zones, and those around, for every type of
// interest, get what the reference predicts.
func TestHandwrittenZones(t *testing.T) {
	types := append([]uint16{dns.TypeAXFR, dns.TypeIXFR, 0, 41, 128, 255, 65535}, interesting...)
	slices.Sort(types)
	types = slices.Compact(types)
	signedTricky, signedPeers := trickyZones(), peersZones(t)
	for _, w := range []struct {
		world   string
		texts   map[string]string
		signers map[string]*dnssec.Signer
	}{
		{"tricky", trickyZones(), nil}, {"peers", peersZones(t), nil},
		{"tricky, signed", signedTricky, signersOf(t, signedTricky)}, {"peers, signed", signedPeers, signersOf(t, signedPeers)},
	} {
		world, texts := w.world, w.texts
		r := newRivals(t, texts, w.signers)
		names := r.ref.around()
		for i, text := range names {
			for j, typ := range types {
				if raced && (i+j)%7 != 0 {
					continue
				}
				q := refQuery{name: nameOf(text), typ: typ, client: netip.MustParseAddr("81.2.69.1"), source: -1, random: 7}
				payload := []uint16{0, 512, 1232}[(i+j)%3]
				q.do = payload > 512 || payload > 0 && i%2 == 0
				if (i+j)%4 == 0 {
					q.subnet, q.source, q.tellsOne, payload = netip.MustParseAddr("8.8.8.0"), 24, true, 512
				}
				if wrong := r.compare(t, q, text, payload); len(wrong) > 0 {
					t.Errorf("%s %s:\n\t%s", text, dns.Type(typ), strings.Join(wrong, "\n\t"))
				}
			}
		}
		t.Logf("%s: %d names in %d zones, %d questions", world, len(names), len(slices.Collect(maps.Keys(texts))), r.asked)
	}
}
