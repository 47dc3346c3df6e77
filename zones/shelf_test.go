package zones

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"unsafe"

	"github.com/meridian-dns/meridian/dnssec"
)

// edited is a zone that is edited at random.
type edited struct {
	r     *rand.Rand
	lines []string
}

// line is a record, or some, of a random kind.
func (e *edited) line() string {
	n := e.r.IntN(2000)
	return [...]string{
		fmt.Sprintf("h%d IN A 192.0.2.%d", n, e.r.IntN(250)), fmt.Sprintf("h%d IN TXT \"%d\"", n, n),
		fmt.Sprintf("a.b%d IN MX 10 h%d", n%50, n), fmt.Sprintf("*.w%d IN A 192.0.2.%d", n%20, n%250),
		fmt.Sprintf("cut%d IN NS ns.cut%d\nns.cut%d IN A 192.0.2.1", n%40, n%40, n%40), fmt.Sprintf("g%d IN GEO web", n%30),
	}[e.r.IntN(6)]
}

// edit changes some lines.
func (e *edited) edit() {
	for range 1 + e.r.IntN(4) {
		switch at := e.r.IntN(len(e.lines)); e.r.IntN(3) {
		case 0:
			e.lines = append(e.lines[:at], e.lines[at+1:]...)
		case 1:
			e.lines = append(e.lines, e.line())
		default:
			e.lines[at] = e.line()
		}
	}
}

func (e *edited) text(serial int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "$TTL 300\n@ IN SOA ns1 hostmaster %d 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\n", serial)
	seen := map[string]bool{}
	for _, l := range e.lines {
		if !seen[l] {
			seen[l] = true
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}

func dumpText(t *testing.T, z *Zone) string {
	t.Helper()
	var b strings.Builder
	if err := z.Dump(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func sharesWith(a, b *Zone) bool { return unsafe.SliceData(a.data) == unsafe.SliceData(b.data) }

// TestVersionsShare edits zones many times: every version is that which would
// have been made without the one before, whether it shares octets with it or
// not, and none changes any more when others follow.
func TestVersionsShare(t *testing.T) {
	t.Parallel()
	for _, nsec3 := range []bool{false, true} {
		t.Run(fmt.Sprintf("nsec3=%v", nsec3), func(t *testing.T) {
			t.Parallel()
			cache, err := dnssec.OpenCache(filepath.Join(t.TempDir(), "signatures"))
			if err != nil {
				t.Fatal(err)
			}
			s := testSigner(t, exampleCom, testPlan(t, dnssec.ED25519, false), dnssec.Options{NSEC3: nsec3}, cache)
			e := &edited{r: rand.New(rand.NewPCG(1, 2))}
			for range 1400 {
				e.lines = append(e.lines, e.line())
			}
			prev, shared, copies := buildSigned(t, e.text(0), s, nil), 0, 0
			var versions []*Zone
			var texts []string
			edits := 30
			if testing.Short() {
				edits = 8
			}
			for n := 1; n <= edits; n++ {
				e.edit()
				next, alone := buildSigned(t, e.text(n), s, prev), buildSigned(t, e.text(n), s, nil)
				text := dumpText(t, next)
				if want := dumpText(t, alone); text != want {
					t.Fatalf("version %d is\n%s\nnot\n%s", n, text, want)
				}
				if got, want := next.secured.shelf.live, alone.secured.shelf.live; got < want*95/100 || got > want*105/100 {
					t.Fatalf("version %d: %d octets live, and %d on its own", n, got, want)
				}
				if sharesWith(next, prev) {
					shared++
				} else {
					copies++
				}
				if next.secured.expires != alone.secured.expires || next.secured.shelf.live > uint64(len(next.data)) {
					t.Fatalf("version %d: expires %d, want %d; %d of %d octets live", n, next.secured.expires, alone.secured.expires, next.secured.shelf.live, len(next.data))
				}
				versions, texts, prev = append(versions, next), append(texts, text), next
			}
			verifyZone(t, prev)
			for i, z := range versions {
				if dumpText(t, z) != texts[i] {
					t.Fatalf("version %d has changed since", i+1)
				}
			}
			if shared < edits/2 || copies == 0 && !testing.Short() {
				t.Errorf("%d versions shared, %d did not", shared, copies)
			}
		})
	}
}

// TestVersionsFork makes two versions of one before them, as a check of a
// configuration does: they do not stand in each other's way.
func TestVersionsFork(t *testing.T) {
	t.Parallel()
	s := testSigner(t, exampleCom, testPlan(t, dnssec.ED25519, false), dnssec.Options{}, nil)
	text := hostZone(1000)
	edit := func(by string) string {
		return strings.Replace(text, "h0000007 IN A ", "h0000007 IN A 192.0.2."+by+"\n IN A ", 1)
	}
	prev := buildSigned(t, text, s, nil)
	before := dumpText(t, prev)
	one := buildSigned(t, edit("1"), s, prev)
	first := dumpText(t, one)
	two := buildSigned(t, edit("2"), s, prev)
	if !sharesWith(one, prev) || sharesWith(two, prev) {
		t.Errorf("the first shares: %v, the second: %v", sharesWith(one, prev), sharesWith(two, prev))
	}
	if dumpText(t, prev) != before || dumpText(t, one) != first {
		t.Error("a version has changed")
	}
	verifyZone(t, one)
	verifyZone(t, two)
}
