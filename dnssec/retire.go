package dnssec

import (
	"fmt"
	"time"
)

// Retire ends a key that others can do without, as soon as caches allow. Its signing goes on until every nameserver can
// have the new times.
func (r *Ring) Retire(tag uint16, now time.Time, t Timing) (*Ring, *Key, error) {
	now = second(now)
	next := r.clone()
	next.settle(now, t)
	k, err := next.Find(tag)
	if err != nil {
		return nil, nil, err
	}
	switch {
	case reached(now, k.Times.Delete):
		return nil, nil, fmt.Errorf("key %d has been removed already", tag)
	case !reached(now, k.Times.Publish):
		return nil, nil, fmt.Errorf("key %d is not published yet; it can be retired when another has replaced it", tag)
	}
	soon, gone := ceil(now.Add(t.Ahead)), ceil(now.Add(t.Ahead))
	if k.Role.SignsZone() {
		other := next.other(k, now, func(o *Key) bool {
			return o.Role.SignsZone() && !o.Times.Activate.IsZero() && o.Times.Inactive.IsZero()
		})
		if other == nil {
			return nil, nil, fmt.Errorf("key %d is the last one that signs zone %s; make its successor with "+
				"meridian keys roll %s", tag, r.Origin, r.Origin)
		}
		if k.Times.Inactive.IsZero() {
			k.Times.Inactive = later(soon, other.Times.Activate)
		}
		gone = later(gone, k.Times.Inactive.Add(t.forgotten()))
	}
	if k.Role.HasDS() {
		other := next.other(k, now, func(o *Key) bool { return o.Role.HasDS() && !o.Times.DSPublish.IsZero() && o.Times.DSDelete.IsZero() })
		if other == nil {
			return nil, nil, fmt.Errorf("the parent is not known to have a DS for any key of zone %s but %d; once it has, say so with "+
				"meridian keys ds-seen %s", r.Origin, tag, r.Origin)
		}
		if k.Times.SyncDelete.IsZero() {
			k.Times.SyncDelete = soon
		}
		gone = later(gone, other.Times.DSPublish.Add(t.DSTTL+t.Propagation))
	}
	if k.Times.Delete.IsZero() {
		k.Times.Delete = gone
	}
	return next, k, nil
}

// other is another key that stays and does something.
func (r *Ring) other(k *Key, now time.Time, does func(*Key) bool) *Key {
	for _, o := range r.Keys {
		if o != k && reached(now, o.Times.Publish) && o.Times.Delete.IsZero() && does(o) {
			return o
		}
	}
	return nil
}

// Warnings are what may make a zone fail to validate, or does already.
func (r *Ring) Warnings(now time.Time) []string {
	var all []string
	for _, k := range r.Keys {
		if bits := k.rsaBits(); bits > 0 && bits < strongRSA && !reached(now, k.Times.Delete) {
			all = append(all, fmt.Sprintf("key %d is an RSA key of %d bits, which is too weak to last, and which some validators "+
				"refuse; replace it by one of at least %d, or better of ECDSAP256SHA256", k.Tag(), bits, strongRSA))
		}
		for _, end := range []struct {
			at    time.Time
			does  func(Role) bool
			what  string
			takes func(*Key) bool
		}{
			{k.Times.Inactive, Role.SignsZone, "signs no more from", func(o *Key) bool { return !o.Times.Activate.IsZero() && !o.Times.Activate.After(k.Times.Inactive) }},
			{k.Times.Delete, Role.HasDS, "is removed at", func(o *Key) bool { return !o.Times.Publish.IsZero() && o.Times.Publish.Before(k.Times.Delete) }},
		} {
			if end.at.IsZero() || !end.does(k.Role) || r.succeeded(k, end.at, end.does, end.takes) {
				continue
			}
			all = append(all, fmt.Sprintf("key %d %s %s, and no other key takes its place; it is kept in use", k.Tag(), end.what, stamp(end.at)))
		}
	}
	return all
}

func (r *Ring) succeeded(k *Key, at time.Time, does func(Role) bool, takes func(*Key) bool) bool {
	for _, o := range r.Keys {
		ends := []time.Time{o.Times.Delete}
		if does(ZSK) {
			ends = append(ends, o.Times.Inactive)
		}
		stays := true
		for _, e := range ends {
			stays = stays && (e.IsZero() || e.After(at))
		}
		if o != k && does(o.Role) && takes(o) && stays {
			return true
		}
	}
	return false
}
