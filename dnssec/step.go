package dnssec

import (
	"fmt"
	"slices"
	"time"
)

// Waits tells whether there is something to learn from the parent: a DS that has not been seen, or one that shall go.
func (r *Ring) Waits(now time.Time) bool {
	if reached(now, r.Leave.Since) {
		return r.Leave.DSGone.IsZero()
	}
	return slices.ContainsFunc(r.Keys, func(k *Key) bool {
		return k.Role.HasDS() && (r.expects(k, now) || !k.Times.DSPublish.IsZero() && k.replaced(now))
	})
}

// expects tells whether a DS of the key may have come since.
func (r *Ring) expects(k *Key, now time.Time) bool {
	return k.Times.DSPublish.IsZero() && span(now, k.Times.Publish, k.Times.Delete) && !reached(now, k.Times.SyncDelete)
}

// replaced tells whether the parent was asked to remove the key's DS and still may have it.
func (k *Key) replaced(now time.Time) bool {
	return reached(now, k.Times.SyncDelete) && k.Times.DSDelete.IsZero()
}

// Step does what is due at a moment on the one nameserver that makes a zone's new keys. seen is what the parent has, nil
// if it was not asked. It returns the ring that follows, and a line for people on each thing done; the same ring and no
// line if nothing is due. It decides by the ring alone, so it may be asked as often as one likes, and goes on where it
// was after a new start or when the clock jumps.
func (r *Ring) Step(now time.Time, seen *Parent, t Timing) (*Ring, []string, error) {
	next, done := r, []string(nil)
	for _, step := range []func(*Ring, time.Time, *Parent, Timing) (*Ring, []string, error){
		(*Ring).finish, (*Ring).replaceZSK, (*Ring).noteDS, (*Ring).noteGone, (*Ring).leave,
	} {
		ring, lines, err := step(next, second(now), seen, t)
		if err != nil {
			return r, nil, err
		}
		next, done = ring, append(done, lines...)
	}
	return next, done, nil
}

// finish writes what was not written when a roll began.
func (r *Ring) finish(now time.Time, _ *Parent, t Timing) (*Ring, []string, error) {
	next := r.clone()
	next.settle(now, t)
	for i, k := range next.Keys {
		if k.Times != r.Keys[i].Times {
			return next, []string{fmt.Sprintf("key %d: the times of its end follow from its successor's", k.Tag())}, nil
		}
	}
	return r, nil, nil
}

// replaceZSK makes the next ZSK when the last one's lifetime comes to its end.
func (r *Ring) replaceZSK(now time.Time, _ *Parent, t Timing) (*Ring, []string, error) {
	keys := r.of(ZSK)
	if len(keys) == 0 || !r.Leave.Since.IsZero() {
		return r, nil, nil
	}
	last := keys[len(keys)-1]
	due := last.Times.Activate.Add(t.Lifetime)
	if last.Times.Activate.IsZero() || now.Before(due.Add(-t.Ahead-t.known())) {
		return r, nil, nil
	}
	k, err := r.fresh(r.Algorithm(), ZSK, t.rolled(ZSK, now, due))
	if err != nil {
		return r, nil, err
	}
	next := r.clone().with(k)
	next.settle(now, t)
	return next, []string{fmt.Sprintf("made ZSK %d, which is published at %s and replaces %d at %s", k.Tag(),
		stamp(k.Times.Publish), last.Tag(), stamp(k.Times.Activate))}, nil
}

// noteDS writes down which DS have come.
func (r *Ring) noteDS(now time.Time, seen *Parent, t Timing) (*Ring, []string, error) {
	next, done := r, []string(nil)
	if seen == nil {
		return r, nil, nil
	}
	for _, k := range r.Keys {
		if !k.Role.HasDS() || !r.expects(k, now) || !has(seen.All, k, r.Origin) {
			continue
		}
		ring, err := next.Seen(k.Tag(), now, seen.TTL, t)
		if err != nil {
			return r, nil, err
		}
		next, done = ring, append(done, fmt.Sprintf("the DS of key %d is at every server of the parent", k.Tag()))
	}
	return next, done, nil
}

// noteGone writes down which DS have gone.
func (r *Ring) noteGone(now time.Time, seen *Parent, _ Timing) (*Ring, []string, error) {
	next, done := r.clone(), []string(nil)
	for _, k := range next.Keys {
		if seen == nil || k.Times.DSPublish.IsZero() || !k.replaced(now) || has(seen.Any, k, r.Origin) {
			continue
		}
		k.Times.DSDelete = now
		done = append(done, fmt.Sprintf("the DS of key %d has gone from the parent", k.Tag()))
	}
	if len(done) == 0 {
		return r, nil, nil
	}
	return next, done, nil
}

// leave writes down that no DS is left.
func (r *Ring) leave(now time.Time, seen *Parent, t Timing) (*Ring, []string, error) {
	if seen == nil || !reached(now, r.Leave.Since) || !r.Leave.DSGone.IsZero() || len(seen.Any) > 0 {
		return r, nil, nil
	}
	next := r.Gone(now, t)
	return next, []string{"the parent has no DS any more; the zone may be served unsigned from " + stamp(next.Leave.Safe)}, nil
}

// Unsign begins to make a zone unsigned: the parent is asked to remove its DS.
func (r *Ring) Unsign(now time.Time) *Ring {
	next := r.clone()
	if next.Leave.Since.IsZero() {
		next.Leave.Since = second(now)
	}
	return next
}

// Gone notes that no server of the parent has a DS of the zone.
func (r *Ring) Gone(now time.Time, t Timing) *Ring {
	next := r.clone()
	next.Leave.DSGone = second(now)
	next.Leave.Safe = second(now).Add(t.DSTTL + t.Propagation)
	return next
}

// Stay ends what Unsign began.
func (r *Ring) Stay() *Ring {
	next := r.clone()
	next.Leave = Leave{}
	return next
}

// stamp is a moment for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") }
