package dnssec

import (
	"time"
)

// State says in a word where a key is in its life.
//
//	made       not published yet
//	published  in the zone, so that caches know it before it signs
//	active     it signs
//	retired    in the zone still, for signatures and DS that caches may have
//	removed    no longer in the zone
func (k *Key) State(now time.Time) string {
	t := &k.Times
	switch {
	case reached(now, t.Delete):
		return "removed"
	case !reached(now, t.Publish):
		return "made"
	case reached(now, t.Inactive), k.Role == KSK && reached(now, t.SyncDelete):
		return "retired"
	case !reached(now, t.Activate):
		return "published"
	}
	return "active"
}

// DSState says what is known of the key's DS at the parent.
func (k *Key) DSState(now time.Time) string {
	t := &k.Times
	switch {
	case !k.Role.HasDS():
		return "none"
	case !t.DSDelete.IsZero():
		return "gone since " + stamp(t.DSDelete)
	case t.DSPublish.IsZero():
		return "not seen yet"
	case reached(now, t.SyncDelete):
		return "to go"
	}
	return "seen " + stamp(t.DSPublish)
}

// NextStep says what happens to the key next, and when.
func (k *Key) NextStep(now time.Time) string {
	t := &k.Times
	var when time.Time
	what := ""
	for _, s := range []struct {
		what string
		at   time.Time
	}{
		{"published", t.Publish}, {"signs", t.Activate}, {"CDS published", t.SyncPublish}, {"signs no more", t.Inactive},
		{"CDS withdrawn", t.SyncDelete}, {"removed", t.Delete},
	} {
		if s.at.After(now) && (when.IsZero() || s.at.Before(when)) {
			when, what = s.at, s.what
		}
	}
	switch {
	case what != "":
		return what + " " + stamp(when)
	case k.Role.HasDS() && t.DSPublish.IsZero() && !reached(now, t.Delete) && !reached(now, t.SyncDelete):
		return "waits for its DS at the parent"
	case k.Role.HasDS() && reached(now, t.SyncDelete) && t.Delete.IsZero():
		return "waits for its successor's DS"
	}
	return "none"
}

// Asked are the keys whose DS the parent should have: not those that come or go.
func (r *Ring) Asked(now time.Time) []*Key {
	var keys []*Key
	for _, k := range r.Keys {
		if k.Role.HasDS() && !reached(now, k.Times.SyncDelete) && !reached(now, k.Times.Delete) &&
			(reached(now, k.Times.SyncPublish) || r.older(k) == nil) {
			keys = append(keys, k)
		}
	}
	return keys
}
