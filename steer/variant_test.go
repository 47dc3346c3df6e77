package steer

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/healthcheck"
)

// text spells out a variant, or what a choice comes to as one.
func (v Variant) text() string {
	var parts []string
	for _, data := range v.RDATA {
		parts = append(parts, hex.EncodeToString(data))
	}
	return fmt.Sprint(v.Type, parts)
}

func variantOf(qtype uint16, ch Choice) string {
	if ch.Kind == Alias {
		return Variant{typeCNAME, [][]byte{ch.Alias}}.text()
	}
	var data [][]byte
	for _, part := range ch.Parts[:ch.N] {
		size := 16
		if qtype == typeAAAA {
			size = 28
		}
		for ; len(part) > 0; part = part[size:] {
			data = append(data, part[12:size])
		}
	}
	return Variant{qtype, canonical(data)}.text()
}

func variantsOf(s *State, r Ref) []string {
	var all []string
	s.Variants(r, func(v Variant) bool {
		all = append(all, v.text())
		return true
	})
	return all
}

// TestEveryAnswerIsItsVariant asks random pools in random states for random clients.
func TestEveryAnswerIsItsVariant(t *testing.T) {
	m := &poolMaker{Rand: random(t, 46), most: 6}
	answers := 0
	for range 60 {
		m.w = newWorld(m.Rand)
		p := m.pool("web")
		set := mustCompile(t, m.w.part, p)
		if set.pools[0].mixed {
			if n := len(variantsOf(set.With(nil, nil), Ref{0, -1})); n != 0 {
				t.Fatalf("a mixed pool has %d variants", n)
			}
			continue
		}
		if got, want := len(variantsOf(set.With(nil, nil), Ref{0, -1})), set.Variants(Ref{0, -1}); got != want {
			t.Fatalf("%d variants, the set says %d", got, want)
		}
		for range 5 {
			state := set.With(nil, m.snapshot(1))
			answers += askVariants(t, m, state, len(p.Servers))
		}
	}
	if answers < 3000 {
		t.Errorf("only %d answers with data", answers)
	}
}

func askVariants(t *testing.T, m *poolMaker, state *State, servers int) (answers int) {
	t.Helper()
	for _, r := range []Ref{{0, -1}, {0, int32(m.IntN(servers))}} {
		all := variantsOf(state, r)
		if r.Server >= 0 && len(all) != state.Set().Variants(r) {
			t.Fatalf("%d variants of a server, the set says %d", len(all), state.Set().Variants(r))
		}
		for range 40 {
			for _, qtype := range []uint16{typeA, typeAAAA} {
				ch := state.Answer(r, m.client(), qtype, m.Uint64())
				if ch.Kind != Addresses && ch.Kind != Alias {
					continue
				}
				answers++
				if got := variantOf(qtype, ch); int(ch.Variant) >= len(all) || all[ch.Variant] != got {
					t.Fatalf("answer %s is variant %d of %q", got, ch.Variant, all)
				}
			}
		}
	}
	return answers
}

func TestVariantsOfPicks(t *testing.T) {
	for _, c := range []struct {
		name   string
		pool   Pool
		states string
		want   string // last octets of the addresses of each variant
	}{
		{"all: one", weighing(All, 0, 1, 1, 1), "UUU", "123"},
		{"all, one down", weighing(All, 0, 1, 1, 1), "UDU", "13"},
		{"one of several: one each", weighing(Weighted, 1, 1, 1, 1), "UUU", "1 2 3"},
		{"weight 0 is not drawn", weighing(Weighted, 1, 1, 0, 1), "UUU", "1 3"},
		{"two of four", weighing(Weighted, 2, 1, 1, 1, 1), "UUUU", "12 13 23 14 24 34"},
		{"two of three that are up", weighing(Sticky, 2, 1, 1, 1, 1), "UUDU", "12 14 24"},
		{"three of two", weighing(Sticky, 3, 1, 1), "UU", "12"},
		{"eight of nine", weighing(Sticky, 8, 1, 1, 1, 1, 1, 1, 1, 1, 1), "UUUUUUUUU",
			"12345678 12345679 12345689 12345789 12346789 12356789 12456789 13456789 23456789"},
	} {
		var got []string
		mustCompile(t, smallWorld(), c.pool).With(nil, statesOf(c.states)).Variants(Ref{0, -1}, func(v Variant) bool {
			var b strings.Builder
			for _, data := range v.RDATA {
				fmt.Fprint(&b, data[3])
			}
			got = append(got, b.String())
			return true
		})
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}

// TestVariantsAreSharedBetweenRankings holds that rankings in another order have no variants of their own, and
// that a streak, which changes nothing but the TTL, makes none.
func TestVariantsAreSharedBetweenRankings(t *testing.T) {
	p := ladder()
	p.Order, p.Pick, p.N = Nearest, First, 4
	set := mustCompile(t, smallWorld(), p)
	h := statesOf("UUUU")
	calm := variantsOf(set.With(nil, h), Ref{0, -1})
	if len(calm) != 1 {
		t.Errorf("%d variants of one set of addresses: %v", len(calm), calm)
	}
	h = statesOf("UUUU")
	h.States[1].Needed, h.States[1].Interval = 1, 5e9
	if streak := variantsOf(set.With(nil, h), Ref{0, -1}); !slices.Equal(calm, streak) {
		t.Errorf("a streak makes %v of %v", streak, calm)
	}
}

func TestDuplicateAddressesAreOneInAVariant(t *testing.T) {
	p := Pool{Name: "web", Order: Together, Servers: []Server{server("a", "192.0.2.1"), server("b", "192.0.2.1", "192.0.2.0")}}
	got := variantsOf(mustCompile(t, smallWorld(), p).With(nil, nil), Ref{0, -1})
	if want := []string{"1 [c0000200 c0000201]"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestVariantsOfManyCombinationsAreCountedNotListed(t *testing.T) {
	weights := make([]int, 200)
	set := mustCompile(t, smallWorld(), weighing(Weighted, 8, weights...))
	if n := set.Variants(Ref{0, -1}); n != maxCount {
		t.Errorf("%d variants, want the limit", n)
	}
	n := 0
	set.With(nil, nil).Variants(Ref{0, -1}, func(Variant) bool { n++; return n < 1000 })
	if n != 1000 {
		t.Errorf("asked for 1000 variants, got %d", n)
	}
}

func TestSameKnowsWhatChanged(t *testing.T) {
	set := mustCompile(t, smallWorld(), severalPools(2)...)
	before := set.With(nil, statesOf("UUUUUUUUUU"))
	after := set.With(before, statesOf("DUUUUUUUUU"))
	if before.Same(after, Ref{0, -1}) || !before.Same(after, Ref{1, -1}) || !before.Same(after, Ref{0, 0}) {
		t.Error("a transition of one pool's check is not told from none")
	}
	if before.Same(set.With(nil, &healthcheck.Snapshot{}), Ref{1, -1}) {
		t.Error("states made apart are the same")
	}
}

func TestVariantsAllocateNothingAtTheQuery(t *testing.T) {
	state := mustCompile(t, smallWorld(), weighing(Weighted, 3, 1, 1, 1, 1, 1, 1)).With(nil, statesOf("UUUUUU"))
	c, rnd := Client{Resolver: addr("81.0.0.1")}, uint64(0)
	if n := testing.AllocsPerRun(100, func() {
		rnd++
		state.Answer(Ref{0, -1}, c, typeA, rnd)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
