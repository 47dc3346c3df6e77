package server

import (
	"math"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/resolver"
)

func TestSizes(t *testing.T) {
	var s Sizes
	sum := uint64(0)
	for n := 1; n <= math.MaxUint16; n++ {
		s.add(n)
		sum += uint64(n)
	}
	below := 0
	for i, got := range s.Counts {
		bound := min(SizeBound(i), math.MaxUint16)
		if got != uint64(bound-below) {
			t.Errorf("%d messages of %d to %d octets", got, below+1, bound)
		}
		below = bound
	}
	if below != math.MaxUint16 || s.Sum != sum {
		t.Errorf("up to %d octets, %d in all", below, s.Sum)
	}
}

func TestTimes(t *testing.T) {
	for i := range timeBuckets {
		var at, over Times
		if i < len(timeBounds) {
			at.add(TimeBound(i), 3)
			if at.Counts[i] != 3 || at.Sum != 3*TimeBound(i) {
				t.Errorf("%v: %v", TimeBound(i), at)
			}
		}
		if i > 0 {
			over.add(TimeBound(i-1)+1, 1)
			if over.Counts[i] != 1 {
				t.Errorf("over %v: %v", TimeBound(i-1), over)
			}
		}
	}
	var long Times
	if long.add(time.Hour, 1); long.Counts[timeBuckets-1] != 1 {
		t.Errorf("an hour: %v", long)
	}
}

// TestTypesAreBounded holds that every type has a place, and each that has a name its own.
func TestTypesAreBounded(t *testing.T) {
	seen := map[string]bool{}
	for i, n := range typeNames {
		if indexOfType(n.code) != i || seen[n.name] || TypeName(i) != n.name {
			t.Errorf("%s: place %d", n.name, indexOfType(n.code))
		}
		seen[n.name] = true
	}
	told := 0
	for code := -1; code <= math.MaxUint16+1; code++ {
		if i := indexOfType(code); i < 0 || i >= Types {
			t.Errorf("type %d has place %d", code, i)
		} else if i > 0 {
			told++
		}
	}
	if told != Types-1 {
		t.Errorf("%d types are told apart, not %d", told, Types-1)
	}
}

// TestTallyIsFlushedWhole sends counts through counters: none is lost, none counted twice, nothing stays.
func TestTallyIsFlushedWhole(t *testing.T) {
	s := &Server{view: func() answerer { return newFake(echo) }}
	r := newResponder(s, resolver.UDP, 8, new(counters))
	c := new(counters)
	for range 3 {
		r.begin()
		r.add(question(1, "a"), loopback4)
		r.add(make([]byte, headerSize-1), loopback4)
		r.ignore()
		r.prepare()
		dst := make([]byte, answerSize)
		r.answer(dst, 0)
		r.answer(dst, 1)
		r.end()
		want := r.tally
		var before, after Traffic
		var panics uint64
		c.addTo(&before, &panics)
		c.flush(&r.tally)
		c.addTo(&after, &panics)
		if got := after.Asked.Sum - before.Asked.Sum; got != want.Asked.Sum || got == 0 {
			t.Errorf("%d octets of queries, want %d", got, want.Asked.Sum)
		}
		if r.tally != (tally{}) {
			t.Errorf("left: %+v", r.tally)
		}
	}
	var got Traffic
	var panics uint64
	c.addTo(&got, &panics)
	times := uint64(0)
	for _, n := range got.Times.Counts {
		times += n
	}
	if got.Queries != 9 || got.Dropped != 6 || got.Sources != 3 || got.Short != 3 || got.Answers != 3 || times != 3 || got.Types[0]+got.Types[1] != 3 {
		t.Errorf("%+v", got)
	}
}
