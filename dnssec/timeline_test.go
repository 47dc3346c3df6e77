package dnssec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// moment of a simulated zone: what a cache may have got then from any nameserver, and the DS RRset of the parent.
type glimpse struct {
	at    time.Time
	plans []Plan
	ds    [][]byte
}

// world is a zone with two nameservers, of which one makes the keys and the other gets copies late, a parent that obeys
// CDS slowly, and caches that keep all they get for as long as they may.
type world struct {
	t      *testing.T
	timing Timing
	maker  *Ring
	copies []copied // of the ring for the other nameserver
	behind *Ring
	ds     [][]byte
	wanted [][]byte // what the parent will have
	when   time.Time
	past   []glimpse
}

type copied struct {
	at   time.Time
	ring *Ring
}

var hourly = Timing{
	Ahead: 48 * time.Hour, Propagation: time.Hour, KeyTTL: 2 * time.Hour, MaxTTL: 24 * time.Hour, DSTTL: 24 * time.Hour,
	Lifetime: 30 * 24 * time.Hour,
}

func (w *world) save(r *Ring, now time.Time, lag time.Duration) {
	if r != w.maker {
		w.maker = r
		w.copies = append(w.copies, copied{now.Add(lag), r})
	}
}

// step lets the time come to now.
func (w *world) step(now time.Time, random *rand.Rand) {
	var seen *Parent
	if random.IntN(3) == 0 {
		seen = &Parent{All: w.ds, Any: w.ds, TTL: hourly.DSTTL}
	}
	ring, _, err := w.maker.Step(now, seen, w.timing)
	if err != nil {
		w.t.Fatal(err)
	}
	w.save(ring, now, time.Duration(random.Int64N(int64(w.timing.Ahead))))
	for _, c := range w.copies {
		if !c.at.After(now) {
			w.behind = c.ring
		}
	}
	g := glimpse{at: now, ds: w.ds}
	for _, r := range []*Ring{w.maker, w.behind} {
		for _, lag := range []time.Duration{0, w.timing.Propagation - time.Minute} {
			g.plans = append(g.plans, r.Plan(now.Add(-lag)))
		}
	}
	w.parent(now, random, g.plans)
	w.past = append(w.past, g)
	w.check(now)
}

// parent takes over a CDS RRset that all nameservers show, some time later.
func (w *world) parent(now time.Time, random *rand.Rand, plans []Plan) {
	if w.wanted != nil && !now.Before(w.when) {
		w.ds, w.wanted = w.wanted, nil
	}
	cds := plans[0].CDS
	for _, p := range plans[1:] {
		if !slices.EqualFunc(p.CDS, cds, bytes.Equal) {
			return
		}
	}
	if len(cds) == 0 || slices.EqualFunc(cds, w.ds, bytes.Equal) || w.wanted != nil {
		return
	}
	w.wanted, w.when = cds, now.Add(time.Duration(random.IntN(72))*time.Hour)
	if len(cds[0]) == 5 {
		w.wanted = [][]byte{}
	}
}

// check holds what RFC 7583 is for: whatever caches may hold together at this moment validates.
func (w *world) check(now time.Time) {
	var keys, zone []Plan
	var ds [][][]byte
	for _, g := range w.past {
		age := now.Sub(g.at)
		if age < w.timing.KeyTTL {
			keys = append(keys, g.plans...)
		}
		if age < w.timing.MaxTTL {
			zone = append(zone, g.plans...)
		}
		if age < hourly.DSTTL {
			ds = append(ds, g.ds)
		}
	}
	for _, set := range keys {
		for _, d := range ds {
			if len(d) > 0 && !slices.ContainsFunc(set.KeySigners, func(k *Key) bool { return has(d, k, "example.com") }) {
				w.t.Fatalf("%v: no DS that may be cached goes to a key that signs a DNSKEY RRset that may be cached\n%s", now, w.story(now))
			}
		}
		for _, z := range zone {
			ok := slices.ContainsFunc(z.ZoneSigners, func(k *Key) bool {
				return slices.ContainsFunc(set.DNSKEY, func(d []byte) bool { return bytes.Equal(d, k.DNSKEY()) })
			})
			if !ok {
				w.t.Fatalf("%v: a signature that may be cached is by no key of a DNSKEY RRset that may be cached\n%s", now, w.story(now))
			}
		}
	}
	w.past = slices.DeleteFunc(w.past, func(g glimpse) bool { return now.Sub(g.at) > w.timing.MaxTTL+hourly.DSTTL })
}

