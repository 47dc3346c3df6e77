package resolver

import (
	"encoding/base64"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// checkedPool is of servers 192.0.2.1 and up, each with a check of its own.
func checkedPool(n int, pick steer.Pick, take int) steer.Pool {
	p := steer.Pool{Name: "web", Order: steer.Listed, Pick: pick, N: take}
	if pick != steer.First {
		p.Order = steer.Together
	}
	for i := range n {
		p.Servers = append(p.Servers, steer.Server{Name: fmt.Sprint("s", i), Weight: 1, Slot: healthcheck.NoCheck, Addrs: []steer.Address{
			{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), Slot: healthcheck.Slot(i)},
		}})
	}
	return p
}

// downs is a snapshot of n checks of which some are down.
func downs(n int, down ...int) *healthcheck.Snapshot {
	h := &healthcheck.Snapshot{Targets: make([]healthcheck.Target, n), States: make([]healthcheck.State, n)}
	for i := range h.States {
		h.States[i].Status = healthcheck.Up
		if slices.Contains(down, i) {
			h.States[i].Status = healthcheck.Down
		}
	}
	return h
}

// flock is a signed zone of many names of one pool.
type flock struct {
	set    *steer.Set
	signer *dnssec.Signer
	zones  *zones.Set
	opts   Options
	now    int64
}

func newFlock(t testing.TB, names int, p steer.Pool, c *dnssec.Cache) *flock {
	t.Helper()
	f := &flock{now: time.Now().Unix()}
	f.opts.Now = func() int64 { return f.now }
	db, err := openWorld(t.TempDir(), networks, 6)
	if err != nil {
		t.Fatal(err)
	}
	if f.set, err = compilePools(db, []steer.Pool{p}); err != nil {
		t.Fatal(err)
	}
	f.signer = newSignerWith(t, "flock.test.", dnssec.Options{}, c)
	f.zones = zones.NewSet([]zones.Entry{f.zone(t, names)})
	return f
}

func (f *flock) zone(t testing.TB, names int) zones.Entry {
	t.Helper()
	var text strings.Builder
	text.WriteString("$TTL 60\n@ SOA ns.example.net. h.example.net. 1 2 3 4 5\n@ NS ns.example.net.\n")
	for i := range names {
		fmt.Fprintf(&text, "n%d GEO web\n", i)
	}
	return signedZone(t, "flock.test.zone", text.String(), f.set.With(nil, nil), f.signer)
}

// answered gives the last octets of the addresses at n0, after the signature
// was verified.
func (f *flock) answered(t testing.TB, v *View) string {
	t.Helper()
	a := &asker{t: t, view: v, scratch: new(Scratch), client: "198.51.100.1"}
	m := question("n0.flock.test.", dns.TypeA)
	m.SetEdns0(1232, true)
	r := a.ask(m)
	var set []dns.RR
	var sig *dns.RRSIG
	var out []string
	for _, rr := range r.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			set, out = append(set, rr), append(out, fmt.Sprint(rr.A[len(rr.A)-1]))
		case *dns.RRSIG:
			sig = rr
		}
	}
	if sig == nil {
		t.Fatalf("no signature: %v", r)
	}
	if err := sig.Verify(keyOf(f.signer, "flock.test."), set); err != nil {
		t.Fatalf("%v of %v: %v", sig, set, err)
	}
	return strings.Join(out, " ")
}

// TestNamesKeepTheirAnswersUntilSigned takes a server down.
func TestNamesKeepTheirAnswersUntilSigned(t *testing.T) {
	f := newFlock(t, 3, checkedPool(3, steer.All, 0), nil)
	before := f.set.With(nil, downs(3))
	v := NewView(nil, f.zones, before, &f.opts)
	if v.Behind(f.now) || f.answered(t, v) != "1 2 3" {
		t.Fatalf("a first view is behind: %v", v.Behind(f.now))
	}
	made := f.signer.Made()
	after := f.set.With(before, downs(3, 1))
	v = NewView(v, f.zones, after, &f.opts)
	if !v.Behind(f.now) || f.signer.Made() != made {
		t.Error("a transition is not behind, or has signed")
	}
	if got := f.answered(t, v); got != "1 2 3" {
		t.Errorf("before Sign: %s", got)
	}
	v = v.Sign(never)
	if v.Behind(f.now) {
		t.Error("behind after Sign")
	}
	if got := f.answered(t, v); got != "1 3" {
		t.Errorf("after Sign: %s", got)
	}
	if n := f.signer.Made() - made; n != 3 {
		t.Errorf("%d signatures for three names of one new variant", n)
	}
	again := NewView(v, f.zones, after, &f.opts)
	if again.Behind(f.now) || f.signer.Made()-made != 3 {
		t.Error("the same once more is behind, or has signed")
	}
}

// TestASreakSignsNothing: the TTL is no part of what is signed.
func TestAStreakSignsNothing(t *testing.T) {
	f := newFlock(t, 1, checkedPool(2, steer.All, 0), nil)
	calm := f.set.With(nil, downs(2))
	v, made := NewView(nil, f.zones, calm, &f.opts), f.signer.Made()
	h := downs(2)
	h.States[0].Needed, h.States[0].Interval = 1, 3*time.Second
	v = NewView(v, f.zones, f.set.With(calm, h), &f.opts).Sign(never)
	if f.signer.Made() != made {
		t.Error("a streak was signed")
	}
	a := &asker{t: t, view: v, scratch: new(Scratch), client: "198.51.100.1"}
	m := question("n0.flock.test.", dns.TypeA)
	m.SetEdns0(1232, true)
	for _, rr := range a.ask(m).Answer {
		if rr.Header().Ttl != 30 { // ttl_min
			t.Errorf("TTL of %v", rr)
		}
		if sig, ok := rr.(*dns.RRSIG); ok && sig.OrigTtl != 60 {
			t.Errorf("original TTL of %v", rr)
		}
	}
}

