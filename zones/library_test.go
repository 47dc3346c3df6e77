package zones

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const allTypes = "../testdata/zones/good/all-types.example.zone"

// shape is a record as text that can be compared and read.
func shape(owner string, typ uint16, ttl uint32, data string) string {
	return fmt.Sprintf("%s %d %s %x", owner, ttl, typeText(typ), data)
}

func ourShapes(t *testing.T, origin, text string) []string {
	t.Helper()
	rep := &report{files: []string{"zones/x.zone"}, limit: 50}
	recs := parse(strings.NewReader(text), int64(len(text)), origin, nothing, Limits{}.withDefaults(), rep, func(portion) {})
	if len(rep.list) > 0 {
		t.Fatal(rep.list)
	}
	var shapes []string
	for _, r := range recs {
		shapes = append(shapes, shape(nameText(r.Owner), r.Type, r.TTL, r.Data))
	}
	return shapes
}

func libraryShapes(t *testing.T, origin, text string) []string {
	t.Helper()
	var shapes []string
	zp := dns.NewZoneParser(strings.NewReader(text), origin, "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		h := *rr.Header()
		owner, err := appendName(nil, []byte(h.Name), "\x00")
		if err != nil {
			t.Fatal(err)
		}
		lowerASCII(owner)
		var memory []byte
		data, err := packed(rr, &memory)
		if err != nil {
			t.Fatalf("%v: %v", rr, err)
		}
		shapes = append(shapes, shape(nameText(string(owner)), h.Rrtype, h.Ttl, string(data)))
	}
	if err := zp.Err(); err != nil {
		t.Fatal(err)
	}
	return shapes
}

// The library is an independent reader of the same format.
func TestAllTypesReadAsTheLibraryDoes(t *testing.T) {
	text, err := os.ReadFile(allTypes)
	if err != nil {
		t.Fatal(err)
	}
	got := ourShapes(t, "\x09all-types\x07example\x00", string(text))
	want := libraryShapes(t, "all-types.example.", string(text))
	if !slices.Equal(got, want) {
		for i := range max(len(got), len(want)) {
			var g, w string
			if i < len(got) {
				g = got[i]
			}
			if i < len(want) {
				w = want[i]
			}
			if g != w {
				t.Fatalf("record %d:\n got %s\nwant %s", i, g, w)
			}
		}
	}
}

// Every type with a text form stands in the zone, so none goes unread.
func TestAllTypesAreComplete(t *testing.T) {
	text, err := os.ReadFile(allTypes)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[uint16]bool{}
	zp := dns.NewZoneParser(strings.NewReader(string(text)), "all-types.example.", "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		seen[rr.Header().Rrtype] = true
	}
	for typ := range dns.TypeToRR {
		// SIG and NXT gave way to RRSIG and NSEC (RFC 3755).
		if isData(typ) && !seen[typ] && typ != dns.TypeSIG && typ != dns.TypeNXT {
			t.Errorf("%s is missing", typeText(typ))
		}
	}
}

// What the library prints is read back as the same record, in both its own
// form and that of RFC 3597.
func TestPrintedRecordsReadBack(t *testing.T) {
	text, err := os.ReadFile(allTypes)
	if err != nil {
		t.Fatal(err)
	}
	origin := "\x09all-types\x07example\x00"
	zp := dns.NewZoneParser(strings.NewReader(string(text)), "all-types.example.", "")
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		want := ourShapes(t, origin, rr.String()+"\n")
		var memory []byte
		data, err := packed(rr, &memory)
		if err != nil {
			t.Fatal(err)
		}
		h := rr.Header()
		line := fmt.Sprintf("%s %d IN TYPE%d \\# %d %x\n", want[0][:strings.IndexByte(want[0], ' ')], h.Ttl, h.Rrtype, len(data), data)
		if got := ourShapes(t, origin, line); !slices.Equal(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
