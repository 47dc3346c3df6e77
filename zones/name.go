package zones

import (
	"encoding/binary"
	"errors"
	"math/bits"
)

// MaxName is the longest a name may be in wire form, in octets (RFC 1035
// section 2.3.4).
const MaxName = 255

const maxLabels = 128

// ErrName says that octets are not an uncompressed name in wire form.
var ErrName = errors.New("not a name in wire form")

// Name is a domain name taken apart for lookups: lower-cased, its labels
// located, and every suffix of it hashed, so that zones and nodes are found
// by longest suffix without looking at the octets again. The zero Name is the
// root. A Name is scratch space of one goroutine.
type Name struct {
	size   int
	labels int
	at     [maxLabels]tail          // by label; the root is the last
	wire   [MaxName + wordSize]byte // so that words may be read at any octet of the name
}

// tail is the part of a name from a label on. Of most names all stand in the
// cache line in which the name begins.
type tail struct {
	hash uint32
	off  uint8 // in wire
}

// Set takes the uncompressed name that b starts with, and returns its length
// in octets. It fails with ErrName on a label over 63 octets, a compression
// pointer, a name over 255 octets or one that b cuts short.
func (n *Name) Set(b []byte) (int, error) {
	if err := locate(n, b); err != nil {
		return 0, err
	}
	if len(b) < n.size+wordSize {
		copy(n.wire[:], b)
		b = n.wire[:]
	}
	n.take(b)
	return n.size, nil
}

func setName[T string | []byte](n *Name, b T) (int, error) {
	if err := locate(n, b); err != nil {
		return 0, err
	}
	copy(n.wire[:], b)
	n.take(n.wire[:])
	return n.size, nil
}

// locate finds the labels of the name that b starts with, and its end.
func locate[T string | []byte](n *Name, b T) error {
	limit, at, labels := min(len(b), MaxName), 0, 0
	if limit == 0 {
		return ErrName
	}
	for b[at] != 0 {
		next := at + int(b[at]) + 1
		if b[at] > 63 || next >= limit {
			return ErrName
		}
		n.at[labels].off = uint8(at)
		labels++
		at = next
	}
	n.at[labels].off = uint8(at)
	n.labels, n.size = labels, at+1
	return nil
}

const wordSize = 8

// word reads the octets from at on.
func word(b []byte, at int) uint64 {
	return binary.LittleEndian.Uint64(b[at : at+wordSize : at+wordSize])
}

// take folds and hashes the name that b starts with, which goes on for a word
// behind it. b is better not n's own memory, just written: what a processor has
// not stored yet, it reads slowly in other pieces than were written.
func (n *Name) take(b []byte) {
	for at := 0; at < n.size; at += wordSize {
		binary.LittleEndian.PutUint64(n.wire[at:at+wordSize:at+wordSize], lower(word(b, at)))
	}
	n.rehash(b)
}

// lower folds a word: names are folded for every query. Octets that tell
// lengths are no letters. Each octet of a sum below has its top bit set from
// 'A' on, or behind 'Z'; no sum carries into the next octet.
func lower(x uint64) uint64 {
	const each = 0x0101010101010101
	low := x & (0x7f * each)
	letter := (low + (0x80-'A')*each) &^ (low + (0x7f-'Z')*each | x) & (0x80 * each)
	return x | letter>>2
}

// equalFold compares octets of names in wire form: ASCII letters without regard
// to case, all others as they are (RFC 4343 section 3). Length octets are no
// letters.
func equalFold[S, T string | []byte](a S, b T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if c, d := a[i], b[i]; c != d && (c|0x20 != d|0x20 || c|0x20-'a' >= 26) {
			return false
		}
	}
	return true
}

// rehash computes the hash of every suffix of b in one pass from the root, a
// word a step: names are hashed for every query.
func (n *Name) rehash(b []byte) {
	h, end := uint64(hashSeed), n.size-1
	n.at[n.labels].hash = uint32(h)
	for i := n.labels - 1; i >= 0; i-- {
		start := int(n.at[i].off)
		at := start
		for ; end-at > wordSize; at += wordSize {
			h = mix(h, word(b, at)|caseBits)
		}
		h = mix(h, (word(b, at)|caseBits)<<(8*(wordSize-(end-at))&63))
		n.at[i].hash = uint32(h)
		end = start
	}
}

// caseBits makes letters equal whose cases differ, and a few other octets, too:
// good for a hash, and sooner done than lower.
const caseBits = 0x2020202020202020

// Wire gives the lower-cased name in wire form; it is n's own memory.
func (n *Name) Wire() []byte { return n.wire[:n.size] }

// String is the name in presentation form, absolute.
func (n *Name) String() string { return nameText(string(n.Wire())) }

// Suffix gives the part of the name that starts at label i, in wire form.
func (n *Name) Suffix(i int) []byte { return n.wire[n.at[i].off:n.size] }

// Labels counts the labels, the root not included.
func (n *Name) Labels() int { return n.labels }

// Offset is where label i starts in the wire form; Offset(Labels()) is the
// place of the root's zero octet.
func (n *Name) Offset(i int) int { return int(n.at[i].off) }

// LabelOf gives the label at which a suffix of size octets starts.
func (n *Name) LabelOf(size int) int {
	for i := 0; i <= n.labels; i++ {
		if n.size-int(n.at[i].off) == size {
			return i
		}
	}
	return n.labels
}

const hashSeed = 0x9e3779b9

// mix multiplies to 128 bits and folds them, as wyhash does (Wang Yi, 2019): it
// spreads, it need not be cryptographic. One step waits for the one before, so
// what does not need that is done first.
func mix(h, word uint64) uint64 {
	high, low := bits.Mul64(h^(word^0xa0761d6478bd642f), 0xe7037ed1a0b428db)
	return high ^ low
}

// slot is an entry of an open-addressing index: a hash and the number of what
// it stands for, plus one; zero is empty.
type slot struct {
	hash uint32
	ref  uint32
}

// newSlots makes an index for n entries, at most two thirds full.
func newSlots(n int) []slot {
	size := 4
	for size*2 < n*3 {
		size *= 2
	}
	return advise(make([]slot, size))
}

// insert adds entry ref under a hash. The index must have a free slot.
func insert(slots []slot, hash, ref uint32) {
	mask := uint32(len(slots) - 1)
	i := hash & mask
	for slots[i].ref != 0 {
		i = (i + 1) & mask
	}
	slots[i] = slot{hash, ref + 1}
}
