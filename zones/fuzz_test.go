package zones

import (
	"encoding/hex"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// FuzzZoneText holds that no text makes the parser panic or use memory beyond
// measure, that what passes the checks compiles, and that it then can be
// written down and read back as the same zone.
func FuzzZoneText(f *testing.F) {
	for _, dir := range []string{"good", "bad", "warned"} {
		files, err := filepath.Glob(filepath.Join("../testdata/zones", dir, "*.zone"))
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds in %s: %v", dir, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(string(text))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		z, problems := Parse("test.zone", strings.NewReader(text), int64(len(text)), somePools)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 1<<30 {
			t.Errorf("%d octets of text took %d octets of memory", len(text), used)
		}
		if (z == nil) != hasErrors(problems) {
			t.Fatalf("zone %v, problems %v", z != nil, problems)
		}
		if z != nil {
			readBack(t, text)
		}
	})
}

// readBack writes the records of a text in the form of RFC 3597, and those
// that the library can print in its form, and compares what they are read as.
func readBack(t *testing.T, text string) {
	rep := &report{files: []string{"test.zone"}, limit: 50}
	recs := parse(strings.NewReader(text), int64(len(text)), testOrigin, nothing, Limits{}.withDefaults(), rep, func(portion) {})
	for _, r := range recs[:min(len(recs), 100)] {
		h := dns.RR_Header{Name: nameText(r.Owner), Rrtype: r.Type, Class: dns.ClassINET, Ttl: r.TTL, Rdlength: uint16(len(r.Data))}
		rr := dns.RFC3597{Hdr: h, Rdata: hexOf(r.Data)}
		again(t, r, rr.String())
		known, _, err := dns.UnpackRRWithHeader(h, []byte(r.Data), 0)
		if err == nil && r.Type != TypeGEO && printsWell(r.Type) {
			again(t, r, known.String())
		}
	}
}

func again(t *testing.T, want Record, line string) {
	rep := &report{files: []string{"test.zone"}, limit: 50}
	line += "\n"
	recs := parse(strings.NewReader(line), int64(len(line)), testOrigin, nothing, Limits{}.withDefaults(), rep, func(portion) {})
	if len(recs) != 1 || recs[0].Owner != want.Owner || recs[0].Type != want.Type || recs[0].TTL != want.TTL || recs[0].Data != want.Data {
		t.Errorf("%q is read as %v %v, want %v", line, recs, rep.list, want)
	}
}

func hexOf(data string) string { return strings.ToUpper(hex.EncodeToString([]byte(data))) }

// printsWell tells the types whose text the library writes so that it gives
// the same record again for all data there is; some others lose octets.
func printsWell(typ uint16) bool {
	switch typ {
	case typeA, typeAAAA, typeNS, typeCNAME, typePTR, typeDNAME, typeMX, typeSRV, typeSOA, dns.TypeTXT, dns.TypeDS, dns.TypeTLSA:
		return true
	}
	return false
}

// FuzzSignedZone holds that no file with signatures makes the compiler panic,
// and that whatever is accepted can be asked for any denial.
func FuzzSignedZone(f *testing.F) {
	files, err := filepath.Glob("../testdata/zones/*/signed-*.zone")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text), "x.y.test.")
	}
	f.Add(zone5155(), "a.c.x.w.example.")
	f.Fuzz(func(t *testing.T, text, asked string) {
		b := buildZone(exampleOrigin, text, nil, nil)
		if b.zone == nil || !b.zone.Signed() {
			return
		}
		z := b.zone
		wire, err := appendName(nil, []byte(asked), z.origin)
		var n Name
		if err != nil || !strings.HasSuffix(string(wire), z.origin) {
			return
		}
		if _, err := n.Set(wire); err != nil {
			return
		}
		apex := n.LabelOf(len(z.origin))
		if string(n.Suffix(apex)) != z.origin {
			return
		}
		m := z.Lookup(&n, apex)
		var p Proof
		for _, deny := range []func(){
			func() { z.DenyName(&p, &n, m) },
			func() { z.DenyType(&p, &n, m) },
			func() { z.DenyDS(&p, &n, m) },
			func() {
				if m.Kind == Wildcard {
					z.DenyCloser(&p, &n, m)
				}
			},
		} {
			p.Reset()
			deny()
			for i := range p.Len() {
				p.At(i).Owner()
				p.At(i).Secured()
			}
		}
		var text2 strings.Builder
		z.Dump(&text2)
	})
}
