package server

import (
	"math/bits"
	"time"
)

const (
	sizeBuckets  = 12
	leastSize    = 5 // the first bucket of sizes ends with 1<<leastSize octets, each other one with twice as many
	timeBuckets  = len(timeBounds) + 1
	typesByIndex = 258 // above CAA (RFC 8659), the highest type that is told apart
)

// Sizes counts messages by their sizes.
type Sizes struct {
	Counts [sizeBuckets]uint64 // of sizes up to SizeBound(i), and over SizeBound(i-1)
	Sum    uint64              // octets
}

// SizeBound is the largest size that counts in bucket i, in octets.
func SizeBound(i int) int { return 1 << (leastSize + i) }

// add counts a message of 1 to 65,535 octets.
func (s *Sizes) add(octets int) {
	s.Counts[max(bits.Len16(uint16(octets-1)), leastSize)-leastSize]++
	s.Sum += uint64(octets)
}

// timeBounds are where the buckets of Times end.
var timeBounds = [...]time.Duration{
	10 * time.Microsecond, 25 * time.Microsecond, 50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond,
	500 * time.Microsecond, time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond,
	25 * time.Millisecond, 50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, time.Second,
}

// Times counts messages by the time that they took.
type Times struct {
	Counts [timeBuckets]uint64 // of times up to TimeBound(i), and over TimeBound(i-1); the last one of all others
	Sum    time.Duration
}

// TimeBound is the longest time that counts in bucket i, of all but the last.
func TimeBound(i int) time.Duration { return timeBounds[i] }

// add counts n messages that took so long.
func (t *Times) add(took time.Duration, n int) {
	i := 0
	for i < len(timeBounds) && took > timeBounds[i] {
		i++
	}
	t.Counts[i] += uint64(n)
	t.Sum += took * time.Duration(n)
}

// typeNames are the types that are told apart (IANA DNS parameters); the first stands for all others.
var typeNames = [...]struct {
	name string
	code int
}{
	{"other", 0}, {"A", 1}, {"NS", 2}, {"CNAME", 5}, {"SOA", 6}, {"PTR", 12}, {"MX", 15}, {"TXT", 16}, {"AAAA", 28},
	{"SRV", 33}, {"NAPTR", 35}, {"DS", 43}, {"RRSIG", 46}, {"NSEC", 47}, {"DNSKEY", 48}, {"NSEC3PARAM", 51}, {"TLSA", 52},
	{"CDS", 59}, {"CDNSKEY", 60}, {"SVCB", 64}, {"HTTPS", 65}, {"IXFR", 251}, {"AXFR", 252}, {"ANY", 255}, {"CAA", 257},
}

// Types is how many types are told apart.
const Types = len(typeNames)

// TypeName is the name of the types that Traffic.Types[i] counts.
func TypeName(i int) string { return typeNames[i].name }

// typeIndex gives types their places in Traffic.Types.
var typeIndex = func() (index [typesByIndex]uint8) {
	for i, t := range typeNames {
		index[t.code] = uint8(i)
	}
	return index
}()

// indexOfType is the place of a type in Traffic.Types.
func indexOfType(code int) int {
	if uint(code) < typesByIndex {
		return int(typeIndex[code])
	}
	return 0
}
