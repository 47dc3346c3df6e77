package healthcheck

import "hash/maphash"

// index finds slots by target. It holds their hashes only: with ten thousand targets, every copy of them costs the
// garbage collector milliseconds. Immutable once filled.
type index struct {
	seed    maphash.Seed
	slots   map[uint64]Slot // by hash, or the next number that was free
	targets []Target        // by Slot; the caller's
}

func newIndex(targets []Target) *index {
	return &index{maphash.MakeSeed(), make(map[uint64]Slot, len(targets)), targets}
}

// add takes up the target at a slot.
func (x *index) add(slot Slot) {
	h := maphash.Comparable(x.seed, x.targets[slot])
	for {
		if _, taken := x.slots[h]; !taken {
			break
		}
		h++
	}
	x.slots[h] = slot
}

func (x *index) find(t Target) (Slot, bool) {
	for h := maphash.Comparable(x.seed, t); ; h++ {
		slot, ok := x.slots[h]
		if !ok || x.targets[slot] == t {
			return slot, ok
		}
	}
}
