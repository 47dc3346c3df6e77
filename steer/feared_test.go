package steer

import (
	"slices"
	"testing"
	"time"
)

// TestFeared holds that what a streak may lead to is known before it does.
func TestFeared(t *testing.T) {
	p := weighing(All, 0, 1, 1, 1)
	set := mustCompile(t, smallWorld(), p)
	h := statesOf("UUD")
	feared := func() (all []string) {
		set.With(nil, h).Feared(func(s *State) bool {
			all = append(all, variantsOf(s, Ref{0, -1})...)
			return true
		})
		return all
	}
	if got := feared(); got != nil {
		t.Errorf("all are settled: %v", got)
	}
	for _, slot := range []int{1, 2} {
		h.States[slot].Needed, h.States[slot].Interval = 1, time.Second
	}
	want := []string{"1 [c0000201]", "1 [c0000201 c0000202 c0000203]", "1 [c0000201 c0000203]"}
	if got := feared(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
