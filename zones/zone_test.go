package zones

import (
	"strings"
	"testing"
)

const lookupZone = `$TTL 3600
@          IN SOA ns1 hostmaster 7 7200 3600 1209600 300
@          IN NS  ns1
ns1        IN A   192.0.2.53
www        IN A   192.0.2.80
a.b.ent    IN A   192.0.2.81
*.wild     IN TXT "w"
ex.wild    IN TXT "x"
sub        IN NS  ns.sub
sub        IN NS  ns.elsewhere.test.
ns.sub     IN A   192.0.2.90
deep.er.sub IN A  192.0.2.91
dname      IN DNAME target
geo        IN GEO web
geo        IN MX  10 www
`

func compiled(t *testing.T, text string) *Zone {
	t.Helper()
	anyPool := func(string) (GeoInfo, error) { return GeoInfo{A: true, AAAA: true}, nil }
	z, problems := Parse("example.com.zone", strings.NewReader(text), int64(len(text)), anyPool)
	if z == nil {
		t.Fatalf("zone refused: %v", problems)
	}
	return z
}

func name(t *testing.T, text string) *Name {
	t.Helper()
	wire, err := appendName(nil, []byte(text), "\x00")
	var n Name
	if err == nil {
		_, err = n.Set(wire)
	}
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return &n
}

func TestLookup(t *testing.T) {
	z := compiled(t, lookupZone)
	cases := []struct {
		name  string
		kind  Kind
		owner string
		label int
	}{
		{"example.com.", Found, "example.com.", 0},
		{"WWW.example.com.", Found, "www.example.com.", 0},
		{"ent.example.com.", Found, "ent.example.com.", 0},
		{"b.ent.example.com.", Found, "b.ent.example.com.", 0},
		{"x.b.ent.example.com.", NoName, "b.ent.example.com.", 1},
		{"no.example.com.", NoName, "example.com.", 1},
		{"x.www.example.com.", NoName, "www.example.com.", 1},
		{"any.wild.example.com.", Wildcard, "*.wild.example.com.", 1},
		{"a.b.wild.example.com.", Wildcard, "*.wild.example.com.", 2},
		{"x.ex.wild.example.com.", NoName, "ex.wild.example.com.", 1},
		{"*.wild.example.com.", Found, "*.wild.example.com.", 0},
		{"wild.example.com.", Found, "wild.example.com.", 0},
		{"sub.example.com.", Delegation, "sub.example.com.", 0},
		{"ns.sub.example.com.", Delegation, "sub.example.com.", 1},
		{"x.deep.er.sub.example.com.", Delegation, "sub.example.com.", 3},
		{"dname.example.com.", Found, "dname.example.com.", 0},
		{"a.b.dname.example.com.", Redirect, "dname.example.com.", 2},
	}
	for _, c := range cases {
		n := name(t, c.name)
		m := z.Lookup(n, n.Labels()-2)
		if owner := nameText(string(z.Owner(m.Node))); m.Kind != c.kind || owner != c.owner || m.Label != c.label {
			t.Errorf("%s: %v at %s, label %d; want %v at %s, label %d", c.name, m.Kind, owner, m.Label, c.kind, c.owner, c.label)
		}
	}
}

func TestNodeData(t *testing.T) {
	z := compiled(t, lookupZone)
	at := func(s string) NodeID { n := name(t, s); return z.Lookup(n, n.Labels()-2).Node }
	if ref, _, ok := z.Geo(at("geo.example.com.")); !ok || z.Refs()[ref].Ref != "web" || z.Refs()[ref].Alone {
		t.Errorf("GEO at geo.example.com: %v %v", z.Refs(), ok)
	}
	if _, ok := z.Find(at("geo.example.com."), TypeGEO); ok {
		t.Error("the GEO type is shown")
	}
	mx, ok := z.Find(at("geo.example.com."), typeMX)
	if !ok || mx.Additions() != 1 || !mx.Addition(0).Local || mx.Addition(0).Glue {
		t.Errorf("MX: %v, %d additions", ok, mx.Additions())
	}
	ns, _ := z.Find(at("sub.example.com."), typeNS)
	if ns.Count() != 2 || ns.Additions() != 2 || !ns.Addition(0).Glue || ns.Addition(1).Local {
		t.Errorf("delegation: %d records, additions %v %v", ns.Count(), ns.Addition(0), ns.Addition(1))
	}
	if neg := z.Negative(); neg.TTL() != 300 || z.Serial() != 7 {
		t.Errorf("negative TTL %d, serial %d", neg.TTL(), z.Serial())
	}
}

func TestSetFindsLongestApex(t *testing.T) {
	wire := func(s string) string { return string(name(t, s).Wire()) }
	s := NewSet([]Entry{{Origin: wire("example.com.")}, {Origin: wire("sub.example.com.")}, {Origin: wire("test.")}})
	for in, want := range map[string]int{
		"example.com.": 0, "a.b.example.com.": 0, "sub.example.com.": 1, "x.sub.example.com.": 1,
		"com.": -1, ".": -1, "test.": 2, "notexample.com.": -1,
	} {
		got, _, ok := s.Find(name(t, in), 0)
		if ok != (want >= 0) || ok && got != want {
			t.Errorf("%s: entry %d, %v; want %d", in, got, ok, want)
		}
	}
	next := s.Replace([]Entry{{Origin: wire("."), Loading: true}}, []string{wire("test.")})
	if e, apex, ok := next.Find(name(t, "a.test."), 0); !ok || !next.Entry(e).Loading || apex != 2 {
		t.Errorf("root zone: %d %d %v", e, apex, ok)
	}
	if _, ok := s.Index(wire(".")); ok || s.Len() != 3 {
		t.Error("Replace changed the set it was called on")
	}
}

// Names differ in every way that the wire form allows, and their hashes must
// tell suffixes apart well enough for the index.
func TestNameRejects(t *testing.T) {
	long := strings.Repeat("\x3f"+strings.Repeat("a", 63), 4)
	for _, bad := range []string{"", "\x01", "\x01a", "\x40" + strings.Repeat("a", 64) + "\x00", "\xc0\x0c", "\x01a\xc0\x0c", long + "\x00"} {
		var n Name
		if size, err := n.Set([]byte(bad)); err == nil {
			t.Errorf("%q accepted as %d octets", bad, size)
		}
	}
	var n Name
	if size, err := n.Set([]byte(long[:192] + "\x3d" + strings.Repeat("b", 61) + "\x00rest")); err != nil || size != 255 {
		t.Errorf("a name of 255 octets: %d, %v", size, err)
	}
}
