package steer

import (
	"slices"

	"github.com/meridian-dns/meridian/healthcheck"
)

// maxFeared is how many checks in a streak are taken one by one.
const maxFeared = 8

// Feared calls yield with the states that may come next: one for each of the first checks that are in a streak,
// as if it had flipped alone, and one as if all of them had. There are none while all checks are settled.
func (s *State) Feared(yield func(*State) bool) {
	var streaks []healthcheck.Slot
	for _, slot := range s.set.slots {
		if vitalOf(s.health, slot).until > 0 {
			streaks = append(streaks, slot)
		}
	}
	for i := range min(len(streaks), maxFeared) {
		if !yield(s.flipped(streaks[i : i+1])) {
			return
		}
	}
	if len(streaks) > 1 {
		yield(s.flipped(streaks))
	}
}

// flipped is the state in which checks have changed their mind.
func (s *State) flipped(slots []healthcheck.Slot) *State {
	h := &healthcheck.Snapshot{Generation: s.health.Generation, Targets: s.health.Targets, States: slices.Clone(s.health.States)}
	for _, slot := range slots {
		st := &h.States[slot]
		if st.Needed, st.Streak = 0, 0; st.Status == healthcheck.Up {
			st.Status = healthcheck.Down
		} else {
			st.Status = healthcheck.Up
		}
	}
	return s.set.WithDuties(s, h, s.duties)
}
