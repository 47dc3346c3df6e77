package dnssec

import (
	"bytes"
	"fmt"
	"slices"
	"time"
)

// First makes the first keys of a zone: a CSK, or a KSK and a ZSK. They are published and sign at once; the parent is
// asked for a DS, by CDS and CDNSKEY, once every nameserver can have the keys and the caches have forgotten unsigned
// answers.
func First(origin string, a Algorithm, split bool, now time.Time, t Timing) (*Ring, error) {
	now = second(now)
	roles := []Role{CSK}
	if split {
		roles = []Role{KSK, ZSK}
	}
	r := &Ring{Origin: origin}
	for _, role := range roles {
		times := Times{Created: now, Publish: now, Activate: now}
		if role.HasDS() {
			times.SyncPublish = now.Add(t.Ahead)
		}
		k, err := r.fresh(a, role, times)
		if err != nil {
			return nil, err
		}
		r.Keys = append(r.Keys, k)
	}
	return NewRing(origin, r.Keys...)
}

// fresh makes a key whose tag no other key of the ring has.
func (r *Ring) fresh(a Algorithm, role Role, times Times) (*Key, error) {
	for {
		k, err := Generate(a, role, times)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(r.Keys, func(o *Key) bool { return o.Tag() == k.Tag() }) {
			return k, nil
		}
	}
}

// clone is a ring whose keys may be given other times.
func (r *Ring) clone() *Ring {
	c := &Ring{Origin: r.Origin, Keys: make([]*Key, len(r.Keys)), Leave: r.Leave}
	for i, k := range r.Keys {
		copied := *k
		c.Keys[i] = &copied
	}
	return c
}

// with is the ring and one key more.
func (r *Ring) with(k *Key) *Ring {
	r.Keys = append(r.Keys, k)
	slices.SortStableFunc(r.Keys, byLife)
	return r
}

// Rolling is the key that is on its way to replace those of its role, nil if there is none.
func (r *Ring) Rolling(role Role, now time.Time) *Key {
	for _, k := range slices.Backward(r.of(role)) {
		if role.HasDS() && k.Times.DSPublish.IsZero() && r.older(k) != nil || role.SignsZone() && !reached(now, k.Times.Activate) {
			return k
		}
	}
	return nil
}

// of are the keys of a role in the order of their publication.
func (r *Ring) of(role Role) []*Key {
	var keys []*Key
	for _, k := range r.Keys {
		if k.Role == role {
			keys = append(keys, k)
		}
	}
	return keys
}

// older is a key published before k that still stands for the zone at the parent.
func (r *Ring) older(k *Key) *Key {
	for _, o := range r.Keys {
		if o.Role.HasDS() && o != k && o.Times.Publish.Before(k.Times.Publish) && o.Times.Delete.IsZero() {
			return o
		}
	}
	return nil
}

// Roll begins to replace the keys of a role by a new one (RFC 7583: pre-publication for a ZSK, section 3.2.1; for a key
// with a DS both are published and sign the DNSKEY RRset, section 3.3.3, until Seen). The ring itself stays.
func (r *Ring) Roll(role Role, now time.Time, t Timing) (*Ring, *Key, error) {
	now = second(now)
	if len(r.of(role)) == 0 {
		return nil, nil, fmt.Errorf("zone %s has no %v; it is signed by %s", r.Origin, role, r.roles())
	}
	if k := r.Rolling(role, now); k != nil {
		return nil, nil, fmt.Errorf("zone %s: key %d is already on its way to replace another", r.Origin, k.Tag())
	}
	if !r.Leave.Since.IsZero() {
		return nil, nil, fmt.Errorf("zone %s is on its way to being unsigned", r.Origin)
	}
	k, err := r.fresh(r.Algorithm(), role, t.rolled(role, now, now))
	if err != nil {
		return nil, nil, err
	}
	next := r.clone().with(k)
	next.settle(now, t)
	return next, k, nil
}

