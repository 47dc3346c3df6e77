package resolver

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// A generation is a number that stands in every part of every answer: in data
// and TTLs of both zones; and it tells which servers the pool has, which of
// them is up, and where the client is.
type generation int

// ip is an address that holds the generation.
func (g generation) ip(kind byte) netip.Addr {
	return netip.AddrFrom4([4]byte{10, kind, byte(g >> 8), byte(g)})
}

func (g generation) zone(origin string) string {
	return fmt.Sprintf(`$TTL %[1]d
@     IN SOA   ns hostmaster %[1]d 2 3 4 %[1]d
@     IN NS    ns
@     IN MX    %[1]d host.b.
www   IN GEO   web
fixed IN A     %[2]s
host  IN A     %[2]s
chain IN CNAME next.b.
next  IN CNAME g%[1]d.a.
g%[1]d IN A    %[2]s
up    IN CNAME www.a.
cut   IN NS    g%[1]d.cut
cut   IN DS    %[1]d 13 2 00ff
g%[1]d.cut IN A %[2]s
d     IN DNAME g%[1]d.a.
`, int(g), g.ip(9))
}

// pools change every eighth generation.
func (g generation) pools() []steer.Pool {
	servers := make([]steer.Server, 4)
	for i := range servers {
		servers[i] = steer.Server{
			Name: fmt.Sprint("s", i), Located: true, Weight: 1, At: geo.Point{Lon: float64(i/2) * 90},
			Addrs: []steer.Address{{Addr: (g / 8).ip(byte(i)), Slot: healthcheck.Slot(i)}},
		}
	}
	return []steer.Pool{{Name: "web", Servers: servers}}
}

// server is the one that serves: geo data change every fourth generation and
// decide between two places, and of two servers there one is up.
func (g generation) server() byte { return byte(g/4%2*2 + g%2) }

func (g generation) health() *healthcheck.Snapshot {
	h := &healthcheck.Snapshot{Generation: uint64(g), Targets: make([]healthcheck.Target, 4), States: make([]healthcheck.State, 4)}
	for i := range h.States {
		if h.States[i].Status = healthcheck.Up; i%2 != int(g%2) {
			h.States[i].Status = healthcheck.Down
		}
	}
	return h
}

// steered is the address that www is answered with.
func (g generation) steered() netip.Addr { return (g / 8).ip(g.server()) }

// builder publishes one generation after the other, as a nameserver would: each
// view follows the one before it and takes over what it can.
type builder struct {
	t      *testing.T
	worlds [2]*geo.Database // the client is at 0 or at 90 degrees east
	set    *steer.Set
	state  *steer.State
	zones  *zones.Set
	view   atomic.Pointer[View]
}

func (b *builder) publish(g generation) {
	if b.set == nil || g%4 == 0 {
		var err error
		if b.set, err = compilePools(b.worlds[g/4%2], g.pools()); err != nil {
			b.t.Error(err)
			return
		}
		b.state = nil
	}
	b.state = b.set.With(b.state, g.health())
	var changed []zones.Entry
	for _, file := range []string{"a.zone", "b.zone"} {
		text := g.zone(file)
		z, problems := zones.Parse(file, strings.NewReader(text), int64(len(text)), findGeo(b.state))
		if z == nil {
			b.t.Error(problems)
			return
		}
		changed = append(changed, zones.Entry{Origin: z.Origin(), Zone: z})
	}
	b.zones = b.zones.Replace(changed, nil)
	b.view.Store(NewView(b.view.Load(), b.zones, b.state, &Options{}))
}

// generations finds every generation that a reply speaks of.
func generations(r *dns.Msg) (all []generation, steered netip.Addr) {
	var rrs []dns.RR
	for _, rr := range append(append(append(rrs, r.Answer...), r.Ns...), r.Extra...) {
		if rr.Header().Rrtype == dns.TypeOPT {
			continue
		}
		all = append(all, generation(rr.Header().Ttl))
		var n generation
		switch rr := rr.(type) {
		case *dns.A:
			if rr.A[1] != 9 {
				steered, _ = netip.AddrFromSlice(rr.A)
				continue
			}
			n = generation(rr.A[2])<<8 | generation(rr.A[3])
		case *dns.SOA:
			n = generation(rr.Serial)
		case *dns.MX:
			n = generation(rr.Preference)
		case *dns.DS:
			n = generation(rr.KeyTag)
		case *dns.NS:
			fmt.Sscanf(rr.Ns, "g%d.", &n)
		case *dns.DNAME:
			fmt.Sscanf(rr.Target, "g%d.", &n)
		default:
			continue
		}
		all = append(all, n)
	}
	return all, steered
}

var swapQuestions = []struct {
	name  string
	typ   uint16
	least int // records in the reply
}{
	{"fixed.a.", dns.TypeA, 1}, {"chain.a.", dns.TypeA, 3}, {"www.b.", dns.TypeA, 1}, {"up.b.", dns.TypeA, 2}, {"a.", dns.TypeMX, 2},
	{"x.cut.b.", dns.TypeA, 2}, {"cut.b.", dns.TypeDS, 1}, {"no.a.", dns.TypeA, 1}, {"fixed.b.", dns.TypeTXT, 1}, {"x.d.a.", dns.TypeA, 3},
}

// read asks until the last generation is published, and reports an answer that
// is not of one generation.
func (b *builder) read(done *atomic.Bool, answers *atomic.Int64) {
	a := &asker{t: b.t, scratch: new(Scratch), client: "81.2.69.1"}
	for i := 0; !done.Load() && !b.t.Failed(); i++ {
		q := swapQuestions[i%len(swapQuestions)]
		a.view = b.view.Load()
		r := a.ask(question(q.name, q.typ))
		all, steered := generations(r)
		if len(r.Answer)+len(r.Ns)+len(r.Extra) < q.least {
			b.t.Errorf("%s: %v", q.name, r)
			return
		}
		for _, g := range all {
			if g != all[0] || steered.IsValid() && steered != g.steered() {
				b.t.Errorf("generations %v in one reply, steered %v:\n%v", all, steered, r)
				return
			}
		}
		answers.Add(1)
	}
}

// Readers query while zones, pools, geo data and health are swapped: every
// answer is of exactly one generation.
func TestAnswersAreOfOneGeneration(t *testing.T) {
	b := &builder{t: t, zones: zones.NewSet(nil)}
	for i := range b.worlds {
		var err error
		if b.worlds[i], err = openWorld(t.TempDir(), fmt.Sprintf("81.2.69.0/24 1 %d - - - -", 1+i*90), 6); err != nil {
			t.Fatal(err)
		}
	}
	b.publish(1)
	var readers sync.WaitGroup
	var done atomic.Bool
	var answers atomic.Int64
	for range 3 {
		readers.Go(func() { b.read(&done, &answers) })
	}
	const last = 400
	for g := generation(2); g <= last && !t.Failed(); g++ {
		b.publish(g)
		for seen := answers.Load() + 20; answers.Load() < seen && !t.Failed(); {
			runtime.Gosched()
		}
	}
	done.Store(true)
	readers.Wait()
	t.Logf("%d answers over %d generations", answers.Load(), last)
}
