package resolver

import (
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// A view that follows another one takes over what has not changed, and only
// that: whatever changes, its answers are those of one made from nothing.
func TestViewsFollow(t *testing.T) {
	db, err := openWorld(t.TempDir(), networks, 6)
	if err != nil {
		t.Fatal(err)
	}
	compiled := func(pools []steer.Pool) *steer.State {
		set, err := compilePools(db, pools)
		if err != nil {
			t.Fatal(err)
		}
		return set.With(nil, health())
	}
	reversed := pools()
	slices.Reverse(reversed)
	first, second := compiled(pools()), compiled(reversed)
	one := zone(t, "one.zone", "@ 60 IN SOA a. b. 1 2 3 4 5\n@ 60 IN NS a.\nx 60 IN GEO web\ny 60 IN GEO v4\n", first)
	other := zone(t, "one.zone", "@ 60 IN SOA a. b. 2 2 3 4 5\n@ 60 IN NS a.\ny 60 IN GEO many\nx 60 IN GEO web/fr\n", first)
	two := zone(t, "two.zone", "@ 60 IN SOA a. b. 1 2 3 4 5\n@ 60 IN NS a.\nx 60 IN GEO mix\ny 60 IN GEO cdn\n", first)
	begin := zones.NewSet([]zones.Entry{one, two})
	steps := []struct {
		what  string
		zones *zones.Set
		state *steer.State
	}{
		{"the start", begin, first},
		{"health", begin, first.Set().With(first, nil)},
		{"pools", begin, second},
		{"a zone", begin.Replace([]zones.Entry{other}, nil), second},
		{"a zone and pools", begin, first},
		{"a zone is gone", begin.Replace(nil, []string{one.Origin}), first},
		{"zones change places", zones.NewSet([]zones.Entry{two, other}), first},
		{"all at once", zones.NewSet([]zones.Entry{one, two}), second},
	}
	var prev *View
	for _, s := range steps {
		o := &Options{}
		prev = NewView(prev, s.zones, s.state, o)
		a := &asker{t: t, view: prev, scratch: new(Scratch), client: "8.8.8.8"}
		b := &asker{t: t, view: NewView(nil, s.zones, s.state, o), scratch: new(Scratch), client: "8.8.8.8"}
		for _, name := range []string{"x.one.", "y.one.", "x.two.", "y.two.", "z.two."} {
			for _, typ := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeMX} {
				m := question(name, typ)
				if got, want := a.ask(m).String(), b.ask(m).String(); got != want {
					t.Errorf("%s: %s %s:\n%s\nwant\n%s", s.what, name, dns.Type(typ), got, want)
				}
			}
		}
	}
}