// rolled are the times of a key that takes over, but not before a moment.
func (t *Timing) rolled(role Role, now, notBefore time.Time) Times {
	ready := ceil(later(now.Add(t.Ahead).Add(t.known()), notBefore))
	times := Times{Created: now, Publish: ready.Add(-t.known()), Activate: ready}
	if role == KSK {
		times.Activate = times.Publish
	}
	if role.HasDS() {
		times.SyncPublish = ready
	}
	return times
}

// roles names the roles of the keys.
func (r *Ring) roles() string {
	if r.Split() {
		return "a KSK and a ZSK"
	}
	return "a CSK"
}

// settle gives keys that have a successor the times that follow from it. It finishes what was being written when a
// machine stopped, too.
func (r *Ring) settle(now time.Time, t Timing) {
	for _, role := range []Role{CSK, KSK, ZSK} {
		keys := r.of(role)
		for i := range keys[:max(len(keys)-1, 0)] {
			old, next := &keys[i].Times, &keys[i+1].Times
			if role.SignsZone() {
				old.stop(next.Activate, now, t, role == ZSK)
			}
			if role.HasDS() && old.SyncDelete.IsZero() {
				old.SyncDelete = next.SyncPublish
			}
		}
	}
}

// stop ends signing where a successor begins. An end that is known already stays, unless it lies before a beginning
// that is still to come: then nothing would sign in between, and caches need the old key for longer.
func (t *Times) stop(successor, now time.Time, timing Timing, remove bool) {
	if successor.IsZero() || !t.Inactive.IsZero() && (!t.Inactive.Before(successor) || reached(now, successor)) {
		return
	}
	t.Inactive = successor
	if reached(now, successor) {
		t.Inactive = ceil(now.Add(timing.Ahead))
	}
	if last := t.Inactive.Add(timing.forgotten()); remove || !t.Delete.IsZero() {
		t.Delete = later(t.Delete, last)
	}
}

// Seen notes that every server of the parent has a DS for a key, with a TTL, and gives the keys that it replaces their
// end: not before the caches have forgotten the DS RRset without it, and the signatures of the old key.
func (r *Ring) Seen(tag uint16, now time.Time, ttl time.Duration, t Timing) (*Ring, error) {
	now = second(now)
	found, err := r.Find(tag)
	switch {
	case err != nil:
		return nil, err
	case !found.Role.HasDS():
		return nil, fmt.Errorf("key %d is a ZSK, for which the parent has no DS", tag)
	case !span(now, found.Times.Publish, found.Times.Delete):
		return nil, fmt.Errorf("key %d is not published; a DS for it at the parent does not help the zone to validate", tag)
	}
	next := r.clone()
	next.settle(now, t)
	k, _ := next.Find(tag)
	if k.Times.DSPublish.IsZero() {
		k.Times.DSPublish = now
	}
	for _, o := range next.Keys {
		if !o.Role.HasDS() || !o.Times.Publish.Before(k.Times.Publish) || !o.Times.Delete.IsZero() {
			continue
		}
		o.Times.Delete = ceil(later(now.Add(t.Ahead), now.Add(ttl+t.Propagation)))
		if o.Role.SignsZone() {
			o.Times.Delete = later(o.Times.Delete, o.Times.Inactive.Add(t.forgotten()))
		}
	}
	return next, nil
}

// Parent is what the servers of a parent have of a zone's DS RRset.
type Parent struct {
	All [][]byte      // RDATA that every server has
	Any [][]byte      // RDATA that at least one has
	TTL time.Duration // the longest; 0 if there is none
}

// has tells whether some RDATA is a DS of the key, whatever its digest.
func has(data [][]byte, k *Key, origin string) bool {
	return slices.ContainsFunc(data, func(ds []byte) bool {
		return len(ds) > 4 && bytes.Equal(ds, k.DS(origin, Digest(ds[3])))
	})
}