// TestPresign holds that a feared transition is signed before it comes.
func TestPresign(t *testing.T) {
	cache, err := dnssec.OpenCache(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	f := newFlock(t, 20, checkedPool(3, steer.All, 0), cache)
	now := f.set.With(nil, downs(3))
	v := NewView(nil, f.zones, now, &f.opts)
	feared := f.set.With(now, downs(3, 0))
	v.Presign(feared, never)
	made := f.signer.Made()
	v = NewView(v, f.zones, f.set.With(now, downs(3, 0)), &f.opts).Sign(never)
	if got := f.answered(t, v); got != "2 3" || f.signer.Made() != made {
		t.Errorf("%s, %d signatures when it came", got, f.signer.Made()-made)
	}
}

// TestAnEditSignsWhatIsNew adds a name to a zone.
func TestAnEditSignsWhatIsNew(t *testing.T) {
	f := newFlock(t, 50, checkedPool(3, steer.Weighted, 1), nil)
	state := f.set.With(nil, downs(3))
	v := NewView(nil, f.zones, state, &f.opts)
	edited := f.zones.Replace([]zones.Entry{f.zone(t, 51)}, nil)
	made := f.signer.Made()
	v = NewView(v, edited, state, &f.opts)
	if n := f.signer.Made() - made; n != 3 {
		t.Errorf("%d signatures for a new name with three variants", n)
	}
	if names, variants := v.Signatures(); names != 51 || variants != 153 {
		t.Errorf("%d names, %d variants", names, variants)
	}
	f.answered(t, v)
}

// TestRenewal moves the clock to where signatures are due.
func TestRenewal(t *testing.T) {
	f := newFlock(t, 2, checkedPool(2, steer.All, 0), nil)
	state := f.set.With(nil, downs(2))
	v := NewView(nil, f.zones, state, &f.opts)
	due := v.Due()
	if v.Behind(due-1) || !v.Behind(due) || due <= f.now || due == math.MaxInt64 {
		t.Errorf("due at %d, now %d", due, f.now)
	}
	f.now = due
	made := f.signer.Made()
	if v = v.Sign(never); f.signer.Made() == made || v.Behind(due) {
		t.Errorf("%d signatures when due, behind %v", f.signer.Made()-made, v.Behind(due))
	}
	if NewView(nil, zones.NewSet(nil), state, &f.opts).Due() != math.MaxInt64 {
		t.Error("a view without signed names is due")
	}
}

// BenchmarkTenThousandVariants is a transition that each of 10,000 names needs
// one new signature for.
func BenchmarkTenThousandVariants(b *testing.B) {
	f := newFlock(b, 10000, checkedPool(3, steer.All, 0), nil)
	up := f.set.With(nil, downs(3))
	v := NewView(nil, f.zones, up, &f.opts)
	down := NewView(v, f.zones, f.set.With(up, downs(3, 1)), &f.opts)
	b.ResetTimer()
	for range b.N {
		down.Sign(never)
	}
}

// Every kind of answer is written without allocation, signatures and proofs
// included, and the usual ones fit 1,232 octets.
func TestNoAllocationSigned(t *testing.T) {
	v := signedView(t, state(t), &Options{})
	for kind, m := range signedKinds() {
		m.SetEdns0(1232, true)
		wire, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		for _, transport := range []Transport{UDP, TCP} {
			s := allocatesNothing(t, v, kind, wire, transport)
			if s.Truncated() && !strings.Contains(kind, "many") {
				t.Errorf("%s does not fit", kind)
			}
		}
	}
}

func signedKinds() map[string]*dns.Msg {
	kinds := map[string]*dns.Msg{}
	for _, zone := range []string{"geo.test.", "signed.test."} {
		for name, types := range map[string][]uint16{
			"":           {dns.TypeA, dns.TypeSOA, dns.TypeMX, dns.TypeDNSKEY, dns.TypeANY, dns.TypeNSEC, dns.TypeNSEC3PARAM, dns.TypeRRSIG, dns.TypeTXT},
			"www.":       {dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeMX, dns.TypeANY, dns.TypeRRSIG, dns.TypeDS},
			"ny.":        {dns.TypeA, dns.TypeRRSIG},
			"x.w.":       {dns.TypeA, dns.TypeMX},
			"a.b.c.d.w.": {dns.TypeAAAA},
			"w.":         {dns.TypeA},
			"cdn.":       {dns.TypeA, dns.TypeMX},
			"many.":      {dns.TypeAAAA},
			"alias2.":    {dns.TypeA, dns.TypeMX},
			"no.":        {dns.TypeA},
			"deep.no.":   {dns.TypeTXT},
			"target.":    {dns.TypeA, dns.TypeAAAA},
		} {
			for _, typ := range types {
				kinds[name+zone+" "+dns.TypeToString[typ]] = question(name+zone, typ)
			}
		}
	}
	return kinds
}

// never is enough of nothing.
func never() bool { return false }

// keyOf is the key of a signer with one.
func keyOf(s *dnssec.Signer, origin string) *dns.DNSKEY {
	data := s.Plan().DNSKEY[0]
	return &dns.DNSKEY{
		Hdr: dns.RR_Header{Name: origin, Rrtype: dns.TypeDNSKEY, Class: 1}, Flags: 257, Protocol: 3,
		Algorithm: data[3], PublicKey: base64.StdEncoding.EncodeToString(data[4:]),
	}
}
