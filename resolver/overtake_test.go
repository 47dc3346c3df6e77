package resolver

import (
	"testing"

	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// twoFlocks are a zone of few names and one of many, of the same pool.
func twoFlocks(t *testing.T) (f *flock, many func(text string) zones.Entry) {
	t.Helper()
	f = newFlock(t, 3, checkedPool(3, steer.All, 0), nil)
	signer := newSigner(t, "many.test.", dnssec.Options{})
	return f, func(text string) zones.Entry {
		return signedZone(t, "many.test.zone", "$TTL 60\n@ SOA ns.example.net. h.example.net. 1 2 3 4 5\n@ NS ns.example.net.\n*.a GEO web\n"+
			"b GEO web\nc GEO web\nd GEO web\ne GEO web\n"+text, f.set.With(nil, nil), signer)
	}
}

// TestSignTakesTheSmallestFirst signs for no longer than it is let: names of a
// zone with few get their answers before those of a zone with many.
func TestSignTakesTheSmallestFirst(t *testing.T) {
	f, many := twoFlocks(t)
	set := zones.NewSet([]zones.Entry{many(""), f.zone(t, 3)})
	before := f.set.With(nil, downs(3))
	v := NewView(NewView(nil, set, before, &f.opts), set, f.set.With(before, downs(3, 1)), &f.opts)
	calls := 0
	v = v.Sign(func() bool { calls++; return true })
	if got := f.answered(t, v); got != "1 3" || !v.Behind(f.now) || calls != 1 {
		t.Errorf("after a while: %s, behind %v, asked %d times", got, v.Behind(f.now), calls)
	}
	if v = v.Sign(never); v.Behind(f.now) {
		t.Error("behind in the end")
	}
}

// TestTransitionOvertakesAZone makes the signatures of a new version of a zone
// aside, while servers go down and all else is signed: what follows has both,
// and signs nothing again.
func TestTransitionOvertakesAZone(t *testing.T) {
	f, many := twoFlocks(t)
	set := zones.NewSet([]zones.Entry{many(""), f.zone(t, 3)})
	before := f.set.With(nil, downs(3))
	v := NewView(nil, set, before, &f.opts)
	edited := set.Replace([]zones.Entry{many("f GEO web\n")}, nil)
	ahead := NewView(v, edited, before, &f.opts)

	after := f.set.With(before, downs(3, 1))
	v = NewView(v, set, after, &f.opts).Sign(never)
	made := f.signer.Made()
	v = NewView(Join(v, ahead), edited, after, &f.opts)
	if got := f.answered(t, v); got != "1 3" || f.signer.Made() != made {
		t.Errorf("the zone that was not edited answers %s, with %d more signatures", got, f.signer.Made()-made)
	}
	if names, _ := v.Signatures(); names != 9 {
		t.Errorf("%d names, want those of the edited zone too", names)
	}
	if !v.Behind(f.now) || v.Sign(never).Behind(f.now) {
		t.Error("the edited zone knows of the transition before it is signed, or not after")
	}
}

// TestPresignStops leaves off as soon as there is something better to do.
func TestPresignStops(t *testing.T) {
	f := newFlock(t, 300, checkedPool(3, steer.All, 0), nil)
	before := f.set.With(nil, downs(3))
	v := NewView(nil, f.zones, before, &f.opts)
	made := f.signer.Made()
	v.Presign(f.set.With(before, downs(3, 1)), func() bool { return f.signer.Made() > made })
	if n := f.signer.Made() - made; n == 0 || n > 100 {
		t.Errorf("%d signatures before it stopped", n)
	}
}
