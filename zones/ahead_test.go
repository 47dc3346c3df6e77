package zones

import (
	"fmt"
	"testing"
)

// TestAheadFindsWhatLookupFinds looks up names of every kind, with all steps done
// ahead and with none.
func TestAheadFindsWhatLookupFinds(t *testing.T) {
	z := compiled(t, lookupZone)
	for _, text := range []string{
		"example.com.", "www.example.com.", "b.ent.example.com.", "nothing.example.com.", "a.www.example.com.",
		"ex.wild.example.com.", "any.wild.example.com.", "sub.example.com.", "deep.er.sub.example.com.",
		"dname.example.com.", "x.dname.example.com.", "geo.example.com.", "WWW.Example.COM.",
	} {
		n := name(t, text)
		checkAhead(t, z, n)
	}
}

// TestAheadOfNamesWithOneHash looks up two names whose hashes are equal, in zones
// that have the one, the other, both and neither.
func TestAheadOfNamesWithOneHash(t *testing.T) {
	ofChance, byChance := twins(t)
	for _, pair := range [][2]string{{ofChance, byChance}, {"x[", "x{"}} { // the hash knows no case, of no octet
		checkTwins(t, pair[0], pair[1])
	}
}

func checkTwins(t *testing.T, a, b string) {
	t.Helper()
	if x, y := name(t, a+".example.com."), name(t, b+".example.com."); x.at[0].hash != y.at[0].hash {
		t.Fatalf("%s and %s have not the same hash", a, b)
	}
	const soa = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"
	record := func(label string) string { return label + " A 192.0.2.2\n" }
	for _, text := range []string{soa, soa + record(a), soa + record(b), soa + record(a) + record(b), soa + record(b) + record(a)} {
		z := compiled(t, text)
		for _, label := range []string{a, b} {
			checkAhead(t, z, name(t, label+".example.com."))
		}
	}
}

func checkAhead(t *testing.T, z *Zone, n *Name) {
	t.Helper()
	apex := n.Labels() - 2
	want := z.Lookup(n, apex)
	if want.Exact && string(z.Owner(want.Node)) != string(n.Wire()) && want.Kind == Found {
		t.Fatalf("%v: found %q", n, z.Owner(want.Node))
	}
	a := Begin(z, n)
	if got := a.Lookup(n, apex); got != want {
		t.Errorf("%v, no step done: %+v, want %+v", n, got, want)
	}
	a.Slot()
	a.Node()
	a.Owner()
	if got := a.Lookup(n, apex); got != want {
		t.Errorf("%v, all steps done: %+v, want %+v", n, got, want)
	}
}

// twins gives two labels whose names have one hash: of 300,000 names some ten
// pairs have.
func twins(t *testing.T) (string, string) {
	t.Helper()
	seen := map[uint32]string{}
	for i := range 300_000 {
		label := fmt.Sprintf("twin%d", i)
		hash := name(t, label+".example.com.").at[0].hash
		if other, ok := seen[hash]; ok {
			return other, label
		}
		seen[hash] = label
	}
	t.Fatal("no two names have one hash")
	return "", ""
}
