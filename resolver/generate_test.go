package resolver

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/zones"
)

// generator makes zones and questions at random, out of few labels, so that
// names meet: cuts, wildcards, aliases and empty non-terminals above and below
// one another, in zones above and below one another.
type generator struct {
	*rand.Rand
	apexes []string // of the zones of this world
	sign   map[string]*dnssec.Signer
}

func newGenerator(seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 1)), sign: map[string]*dnssec.Signer{}}
}

func pick[T any](g *generator, list ...T) T { return list[g.IntN(len(list))] }

// labels are few; one is as long as may be, two hold octets that text escapes.
func (g *generator) label() string {
	if g.IntN(60) == 0 {
		return pick(g, strings.Repeat("l", 63), `x\.y`, `\000\200`, "_tcp", "0/25")
	}
	return pick(g, "a", "b", "c", "d", "A", "b", "a", "*")
}

func below(label, n string) string {
	if n == "." {
		return label + "."
	}
	return label + "." + n
}

// under makes a name at or below another one, if that leaves room.
func (g *generator) under(n string) string {
	for range pick(g, 0, 1, 1, 1, 2, 2, 3, 4) {
		if longer := below(g.label(), n); len(nameOfAny(longer)) <= 255 {
			n = longer
		}
	}
	return n
}

// name is one that is in a zone more often than not.
func (g *generator) name() string {
	if g.IntN(12) == 0 {
		return g.under(pick(g, ".", "nowhere.", "geo.test.", "www.geo.test.", "alias.geo.test."))
	}
	return g.under(pick(g, g.apexes...))
}

// zone writes the text of a zone; not all that it holds is allowed.
func (g *generator) zone(apex string) []string {
	lines := []string{
		"$TTL 300",
		fmt.Sprintf("%s %d IN SOA %s %s 1 7200 3600 1209600 %d", apex, pick(g, 60, 3600), g.name(), g.name(), pick(g, 30, 300, 7200)),
		fmt.Sprintf("%s IN NS %s", apex, g.name()),
	}
	for range 4 + g.IntN(40) {
		lines = append(lines, g.records(g.under(apex))...)
	}
	return lines
}

// records are those of one type at one name.
func (g *generator) records(owner string) []string {
	n := g.name
	var data []string
	switch typ := pick(g, "A", "A", "AAAA", "TXT", "MX", "SRV", "HTTPS", "SVCB", "PTR", "NS", "NS", "DS", "CNAME", "CNAME", "CNAME", "DNAME", "DNAME", "GEO", "GEO", "TYPE65400"); typ {
	case "A":
		for range 1 + g.IntN(3) {
			data = append(data, fmt.Sprintf("A 192.0.2.%d", g.IntN(256)))
		}
	case "AAAA":
		data = append(data, fmt.Sprintf("AAAA 2001:db8::%x", g.IntN(65536)))
	case "TXT":
		data = append(data, `TXT "`+strings.Repeat("x", pick(g, 1, 20, 250))+`"`)
	case "MX":
		data = append(data, "MX 1 "+n(), "MX 2 "+n())
	case "SRV":
		data = append(data, "SRV 1 2 3 "+n())
	case "HTTPS", "SVCB":
		data = append(data, typ+" 1 "+pick(g, ".", n()))
	case "PTR", "DNAME":
		data = append(data, typ+" "+n())
	case "CNAME": // one that leads further down the same zone makes chains
		data = append(data, "CNAME "+pick(g, n(), n(), g.under(owner), pick(g, g.apexes...)))
	case "NS":
		return g.cut(owner)
	case "DS":
		data = append(data, "DS 1 13 2 00ff")
	case "GEO":
		data = append(data, "GEO "+pick(g, "web", "web", "v4", "web/fr", "cdn", "turn", "mix", "down"))
	case "TYPE65400":
		data = append(data, `TYPE65400 \# 2 0001`)
	}
	for i := range data {
		data[i] = fmt.Sprintf("%s %d IN %s", owner, pick(g, 60, 300), data[i])
	}
	return data
}

