package steer

import (
	"reflect"
	"testing"
)

// TestAheadDecidesNothing answers clients with searches that have come to each step, and with those for another client and
// another pool: the answer is always that without any.
func TestAheadDecidesNothing(t *testing.T) {
	for seed := range uint64(40) {
		m := newPoolMaker(t, 1300+seed, 6)
		state := mustCompile(t, m.w.part, m.pool("p"), m.pool("q")).With(nil, m.snapshot(int(seed)%4))
		for range 60 {
			c, other := m.client(), m.client()
			for pool := range int32(2) {
				r := Ref{Pool: pool, Server: -1}
				checkSearches(t, state, r, &c, &c, r)
				checkSearches(t, state, r, &c, &other, r)
				checkSearches(t, state, r, &c, &c, Ref{Pool: 1 - pool, Server: -1})
			}
		}
	}
}

// checkSearches answers a client with a search for whom and where.
func checkSearches(t *testing.T, state *State, r Ref, c, whom *Client, where Ref) {
	t.Helper()
	var a Ahead
	for step, do := range []func(){func() { a.Begin(state, where, whom) }, a.Find, a.Place, a.Rank, a.None} {
		do()
		var got, want Choice
		state.Choose(&got, r, c, typeA, 7, &a)
		state.Choose(&want, r, c, typeA, 7, nil)
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v, a search for %+v at step %d: %+v, want %+v", c, whom, step, got, want)
		}
	}
}
