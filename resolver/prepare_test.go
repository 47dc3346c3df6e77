package resolver

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"weak"
)

// batch gives a request for every kind of query, in an order of its own.
func batch(t testing.TB, seed uint64) []Request {
	t.Helper()
	all := kinds()
	names := slices.Sorted(maps.Keys(all))
	rand.New(rand.NewPCG(seed, 1)).Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	reqs := []Request{{}, {Msg: []byte{1, 2, 3}}, {Msg: bytes.Repeat([]byte{0x80}, 40)}} // no answer
	for i, kind := range names {
		wire, err := all[kind].Pack()
		if err != nil {
			t.Fatal(err)
		}
		reqs = append(reqs, Request{Msg: wire, Random: uint64(i), Now: 1_800_000_000})
	}
	for i := range reqs {
		reqs[i].Client = netip.AddrPortFrom(netip.AddrFrom4([4]byte{8, 8, byte(i), 8}), 53)
	}
	return reqs
}

// Queries answered together get the answers that they get on their own.
func TestPreparedTogetherAnsweredAlike(t *testing.T) {
	v := testView(t, &Options{NSID: []byte("here"), Version: "meridian", CookieSecrets: make([][16]byte, 2)})
	together, alone := new(Scratch), new(Scratch)
	got, want := make([]byte, maxUDP), make([]byte, maxUDP)
	for seed := range uint64(20) {
		reqs := batch(t, seed)[seed:]
		v.Prepare(reqs, together)
		for i := range reqs {
			n, m := v.Write(got, i, together), v.Answer(want, &reqs[i], alone)
			if !bytes.Equal(got[:n], want[:m]) {
				t.Fatalf("%x\nalone:    %x\ntogether: %x", reqs[i].Msg, want[:m], got[:n])
			}
			if n > 0 && fmt.Sprint(together.RCode(), together.Type(), together.Truncated()) != fmt.Sprint(alone.RCode(), alone.Type(), alone.Truncated()) {
				t.Fatalf("%x: other code, type or TC", reqs[i].Msg)
			}
		}
	}
}

func TestNoAllocationTogether(t *testing.T) {
	v := testView(t, &Options{NSID: []byte("here"), Version: "meridian", CookieSecrets: make([][16]byte, 2)})
	reqs, dst, s := batch(t, 1), make([]byte, maxUDP), new(Scratch)
	n := testing.AllocsPerRun(100, func() {
		v.Prepare(reqs, s)
		for i := range reqs {
			v.Write(dst, i, s)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for %d queries", n, len(reqs))
	}
}

// Whoever waits keeps no generation in memory: neither the view nor a zone of it.
func TestForgotten(t *testing.T) {
	for seed := range uint64(4) {
		v, s, dst := testView(t, &Options{Version: "meridian"}), new(Scratch), make([]byte, maxUDP)
		held := []func() bool{holds(v)}
		for i := range v.zones.Len() {
			held = append(held, holds(v.zones.Entry(i).Zone))
		}
		reqs := batch(t, seed)
		v.Prepare(reqs, s)
		for i := range reqs {
			v.Write(dst, i, s)
		}
		v.Answer(dst, &reqs[len(reqs)-1], s)
		s.Forget()
		v = nil
		runtime.GC()
		for i, still := range held {
			if still() {
				t.Errorf("seed %d: %d of view and zones is still held", seed, i)
			}
		}
		runtime.KeepAlive(s)
	}
}

// holds gives a function that tells whether anybody holds what is at p.
func holds[T any](p *T) func() bool {
	w := weak.Make(p)
	return func() bool { return w.Value() != nil }
}
