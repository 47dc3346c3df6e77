package dnssec

import (
	"testing"
	"time"
)

// epoch is when the time lines of the tests begin.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func at(hours float64) time.Time { return epoch.Add(time.Duration(hours * float64(time.Hour))) }

func testKey(t *testing.T, role Role, times Times) *Key {
	t.Helper()
	k, err := Generate(ED25519, role, times)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func testRing(t *testing.T, keys ...*Key) *Ring {
	t.Helper()
	r, err := NewRing("example.com", keys...)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPlanOfOneKey(t *testing.T) {
	k := testKey(t, CSK, Times{Publish: epoch, Activate: epoch, SyncPublish: at(48)})
	r := testRing(t, k)
	for _, c := range []struct {
		name string
		now  time.Time
		cds  int
		next time.Time
	}{
		{"before its time it is published all the same", at(-1), 0, at(0)},
		{"new", at(0), 0, at(48)},
		{"known to the caches", at(48), 1, time.Time{}},
	} {
		p := r.Plan(c.now)
		if len(p.DNSKEY) != 1 || len(p.KeySigners) != 1 || len(p.ZoneSigners) != 1 || len(p.CDS) != c.cds ||
			len(p.CDNSKEY) != c.cds || !p.Next.Equal(c.next) {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
	r.Leave.Since = at(100)
	if p := r.Plan(at(100)); len(p.CDS) != 1 || string(p.CDS[0]) != "\x00\x00\x00\x00\x00" || string(p.CDNSKEY[0]) != "\x00\x00\x03\x00\x00" {
		t.Errorf("no delete form: %v %v", p.CDS, p.CDNSKEY)
	}
}
