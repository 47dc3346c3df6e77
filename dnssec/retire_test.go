package dnssec

import (
	"strings"
	"testing"
)

// TestRetire: a key goes only if others do what it does.
func TestRetire(t *testing.T) {
	one := testKey(t, CSK, Times{Publish: epoch, Activate: epoch, DSPublish: at(1)})
	two := testKey(t, CSK, Times{Publish: at(10), Activate: at(20)})
	for _, c := range []struct {
		name string
		ring *Ring
		tag  uint16
		want string // of the error
	}{
		{"the only one", testRing(t, one), one.Tag(), "the last one that signs"},
		{"without a DS for the other", testRing(t, one, two), one.Tag(), "not known to have a DS for any key"},
		{"not here", testRing(t, one), one.Tag() + 1, "has no key with the tag"},
	} {
		if _, _, err := c.ring.Retire(c.tag, at(30), hourly); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	next, k, err := testRing(t, one, two).Retire(two.Tag(), at(30), hourly)
	if err != nil {
		// one is replaced by two, so it signs no more and two cannot go
		if !strings.Contains(err.Error(), "the last one that signs") {
			t.Error(err)
		}
	} else {
		t.Errorf("the successor was retired: %v %v", next, k)
	}
	two.Times.DSPublish = at(25)
	next, k, err = testRing(t, one, two).Retire(one.Tag(), at(30), hourly)
	if err != nil || k.Times.Delete.Before(at(30).Add(hourly.Ahead)) || len(next.Warnings(at(30))) > 0 {
		t.Errorf("%v, %v", k, err)
	}
}

func TestWarnings(t *testing.T) {
	k := testKey(t, CSK, Times{Publish: epoch, Activate: epoch, Inactive: at(10), Delete: at(20)})
	r := testRing(t, k)
	if w := r.Warnings(at(1)); len(w) != 2 || !strings.Contains(w[0], "no other key takes its place") {
		t.Errorf("warnings: %q", w)
	}
	if p := r.Plan(at(30)); len(p.DNSKEY) != 1 || len(p.ZoneSigners) != 1 || len(p.KeySigners) != 1 {
		t.Errorf("the last key is gone: %+v", p)
	}
}
