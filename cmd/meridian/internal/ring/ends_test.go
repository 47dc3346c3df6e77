package ring

import "testing"

// output is a ring with its counts.
type output struct {
	End
	ring *Slots[int]
}

func (o *output) give(n int) {
	for range n {
		o.Offer(1)
		if o.ring.Next() == nil {
			o.Drop(1)
			continue
		}
		o.ring.Give()
	}
}

func (o *output) take(n int) {
	for range n {
		o.Took(1)
		o.ring.Take()
	}
}

// TestEnds goes through the life of a taker with two rings: every value counts as taken or dropped in the end.
func TestEnds(t *testing.T) {
	var all Ends[*output]
	want := func(what string, dropped uint64, final bool) {
		t.Helper()
		if n, last := all.Dropped(); n != dropped || last != final {
			t.Errorf("%s: %d dropped, final %v, want %d and %v", what, n, last, dropped, final)
		}
	}
	a, b := &output{ring: NewSlots[int](4)}, &output{ring: NewSlots[int](4)}
	all.Add(a)
	all.Add(b)
	a.give(6)
	b.give(3)
	want("four wait in a, three in b", 2, false)
	a.take(4)
	a.Close()
	all.Remove(a)
	if left := all.All(); len(left) != 1 || left[0] != b {
		t.Errorf("%d left", len(left))
	}
	want("a is gone", 2, false)
	all.Late(1)
	want("one came to a all the same", 3, false)
	b.take(1)
	all.Abandon()
	want("two wait in b, and nobody takes them", 5, false)
	b.give(5)
	want("five more for b", 10, false)
	b.Close()
	want("b is closed", 10, true)
}

func TestNoEnds(t *testing.T) {
	var none Ends[*output]
	if n, final := none.Dropped(); n != 0 || final {
		t.Errorf("%d, %v", n, final)
	}
	none.Abandon()
	if n, final := none.Dropped(); n != 0 || !final {
		t.Errorf("%d, %v", n, final)
	}
}
