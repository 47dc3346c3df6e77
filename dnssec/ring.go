package dnssec

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Ring is all keys of one zone. Immutable: what changes it makes a new one.
type Ring struct {
	Origin string // in lower case without a final dot; the root is "."
	Keys   []*Key // those with a DS first, then by their time of publication
	Leave  Leave
}

// Leave says how far a zone is on its way to being unsigned.
type Leave struct {
	Since  time.Time // the delete form of CDS and CDNSKEY is published from here on (RFC 8078 section 4); zero: the zone stays signed
	DSGone time.Time // no server of the parent had a DS any more
	Safe   time.Time // and no cache either: from here on the zone may be served unsigned
}

// NewRing puts keys together. They must be able to sign a zone: of one algorithm, one with a DS, one that signs.
func NewRing(origin string, keys ...*Key) (*Ring, error) {
	r := &Ring{Origin: origin, Keys: slices.Clone(keys)}
	slices.SortStableFunc(r.Keys, byLife)
	if len(keys) == 0 {
		return nil, fmt.Errorf("zone %s has no keys", origin)
	}
	var ds, zone bool
	for i, k := range r.Keys {
		if err := k.Algorithm.check(); err != nil {
			return nil, fmt.Errorf("zone %s: key %d: %w", origin, k.Tag(), err)
		}
		ds, zone = ds || k.Role.HasDS(), zone || k.Role.SignsZone()
		if k.Algorithm != keys[0].Algorithm {
			return nil, fmt.Errorf("zone %s has keys of two algorithms, %v and %v, which is not supported; "+
				"to change the algorithm, make the zone unsigned first", origin, keys[0].Algorithm, k.Algorithm)
		}
		if slices.ContainsFunc(r.Keys[:i], func(o *Key) bool { return o.Tag() == k.Tag() }) {
			return nil, fmt.Errorf("zone %s has two keys with the tag %d", origin, k.Tag())
		}
	}
	switch {
	case !ds:
		return nil, fmt.Errorf("zone %s has no KSK or CSK: the parent can have no DS", origin)
	case !zone:
		return nil, fmt.Errorf("zone %s has no ZSK or CSK: nothing can sign it", origin)
	}
	return r, nil
}

func byLife(a, b *Key) int {
	if a.Role.HasDS() != b.Role.HasDS() {
		if a.Role.HasDS() {
			return -1
		}
		return 1
	}
	if c := a.Times.Publish.Compare(b.Times.Publish); c != 0 {
		return c
	}
	return int(a.Tag()) - int(b.Tag())
}

// Find returns the key with a tag.
func (r *Ring) Find(tag uint16) (*Key, error) {
	var tags []string
	for _, k := range r.Keys {
		if k.Tag() == tag {
			return k, nil
		}
		tags = append(tags, fmt.Sprint(k.Tag()))
	}
	return nil, fmt.Errorf("zone %s has no key with the tag %d; it has %s", r.Origin, tag, strings.Join(tags, ", "))
}

// Algorithm is that of all keys.
func (r *Ring) Algorithm() Algorithm { return r.Keys[0].Algorithm }

// Split tells whether the zone is signed by keys without a DS.
func (r *Ring) Split() bool {
	return slices.ContainsFunc(r.Keys, func(k *Key) bool { return k.Role == ZSK })
}

// published are the keys whose DNSKEY stands in the zone. A zone always has one with a DS and those that sign: should
// the times leave none, the last stays until another takes over.
func (r *Ring) published(now time.Time) []*Key {
	var keys []*Key
	signers := r.zoneSigners(now)
	ds := slices.ContainsFunc(r.Keys, func(k *Key) bool { return k.Role.HasDS() && k.public(now) })
	last := r.last(now, Role.HasDS, func(t *Times) (from, until time.Time) { return t.Publish, t.Delete })
	for _, k := range r.Keys {
		if k.public(now) || slices.Contains(signers, k) || !ds && k == last {
			keys = append(keys, k)
		}
	}
	return keys
}

// public tells whether the key's DNSKEY is published by its times.
func (k *Key) public(now time.Time) bool { return span(now, k.Times.Publish, k.Times.Delete) }

// zoneSigners are the keys that sign the zone. Should the times leave none, the one that signed last does.
func (r *Ring) zoneSigners(now time.Time) []*Key {
	var keys []*Key
	for _, k := range r.Keys {
		if k.Role.SignsZone() && k.public(now) && span(now, k.Times.Activate, k.Times.Inactive) {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		keys = append(keys, r.last(now, Role.SignsZone, func(t *Times) (from, until time.Time) {
			if t.Inactive.IsZero() {
				return t.Activate, t.Delete
			}
			return t.Activate, t.Inactive
		}))
	}
	return keys
}

// last is the key that did something last, or does it still; if none has yet, the one that will do it first.
//
//	a begun  b begun
//	yes      no       a
//	no       yes      b
//	yes      yes      that which ends last, or never
//	no       no       that which begins first; one that never begins comes last
func (r *Ring) last(now time.Time, does func(Role) bool, life func(*Times) (from, until time.Time)) *Key {
	var best *Key
	better := func(a, b *Key) bool {
		fromA, untilA := life(&a.Times)
		fromB, untilB := life(&b.Times)
		if begun := reached(now, fromA); begun != reached(now, fromB) {
			return begun
		} else if begun {
			return !untilB.IsZero() && (untilA.IsZero() || untilA.After(untilB))
		}
		return !fromA.IsZero() && (fromB.IsZero() || fromA.Before(fromB))
	}
	for _, k := range r.Keys {
		if does(k.Role) && (best == nil || better(k, best)) {
			best = k
		}
	}
	return best
}

// sync is what the parent is asked to have: the CDS and CDNSKEY RRsets.
func (r *Ring) sync(now time.Time) (cds, cdnskey [][]byte) {
	if reached(now, r.Leave.Since) { // RFC 8078 section 4, with its erratum 5049
		return [][]byte{{0, 0, 0, 0, 0}}, [][]byte{{0, 0, 3, 0, 0}}
	}
	for _, k := range r.published(now) {
		if k.Role.HasDS() && span(now, k.Times.SyncPublish, k.Times.SyncDelete) {
			cds = append(cds, k.DS(r.Origin, SHA256))
			cdnskey = append(cdnskey, k.DNSKEY())
		}
	}
	return cds, cdnskey
}

// next is the first moment after now at which the plan may change.
func (r *Ring) next(now time.Time) time.Time {
	var next time.Time
	consider := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	consider(r.Leave.Since)
	for _, k := range r.Keys {
		t := &k.Times
		for _, t := range []time.Time{t.Publish, t.Activate, t.Inactive, t.Delete, t.SyncPublish, t.SyncDelete} {
			consider(t)
		}
	}
	return next
}
