package steer

import (
	"fmt"
	"testing"

	"github.com/meridian-dns/meridian/healthcheck"
)

// costly has one pool of each kind over a random address space.
func costly(t testing.TB) (*State, []Client) {
	t.Helper()
	m := newPoolMaker(t, 9, 8)
	var pools []Pool
	for _, pick := range []Pick{All, Weighted, Sticky, First} {
		p := weighing(pick, 2, 1, 2, 3, 1)
		p.Name, p.Order = fmt.Sprint(pick), Nearest
		for i := range p.Servers {
			p.Servers[i].At.Lon, p.Servers[i].Located = float64(i*90-180), true
		}
		pools = append(pools, p)
	}
	pools = append(pools, Pool{Name: "alias", Servers: []Server{{Name: "a", CNAME: "a.", Slot: 0}}})
	var clients []Client
	for range 64 {
		clients = append(clients, m.client())
	}
	return mustCompile(t, m.w.part, pools...).With(nil, statesOf("UUUU")), clients
}

// TestAnswerAllocatesNothing is the ceiling of the query path.
func TestAnswerAllocatesNothing(t *testing.T) {
	state, clients := costly(t)
	sum := 0
	for pool := range int32(state.set.Pools()) {
		for _, server := range []int32{-1, 0} {
			i := 0
			n := testing.AllocsPerRun(200, func() {
				ch := state.Answer(Ref{pool, server}, clients[i%len(clients)], typeA, uint64(i))
				sum += ch.RRs + int(ch.TTL(60))
				i++
			})
			if n != 0 {
				t.Errorf("pool %d, server %d: %v allocations", pool, server, n)
			}
		}
	}
}

func BenchmarkAnswer(b *testing.B) {
	state, clients := costly(b)
	for pool, name := range []string{"all", "weighted", "sticky", "first", "alias"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				state.Answer(Ref{int32(pool), -1}, clients[i&63], typeA, uint64(i))
				i++
			}
		})
	}
}

// BenchmarkTransition is one check's change behind one pool of many.
func BenchmarkTransition(b *testing.B) {
	part := smallWorld()
	var pools []Pool
	for i := range 1000 {
		p := twoCountries(All)
		p.Name = fmt.Sprint(i)
		p.Servers = []Server{checked("de", healthcheck.Slot(4*i), "192.0.2.1", "2001:db8::1"), checked("fr", healthcheck.Slot(4*i+2), "192.0.2.2", "2001:db8::2")}
		pools = append(pools, p)
	}
	set := mustCompile(b, part, pools...)
	up, down := &healthcheck.Snapshot{States: make([]healthcheck.State, 4000)}, &healthcheck.Snapshot{States: make([]healthcheck.State, 4000)}
	down.States[100].Status = healthcheck.Down
	state := set.With(nil, up)
	b.ReportAllocs()
	for b.Loop() {
		state = set.With(state, down)
		up, down = down, up
	}
}
