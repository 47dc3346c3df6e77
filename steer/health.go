package steer

import "github.com/meridian-dns/meridian/healthcheck"

// level is how fit an address, or a server in a family, is to be served.
type level uint8

const (
	absent  level = iota // the server has no address in the family
	drained              // left out by an operator
	down
	pending // added by a reload and without a success yet: only if nothing else is healthy
	up
)

// vital is what answers depend on in the state of a check.
type vital struct {
	status healthcheck.Status
	until  uint32 // seconds until it may flip, 0: settled
}

// vitalOf reads the state of a check. One that the snapshot does not hold has not been probed yet.
func vitalOf(h *healthcheck.Snapshot, slot healthcheck.Slot) vital {
	if slot == healthcheck.NoCheck {
		return vital{status: healthcheck.Up}
	}
	if h == nil || slot < 0 || int(slot) >= len(h.States) {
		return vital{status: healthcheck.Unknown}
	}
	st := &h.States[slot]
	return vital{st.Status, untilFlip(st.Needed, st.Interval)}
}

// levelOf returns the level of a check. An Unprobed one has none of its own: absent.
func levelOf(h *healthcheck.Snapshot, slot healthcheck.Slot) level {
	switch vitalOf(h, slot).status {
	case healthcheck.Down:
		return down
	case healthcheck.Pending:
		return pending
	case healthcheck.Unprobed:
		return absent
	}
	return up
}

// best returns the greatest level of the checks of a family; absent if none of them is probed.
func (m *member) best(h *healthcheck.Snapshot, family int) level {
	most := absent
	for _, r := range m.addrs[family] {
		most = max(most, levelOf(h, r.slot))
	}
	return most
}

// address returns the level of an address. One that is not probed follows the server's other family, and
// counts as up if that is not probed either.
func (m *member) address(h *healthcheck.Snapshot, family, i int) level {
	if own := levelOf(h, m.addrs[family][i].slot); own != absent {
		return own
	}
	if other := m.best(h, 1-family); other != absent {
		return other
	}
	return up
}

// level returns the level of a server in a family: that of its best address there.
func (m *member) level(h *healthcheck.Snapshot, family int) level {
	if m.alias != nil {
		if own := levelOf(h, m.slot); own != absent {
			return own
		}
		return up
	}
	most := absent
	for i := range m.addrs[family] {
		most = max(most, m.address(h, family, i))
	}
	return most
}

// urgency returns the seconds until a check of the server may flip, 0 if all are settled.
func (m *member) urgency(h *healthcheck.Snapshot) uint32 {
	var soonest uint32
	m.slots(func(slot healthcheck.Slot) { soonest = sooner(soonest, vitalOf(h, slot).until) })
	return soonest
}

// serving is the part of a ranking that answers.
type serving struct {
	tier  []uint16 // the serving tier
	later []uint16 // the tiers behind it
	least level    // servers below this level are not picked
	ok    bool
}

// serve finds the serving tier.
//
//	a tier with min_up or more up   any tier with one up   any tier with one pending   serving
//	yes                             yes                    any                         the first such tier
//	no                              yes                    any                         the first with one up
//	no                              no                     yes                         the same two steps with
//	                                                                                   pending counted as up
//	no                              no                     no                          none: all down
func serve(seq []uint16, levels []level, minUp int) serving {
	if s := serveAt(seq, levels, minUp, up); s.ok {
		return s
	}
	return serveAt(seq, levels, minUp, pending)
}

func serveAt(seq []uint16, levels []level, minUp int, least level) serving {
	var first serving
	for from, to := 0, 0; from < len(seq); from = to {
		to = tierStop(seq, from)
		fit := 0
		for _, s := range seq[from:to] {
			if levels[s&^tierEnd] >= least {
				fit++
			}
		}
		here := serving{seq[from:to], seq[to:], least, fit > 0}
		if fit >= max(minUp, 1) {
			return here
		}
		if fit > 0 && !first.ok {
			first = here
		}
	}
	return first
}

// serveDown returns the nearest tier that has the family, as if every candidate in it were up.
func serveDown(seq []uint16, levels []level) serving {
	return serveAt(seq, levels, 1, down)
}

// tierStop returns the end of the tier that begins at from.
func tierStop(seq []uint16, from int) int {
	for seq[from]&tierEnd == 0 {
		from++
	}
	return from + 1
}

// String is the level in lower case.
func (l level) String() string {
	return [...]string{"absent", "drained", "down", "pending", "up"}[l]
}
