package healthcheck

import (
	"iter"
	"slices"
)

// Slot is the index of a target in a Snapshot. A target keeps its slot as long as
// it stays, through every Set. The slot of a removed target keeps its target and
// last state for one more Set and is reused only after that, so what was
// built for one Set can be read with snapshots of that and of the next.
type Slot int32

// NoCheck is the slot of what is not checked: always up.
const NoCheck Slot = -1

// Snapshot is the table of states at one moment. It is immutable, and safe for
// concurrent use. Snapshots of equal Generation lead to equal answers.
type Snapshot struct {
	Generation uint64   // counts Sets and changes of Status, Streak or Needed
	Targets    []Target // by Slot, complete with defaults; those removed and vacant slots too, see All
	States     []State  // by Slot

	slots *index // of the live ones; nil in a literal: all are
	live  []bool // by Slot: those in slots
}

// State returns the state at a slot. NoCheck is Up and settled; a slot out of
// range is Unknown.
func (s *Snapshot) State(slot Slot) State {
	switch {
	case slot == NoCheck:
		return State{Status: Up}
	case slot < 0 || int(slot) >= len(s.States):
		return State{}
	}
	return s.States[slot]
}

// Find returns the slot of a target that is being probed.
func (s *Snapshot) Find(t Target) (Slot, bool) {
	t = t.complete()
	if s.slots != nil {
		return s.slots.find(t)
	}
	i := slices.IndexFunc(s.Targets, func(o Target) bool { return o.complete() == t })
	return Slot(i), i >= 0
}

// All yields the targets that are being probed, in order of slot.
func (s *Snapshot) All() iter.Seq2[Slot, Target] {
	return func(yield func(Slot, Target) bool) {
		for i, t := range s.Targets {
			if s.slots != nil && !s.live[i] {
				continue
			}
			if !yield(Slot(i), t) {
				return
			}
		}
	}
}

// Changed returns the slots whose states lead to other answers than in an earlier
// snapshot, in ascending order, those new since then included.
func (s *Snapshot) Changed(prev *Snapshot) []Slot {
	var changed []Slot
	for i := range s.States {
		if i >= len(prev.States) || !s.States[i].agrees(prev.States[i]) {
			changed = append(changed, Slot(i))
		}
	}
	return changed
}