func (w *world) story(time.Time) (s string) {
	for _, k := range w.maker.Keys {
		s += fmt.Sprintf("%d %v", k.Tag(), k.Role)
		for _, f := range timeFields(&k.Times) {
			if !f.at.IsZero() {
				s += fmt.Sprintf(" %s=%s", f.name, f.at.Format("01-02T15:04"))
			}
		}
		s += "\n"
	}
	return s
}

// TestCachesAlwaysValidate rolls keys of each kind at random moments, with copies and parents that lag, a maker that is
// down for days, and times that are written only in part.
func TestCachesAlwaysValidate(t *testing.T) {
	for _, split := range []bool{false, true} {
		for seed := range uint64(4) {
			t.Run(fmt.Sprintf("split=%v/%d", split, seed), func(t *testing.T) {
				t.Parallel()
				rolls := simulate(t, split, seed)
				if rolls < 2 {
					t.Errorf("only %d keys were replaced: nothing was tried", rolls)
				}
			})
		}
	}
}

func simulate(t *testing.T, split bool, seed uint64) (removed int) {
	random := rand.New(rand.NewPCG(seed, 1))
	timing := hourly
	if seed%2 == 1 {
		timing.Ahead = 5 * time.Hour
	}
	ring, err := First("example.com", ED25519, split, epoch, timing)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, timing: timing, maker: ring, behind: ring}
	role := CSK
	if split {
		role = KSK
	}
	const days = 120
	down := 0
	for hour := range days * 24 {
		now := at(float64(hour))
		if down--; down > 0 {
			continue // nothing happens here, nor is anything asked: the clock jumps
		}
		if random.IntN(24*20) == 0 {
			down = random.IntN(24 * 3)
		}
		if hour > 24*10 && random.IntN(24*15) == 0 && len(w.ds) > 0 {
			if next, k, err := w.maker.Roll(role, now, timing); err == nil {
				if random.IntN(2) == 0 { // the machine stops between the files: the old keys have no end yet
					next = w.maker.clone().with(k)
				}
				w.save(next, now, time.Duration(random.Int64N(int64(timing.Ahead))))
			}
		}
		w.step(now, random)
	}
	for _, k := range w.maker.Keys {
		if reached(at(days*24), k.Times.Delete) {
			removed++
		}
	}
	return removed
}

// TestUnsign goes all the way to where a zone may be served unsigned.
func TestUnsign(t *testing.T) {
	ring, err := First("example.com", ED25519, false, epoch, hourly)
	if err != nil {
		t.Fatal(err)
	}
	ds := [][]byte{ring.Keys[0].DS("example.com", SHA256)}
	step := func(hours float64, ds [][]byte) []string {
		t.Helper()
		next, done, err := ring.Step(at(hours), &Parent{All: ds, Any: ds, TTL: time.Hour}, hourly)
		if err != nil {
			t.Fatal(err)
		}
		ring = next
		return done
	}
	if done := step(50, ds); len(done) != 1 || !ring.Keys[0].Times.DSPublish.Equal(at(50)) {
		t.Errorf("DS not noted: %q", done)
	}
	ring = ring.Unsign(at(60))
	if done := step(61, ds); len(done) != 0 || !ring.Leave.DSGone.IsZero() || !ring.Waits(at(61)) {
		t.Errorf("left too early: %q", done)
	}
	if _, _, err := ring.Roll(CSK, at(62), hourly); err == nil {
		t.Error("a key is rolled on the way out")
	}
	if done := step(70, nil); len(done) != 1 || !ring.Leave.Safe.Equal(at(70+24+1)) || ring.Waits(at(71)) {
		t.Errorf("not left: %q, %v", done, ring.Leave)
	}
	if p := ring.Stay().Plan(at(80)); len(p.CDS) != 1 || len(p.CDS[0]) == 5 {
		t.Errorf("the delete form stays: %v", p.CDS)
	}
}
