package zones

import "time"

// Entry is a configured zone: a compiled one, or one that cannot be served.
type Entry struct {
	Origin  string // the apex in wire form, lower case
	Zone    *Zone  // nil: no good version, answered SERVFAIL
	Loading bool   // Zone is nil because it is still being loaded

	Loaded time.Time // when Zone was; zero: not known
}

// Set is the table of all zones by apex: immutable, safe for concurrent use.
type Set struct {
	entries []Entry
	slots   []slot
	labels  int // of the longest apex
}

// NewSet makes a set of zones. Of two entries with one origin the last counts.
func NewSet(entries []Entry) *Set {
	var s Set
	seen := make(map[string]int, len(entries))
	for _, e := range entries {
		if at, ok := seen[e.Origin]; ok {
			s.entries[at] = e
			continue
		}
		seen[e.Origin] = len(s.entries)
		s.entries = append(s.entries, e)
	}
	s.index()
	return &s
}

func (s *Set) index() {
	s.slots = newSlots(len(s.entries))
	var n Name
	for i, e := range s.entries {
		if _, err := setName(&n, e.Origin); err != nil {
			continue // no query can name it
		}
		s.labels = max(s.labels, n.labels)
		insert(s.slots, n.at[0].hash, uint32(i))
	}
}

// Replace gives a set with some entries changed or added and the named
// origins removed. Entries that stay keep their numbers unless some are
// removed; a set that only changes entries shares the index of the old one.
func (s *Set) Replace(changes []Entry, removed []string) *Set {
	next := &Set{entries: append([]Entry(nil), s.entries...), slots: s.slots, labels: s.labels}
	grown := len(removed) > 0
	for _, e := range changes {
		if i, ok := s.Index(e.Origin); ok {
			next.entries[i] = e
			continue
		}
		next.entries = append(next.entries, e)
		grown = true
	}
	if !grown {
		return next
	}
	return NewSet(without(next.entries, removed))
}

func without(entries []Entry, removed []string) []Entry {
	gone := make(map[string]bool, len(removed))
	for _, o := range removed {
		gone[o] = true
	}
	kept := entries[:0]
	for _, e := range entries {
		if !gone[e.Origin] {
			kept = append(kept, e)
		}
	}
	return kept
}

// Len counts the entries.
func (s *Set) Len() int { return len(s.entries) }

// Entry gives the entry of a number from 0 to Len less one.
func (s *Set) Entry(i int) *Entry { return &s.entries[i] }

// Index finds the entry of an origin in wire form, lower case.
func (s *Set) Index(origin string) (int, bool) {
	var n Name
	if _, err := setName(&n, origin); err != nil {
		return 0, false
	}
	return s.exact(&n, 0)
}

// Find gives the entry with the longest apex that n, from label from on, is
// equal to or below, and the label of n at which that apex starts.
func (s *Set) Find(n *Name, from int) (entry, apex int, ok bool) {
	for i := max(from, n.labels-s.labels); i <= n.labels; i++ {
		if entry, ok = s.exact(n, i); ok {
			return entry, i, true
		}
	}
	return 0, 0, false
}

func (s *Set) exact(n *Name, i int) (int, bool) {
	hash, name := n.at[i].hash, n.Suffix(i)
	mask := uint32(len(s.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		slot := s.slots[at]
		if slot.ref == 0 {
			return 0, false
		}
		if e := int(slot.ref - 1); slot.hash == hash && s.entries[e].Origin == string(name) {
			return e, true
		}
	}
}
