// Package ring hands values from one goroutine to another through memory made ahead, so that the first neither waits nor
// allocates: what finds no room is the giver's to count.
//
// Each ring has one giver and one taker at a time; either side may be any goroutine.
package ring

import (
	"encoding/binary"
	"sync/atomic"
)

// Slots is a ring of values that are filled in place.
type Slots[T any] struct {
	slots []T // a power of two of them
	_     [64]byte
	given atomic.Uint64
	_     [64]byte
	taken atomic.Uint64
	_     [64]byte
}

// NewSlots makes a ring of n slots, a power of two.
func NewSlots[T any](n int) *Slots[T] { return &Slots[T]{slots: make([]T, n)} }

// Next gives the slot to fill, which holds what it held before; nil if none is free.
func (s *Slots[T]) Next() *T {
	given := s.given.Load()
	if given-s.taken.Load() == uint64(len(s.slots)) {
		return nil
	}
	return &s.slots[given&uint64(len(s.slots)-1)]
}

// Give hands over the slot that Next gave, and tells how many wait; 0 if that one is taken already.
func (s *Slots[T]) Give() int { return int(s.given.Add(1) - s.taken.Load()) }

// Peek gives the first slot that was handed over; nil if there is none.
func (s *Slots[T]) Peek() *T {
	taken := s.taken.Load()
	if taken == s.given.Load() {
		return nil
	}
	return &s.slots[taken&uint64(len(s.slots)-1)]
}

// Take gives the slot that Peek gave back to be filled.
func (s *Slots[T]) Take() { s.taken.Add(1) }

// Frames is a ring of messages of any size behind their lengths, four octets each, the highest first.
type Frames struct {
	octets []byte // a power of two of them
	_      [64]byte
	given  atomic.Uint64
	_      [64]byte
	taken  atomic.Uint64
	_      [64]byte
}

// NewFrames makes a ring of n octets, a power of two.
func NewFrames(n int) *Frames { return &Frames{octets: make([]byte, n)} }

const lengthSize = 4

// Give hands over a message in two parts. It tells how many octets wait, 0 if there was no room.
func (f *Frames) Give(head, body []byte) (waiting int) {
	size, given := len(head)+len(body), f.given.Load()
	full := uint64(lengthSize + size)
	used := given - f.taken.Load()
	if used+full > uint64(len(f.octets)) {
		return 0
	}
	var length [lengthSize]byte
	binary.BigEndian.PutUint32(length[:], uint32(size))
	f.put(given, length[:])
	f.put(given+lengthSize, head)
	f.put(given+lengthSize+uint64(len(head)), body)
	f.given.Store(given + full)
	return int(used + full)
}

func (f *Frames) put(at uint64, b []byte) {
	n := copy(f.octets[at&uint64(len(f.octets)-1):], b)
	copy(f.octets, b[n:])
}

// Take appends the first message, with its length, unless that would be longer than limit octets in all.
func (f *Frames) Take(to []byte, limit int) ([]byte, bool) {
	taken := f.taken.Load()
	if taken == f.given.Load() {
		return to, false
	}
	var length [lengthSize]byte
	f.get(taken, length[:])
	size := lengthSize + int(binary.BigEndian.Uint32(length[:]))
	if len(to)+size > limit {
		return to, false
	}
	at := len(to)
	to = append(to, make([]byte, size)...)
	f.get(taken, to[at:])
	f.taken.Store(taken + uint64(size))
	return to, true
}

func (f *Frames) get(at uint64, b []byte) {
	n := copy(b, f.octets[at&uint64(len(f.octets)-1):])
	copy(b[n:], f.octets)
}

// Size is how many octets the ring has.
func (f *Frames) Size() int { return len(f.octets) }

// Size is how many slots the ring has.
func (s *Slots[T]) Size() int { return len(s.slots) }
