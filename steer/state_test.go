package steer

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/healthcheck"
)

// severalPools has pool i over server i and a server all share, with checks i and 9.
func severalPools(n int) []Pool {
	var pools []Pool
	for i := range n {
		pools = append(pools, Pool{Name: fmt.Sprint("p", i), Order: Listed, Servers: []Server{
			checked("own", healthcheck.Slot(i), fmt.Sprintf("192.0.2.%d", i+1)), checked("shared", 9, "192.0.2.200"),
		}})
	}
	return pools
}

// TestWithRewritesOnlyWhatChanged compares the identity of answers between states.
func TestWithRewritesOnlyWhatChanged(t *testing.T) {
	set := mustCompile(t, smallWorld(), severalPools(4)...)
	base := func() *healthcheck.Snapshot { return statesOf("UUUUUUUUUU") }
	for _, c := range []struct {
		name   string
		change func(*healthcheck.Snapshot)
		want   []int // pools rewritten
	}{
		{"nothing", func(*healthcheck.Snapshot) {}, nil},
		{"one check", func(h *healthcheck.Snapshot) { h.States[2].Status = healthcheck.Down }, []int{2}},
		{"a shared check", func(h *healthcheck.Snapshot) { h.States[9].Status = healthcheck.Down }, []int{0, 1, 2, 3}},
		{"a check of no pool", func(h *healthcheck.Snapshot) { h.States[7].Status = healthcheck.Down }, nil},
		{"a streak", func(h *healthcheck.Snapshot) { h.States[1].Needed, h.States[1].Interval = 1, time.Second }, []int{1}},
		{"the last error", func(h *healthcheck.Snapshot) { h.States[1].LastError = "x" }, nil},
		{"the interval of a settled check", func(h *healthcheck.Snapshot) { h.States[1].Interval = time.Hour }, nil},
		{"checks that are gone", func(h *healthcheck.Snapshot) { h.States = h.States[:3] }, []int{0, 1, 2, 3}},
		{"a check added behind", func(h *healthcheck.Snapshot) { h.States = append(h.States, h.States[0]) }, nil},
	} {
		before := set.With(nil, base())
		h := base()
		c.change(h)
		after := set.With(before, h)
		var got []int
		for i := range after.pools {
			if after.pools[i] != before.pools[i] {
				got = append(got, i)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: rewrote %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWithForgetsStatesOfAnotherSet(t *testing.T) {
	h := statesOf("UUUUUUUUUU")
	pools := severalPools(2)
	old := mustCompile(t, smallWorld(), pools[0]).With(nil, h)
	state := mustCompile(t, smallWorld(), pools[1]).With(old, h)
	if got := answerText(state.Answer(Ref{0, -1}, Client{}, typeA, 0)); !slices.Equal(got, []string{"192.0.2.2"}) {
		t.Errorf("got %v", got)
	}
}

// TestWithEqualsFromScratch goes through random transitions of random pools.
func TestWithEqualsFromScratch(t *testing.T) {
	m := newPoolMaker(t, 77, 5)
	var pools []Pool
	for i := range 6 {
		pools = append(pools, m.pool(fmt.Sprint("p", i)))
	}
	set := mustCompile(t, m.w.part, pools...)
	h := m.snapshot(1)
	state := set.With(nil, h)
	for range 200 {
		next := &healthcheck.Snapshot{States: slices.Clone(h.States)}
		for range m.IntN(3) {
			next.States[m.IntN(len(next.States))].Status = healthcheck.Status(m.IntN(5))
		}
		h = next
		state = set.With(state, h)
		scratch := set.With(nil, h)
		for i := range pools {
			c, rnd := m.client(), m.Uint64()
			a, b := state.Answer(Ref{int32(i), -1}, c, typeA, rnd), scratch.Answer(Ref{int32(i), -1}, c, typeA, rnd)
			if fmt.Sprint(a) != fmt.Sprint(b) {
				t.Fatalf("pool %d: %v step by step, %v from scratch", i, answerText(a), answerText(b))
			}
		}
	}
}

// TestStateIsOfOneGeneration lets readers ask while states are published: both families of a server are up
// in even generations and down in odd ones, and no state mixes the two.
func TestStateIsOfOneGeneration(t *testing.T) {
	p := Pool{Name: "web", Order: Listed, Servers: []Server{
		checked("even", 0, "192.0.2.1", "2001:db8::1"), checked("odd", 2, "192.0.2.2", "2001:db8::2"),
	}}
	set := mustCompile(t, smallWorld(), p)
	generations := []*healthcheck.Snapshot{statesOf("UUDD"), statesOf("DDUU")}
	var now atomic.Pointer[State]
	now.Store(set.With(nil, generations[0]))
	var readers sync.WaitGroup
	stop := make(chan struct{})
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s := now.Load()
				want := map[*healthcheck.Snapshot]string{
					generations[0]: "[192.0.2.1 2001:db8::1]", generations[1]: "[192.0.2.2 2001:db8::2]",
				}[s.health]
				c := Client{Resolver: addr("81.0.0.1")}
				v4, v6 := s.Answer(Ref{0, -1}, c, typeA, 0), s.Answer(Ref{0, -1}, c, typeAAAA, 0)
				if got := fmt.Sprint(append(answerText(v4), answerText(v6)...)); got != want {
					t.Errorf("got %s, want %s", got, want)
					return
				}
				s.Explain(Ref{0, -1}, c, typeA).Lines(60)
			}
		})
	}
	for i := range 2000 {
		now.Store(set.With(now.Load(), generations[i%2]))
	}
	close(stop)
	readers.Wait()
}
