package steer

import "github.com/meridian-dns/meridian/healthcheck"

// State is a set joined with the states of its checks: finished answers for every ranking. Immutable.
type State struct {
	set    *Set
	health *healthcheck.Snapshot
	duties Duties
	pools  []*answers
}

// With returns the answers for these states of the checks. Pools behind which no check changed since prev,
// if that is a State of the same Set, keep the answers they have. Without a snapshot (nil) nothing is known of
// any check, and all count as up.
func (s *Set) With(prev *State, h *healthcheck.Snapshot) *State {
	return s.WithDuties(prev, h, nil)
}

// Find resolves what a GEO record names, "web" or "web/ny".
func (s *State) Find(ref string) (Ref, error) { return s.set.Find(ref) }

// Info says which types exist at a reference.
func (s *State) Info(r Ref) Info { return s.set.Info(r) }

// Set returns the set the state was made from.
func (s *State) Set() *Set { return s.set }