// cut delegates a name, with glue for some of its servers.
func (g *generator) cut(owner string) (lines []string) {
	if g.IntN(3) == 0 {
		lines = append(lines, owner+" IN DS 1 13 2 00ff")
	}
	for range pick(g, 1, 1, 2, 3, 12) {
		host := pick(g, g.under(owner), g.under(owner), g.name())
		lines = append(lines, owner+" IN NS "+host)
		if g.IntN(4) > 0 {
			lines = append(lines, fmt.Sprintf("%s IN A 198.51.100.%d", host, g.IntN(256)))
		}
		if g.IntN(3) == 0 {
			lines = append(lines, host+" IN AAAA 2001:db8::53")
		}
	}
	return lines
}

// allowed gives a zone's text without the lines that loading it refuses.
func (g *generator) allowed(t testing.TB, apex string, lines []string) string {
	s := state(t)
	lines = withoutOccluded(once(lines))
	for range 50 {
		text := strings.Join(lines, "\n") + "\n"
		z, problems := zones.ParseSigned(fileOf(apex), strings.NewReader(text), int64(len(text)), findGeo(s), finds(g.sign[apex]))
		if z != nil {
			return text
		}
		bad := map[int]bool{}
		for _, p := range problems {
			if !p.Warning {
				bad[p.Line] = true
			}
		}
		kept := lines[:0]
		for i, line := range lines {
			if !bad[i+1] {
				kept = append(kept, line)
			}
		}
		lines = kept
	}
	return strings.Join(lines[:3], "\n") + "\n"
}

// once drops lines that repeat an earlier one, but for case or TTL.
func once(lines []string) (kept []string) {
	seen := map[string]bool{}
	for _, line := range lines {
		owner, rest, _ := strings.Cut(strings.ToLower(line), " ")
		_, data, ok := strings.Cut(rest, "in ")
		if key := owner + " " + data; !ok || !seen[key] {
			seen[key] = true
			kept = append(kept, line)
		}
	}
	return kept
}

// withoutOccluded drops what stands below a DNAME.
func withoutOccluded(lines []string) []string {
	var dnames []name
	for _, line := range lines {
		if f := strings.Fields(line); len(f) > 3 && f[3] == "DNAME" {
			dnames = append(dnames, nameOf(f[0]))
		}
	}
	return slices.DeleteFunc(lines, func(line string) bool {
		owner, _, _ := strings.Cut(line, " ")
		return dns.IsFqdn(owner) && slices.ContainsFunc(dnames, func(d name) bool {
			return nameOf(owner) != d && nameOf(owner).in(d)
		})
	})
}

// apexes are each other's children; some are long, some hold octets that are
// no letters and that Unicode would take for the same.
func (g *generator) choose() {
	long := strings.Repeat("l", 63)
	for _, apex := range []string{".", "test.", "a.test.", "b.a.test.", "c.b.a.test.", "other.", "b.other.",
		long + ".test.", long + "." + long + "." + long + ".other.", `\200.other.`, `\201.other.`} {
		if g.IntN(2) == 0 {
			g.apexes = append(g.apexes, apex)
		}
	}
	if len(g.apexes) == 0 {
		g.apexes = []string{"test."}
	}
}

// world makes several zones.
func (g *generator) world(t testing.TB) map[string]string {
	g.choose()
	texts := map[string]string{}
	for _, apex := range g.apexes {
		if g.IntN(3) > 0 {
			g.sign[apex] = newSigner(t, apex, dnssec.Options{NSEC3: g.IntN(2) == 0})
		}
		texts[apex] = g.allowed(t, apex, g.zone(apex))
	}
	if g.IntN(4) == 0 {
		texts[pick(g, g.apexes...)] = ""
	}
	if g.IntN(2) == 0 {
		texts["geo.test."] = geoZone
		if g.IntN(2) == 0 {
			texts["geo.test."] = signableGeo
			g.sign["geo.test."] = newSigner(t, "geo.test.", dnssec.Options{NSEC3: g.IntN(2) == 0})
		}
	}
	return texts
}

var interesting = []uint16{
	dns.TypeA, dns.TypeA, dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeNS, dns.TypeSOA, dns.TypeMX, dns.TypeDS, dns.TypeDS,
	dns.TypeCNAME, dns.TypeDNAME, dns.TypeSRV, dns.TypeHTTPS, dns.TypeSVCB, dns.TypePTR, dns.TypeANY, dns.TypeANY, 65400, 1234, 65380, dns.TypeAXFR,
	dns.TypeNSEC, dns.TypeRRSIG, dns.TypeDNSKEY, dns.TypeNSEC3, dns.TypeNSEC3PARAM,
}

