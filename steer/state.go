package steer

import "github.com/meridian-dns/meridian/healthcheck"

// State is a set joined with the states of its checks: finished answers for every ranking. Immutable.
type State struct {
	set    *Set
	health *healthcheck.Snapshot
	pools  []*answers
}

// With returns the answers for these states of the checks. Pools behind which no check changed since prev,
// if that is a State of the same Set, keep the answers they have. Without a snapshot (nil) nothing is known of
// any check, and all count as up.
func (s *Set) With(prev *State, h *healthcheck.Snapshot) *State {
	next := &State{set: s, health: h, pools: make([]*answers, len(s.pools))}
	if prev != nil && prev.set == s {
		copy(next.pools, prev.pools)
		for i, slot := range s.slots {
			if vitalOf(prev.health, slot) != vitalOf(h, slot) {
				for _, user := range s.users[i] {
					next.pools[user] = nil
				}
			}
		}
	}
	for i, have := range next.pools {
		if have == nil {
			next.pools[i] = answer(s.pools[i], h)
		}
	}
	return next
}

// Find resolves what a GEO record names, "web" or "web/ny".
func (s *State) Find(ref string) (Ref, error) { return s.set.Find(ref) }

// Info says which types exist at a reference.
func (s *State) Info(r Ref) Info { return s.set.Info(r) }

// Set returns the set the state was made from.
func (s *State) Set() *Set { return s.set }