// names lists those of the zones, and others around them.
func (g *generator) names(texts map[string]string) (all []string) {
	for apex, text := range texts {
		all = append(all, apex)
		for line := range strings.Lines(text) {
			if owner, _, ok := strings.Cut(line, " "); ok && dns.IsFqdn(owner) {
				all = append(all, owner)
			}
		}
	}
	slices.Sort(all) // maps come in no order, and a seed must always give the same
	for range 100 {
		all = append(all, g.name())
	}
	return all
}

// question asks for one of the names or one around it, in mixed case.
func (g *generator) question(names []string) (q refQuery, text string, payload uint16) {
	text = pick(g, names...)
	switch g.IntN(8) {
	case 0, 1:
		text = below(g.label(), text)
	case 2:
		text = below(g.label(), below(g.label(), text))
	case 3:
		text = pick(g, below("*", text), strings.ToUpper(text))
	case 4:
		if i, end := dns.NextLabel(text, 0); !end {
			text = text[i:]
		}
	}
	if text == "" || len(nameOfAny(text)) > 255 {
		text = "."
	}
	q = refQuery{name: nameOf(text), typ: pick(g, interesting...), client: netip.MustParseAddr(pick(g, "8.8.8.8", "81.2.69.1", "2001:db9::1")), source: -1, random: 7}
	payload = pick[uint16](g, 0, 0, 400, 512, 600, 1232, 4096, 4096)
	q.do = payload > 0 && g.IntN(3) > 0
	if g.IntN(3) == 0 {
		p := netip.MustParsePrefix(pick(g, "81.2.69.0/24", "1.1.1.0/24", "2001:db9::/48", "0.0.0.0/0", "10.0.0.0/8"))
		q.subnet, q.source, q.tellsOne = p.Addr(), p.Bits(), p.Bits() > 0
		payload = max(payload, 1)
	}
	return q, text, payload
}

// nameOfAny is a name in wire form, or one too long if it is none.
func nameOfAny(text string) []byte {
	wire := make([]byte, 512)
	n, err := dns.PackDomainName(text, wire, 0, nil, false)
	if err != nil {
		return wire
	}
	return wire[:n]
}

// run compares n questions over one world.
func (g *generator) run(t testing.TB, n int) (asked int) {
	texts := g.world(t)
	r := newRivals(t, texts, g.sign)
	names := g.names(texts)
	for range n {
		q, text, payload := g.question(names)
		if wrong := r.compare(t, q, text, payload); len(wrong) > 0 {
			t.Errorf("%s %s (payload %d, subnet %s/%d, DO %v):\n\t%s", text, dns.Type(q.typ), payload, q.subnet, q.source, q.do, strings.Join(wrong, "\n\t"))
			for apex, text := range texts {
				t.Logf("zone %s, signed %v\n%s", apex, g.sign[apex] != nil, text)
			}
			return r.asked
		}
	}
	return r.asked
}

// Questions at random over zones at random get what the reference predicts.
func TestRandomZones(t *testing.T) {
	asked, worlds := 0, uint64(80)
	if raced {
		worlds = 10
	}
	for seed := range worlds {
		if asked += newGenerator(seed).run(t, 200); t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	t.Logf("%d questions", asked)
}

// FuzzRandomZones is TestRandomZones for as long as one likes.
func FuzzRandomZones(f *testing.F) {
	f.Add(uint64(1000))
	f.Add(uint64(829))  // a wildcard's CNAME that leads to a signed delegation
	f.Add(uint64(721))  // one that leads to a delegation in a zone that is not signed
	f.Add(uint64(687))  // RRSIG of a pool behind a wildcard, without DO
	f.Add(uint64(772))  // a loop that meets a DNAME in two spellings
	f.Add(uint64(1070)) // RRSIG of a name whose pool is down and answers SERVFAIL
	f.Add(uint64(1280)) // RRSIG of a pool behind a DNAME
	f.Fuzz(func(t *testing.T, seed uint64) { newGenerator(seed).run(t, 300) })
}
