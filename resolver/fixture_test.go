package resolver

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// geoZone holds every way in which a geo name is reached.
const geoZone = `$TTL 300
@       IN SOA ns1 hostmaster 1 7200 3600 1209600 300
@       IN NS  ns1
@    60 IN GEO web
@       IN MX  10 www
ns1     IN A   192.0.2.53
www  60 IN GEO web
www     IN TXT "beside a pool"
ny   60 IN GEO web/ny
*.w  60 IN GEO web
v4   60 IN GEO v4
cdn  60 IN GEO cdn
mix  60 IN GEO mix
down 60 IN GEO down
many 60 IN GEO many
alias   IN CNAME www
alias2  IN CNAME alias
toapex  IN CNAME @
mx      IN MX 10 www
srv     IN SRV 1 1 1 www
target  IN A 192.0.2.99
`

// pools are those that geoZone names: three places, of which Sydney has no
// IPv6 address in v4.
func pools() []steer.Pool {
	server := func(name string, lat, lon float64, ips ...string) steer.Server {
		s := steer.Server{Name: name, At: geo.Point{Lat: lat, Lon: lon}, Located: true, Slot: healthcheck.NoCheck, Weight: 1}
		for _, ip := range ips {
			s.Addrs = append(s.Addrs, steer.Address{Addr: netip.MustParseAddr(ip), Slot: healthcheck.NoCheck})
		}
		return s
	}
	ny := server("ny", 40.7, -74, "198.51.100.10", "2001:db8:1::10")
	fr := server("fr", 48.86, 2.35, "203.0.113.10", "2001:db8:2::10")
	au := server("au", -33.87, 151.2, "192.0.2.10", "2001:db8:3::10")
	au4 := server("au", -33.87, 151.2, "192.0.2.10")
	cname := steer.Server{Name: "cdn", CNAME: "target.geo.test.", At: ny.At, Located: true, Slot: healthcheck.NoCheck, Weight: 1}
	turn := cname
	turn.Name, turn.CNAME = "turn", "b.a.test."
	broken := server("broken", 0, 0, "192.0.2.66")
	broken.Addrs[0].Slot = 0
	var many []steer.Server
	for i := range 3 {
		var ips []string
		for j := range 8 {
			ips = append(ips, fmt.Sprintf("2001:db8:%d::%d", i, j))
		}
		many = append(many, server(fmt.Sprint("many", i), 0, 0, ips...))
	}
	return []steer.Pool{
		{Name: "many", Servers: many, Pick: steer.Weighted, N: 3},
		{Name: "web", Servers: []steer.Server{ny, fr, au}},
		{Name: "v4", Servers: []steer.Server{ny, fr, au4}},
		{Name: "cdn", Servers: []steer.Server{cname}},
		{Name: "turn", Servers: []steer.Server{turn}},
		{Name: "mix", Servers: []steer.Server{cname, fr}},
		{Name: "down", Servers: []steer.Server{broken}, AllDown: steer.Fail},
	}
}

// health is a snapshot in which the only check, that of "broken", is down.
func health() *healthcheck.Snapshot {
	return &healthcheck.Snapshot{
		Targets: make([]healthcheck.Target, 1),
		States:  []healthcheck.State{{Status: healthcheck.Down}},
	}
}

func state(t testing.TB) *steer.State {
	t.Helper()
	set, err := world()
	if err != nil {
		t.Fatal(err)
	}
	return set.With(nil, health())
}

// findGeo tells a zone what the pools are.
func findGeo(s *steer.State) zones.FindGeo {
	return func(ref string) (zones.GeoInfo, error) {
		r, err := s.Find(ref)
		if err != nil {
			return zones.GeoInfo{}, err
		}
		i := s.Set().Info(r)
		return zones.GeoInfo{
			A: i.A, AAAA: i.AAAA, CNAME: i.CNAME, OnlyCNAME: i.OnlyCNAME, NoData: i.NoData, Variants: s.Set().Variants(r),
		}, nil
	}
}

// zone compiles the text of a zone.
func zone(t testing.TB, file, text string, s *steer.State) zones.Entry {
	t.Helper()
	return signedZone(t, file, text, s, nil)
}

// signedZone compiles and signs the text of a zone; signer may be nil.
func signedZone(t testing.TB, file, text string, s *steer.State, signer *dnssec.Signer) zones.Entry {
	t.Helper()
	z, problems := zones.ParseSigned(file, strings.NewReader(text), int64(len(text)), findGeo(s), finds(signer))
	if z == nil {
		t.Fatalf("%s: %v", file, problems)
	}
	return zones.Entry{Origin: z.Origin(), Zone: z}
}

// testView serves the peers' zones, geoZone as geo.test, a broken zone and one that
// is still loading.
func testView(t testing.TB, o *Options) *View {
	t.Helper()
	s := state(t)
	entries := []zones.Entry{
		zone(t, "geo.test.zone", geoZone, s),
		{Origin: "\x06broken\x04test\x00"},
		{Origin: "\x07loading\x04test\x00", Loading: true},
	}
	files, err := filepath.Glob("../testdata/peers/*.zone")
	if err != nil || len(files) == 0 {
		t.Fatalf("no zones: %v", err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, zone(t, filepath.Base(f), string(text), s))
	}
	return NewView(nil, zones.NewSet(entries), s, o)
}

// viewOf serves the texts of zones, by origin.
func viewOf(t testing.TB, texts map[string]string, o *Options) *View {
	t.Helper()
	s := state(t)
	var entries []zones.Entry
	for origin, text := range texts {
		entries = append(entries, zone(t, fileOf(origin), text, s))
	}
	return NewView(nil, zones.NewSet(entries), s, o)
}

// asker sends messages to a view as a client would.
type asker struct {
	t         testing.TB
	view      *View
	scratch   *Scratch
	client    string
	transport Transport
}

func newAsker(t testing.TB, o *Options) *asker {
	return &asker{t: t, view: testView(t, o), scratch: new(Scratch), client: "198.51.100.1"}
}

// raw sends octets and gives the reply's, nil if there is none.
func (a *asker) raw(msg []byte) []byte {
	dst := make([]byte, maxTCP)
	if a.transport == UDP {
		dst = dst[:maxUDP]
	}
	n := a.view.Answer(dst, &Request{
		Msg: msg, Client: netip.AddrPortFrom(netip.MustParseAddr(a.client), 4242),
		Transport: a.transport, Random: 42, Now: 1_800_000_000,
	}, a.scratch)
	if n == 0 {
		return nil
	}
	return dst[:n]
}

func (a *asker) ask(m *dns.Msg) *dns.Msg {
	a.t.Helper()
	wire, err := m.Pack()
	if err != nil {
		a.t.Fatal(err)
	}
	reply := a.raw(wire)
	if reply == nil {
		return nil
	}
	r := new(dns.Msg)
	if err := r.Unpack(reply); err != nil {
		a.t.Fatalf("the reply to %v does not parse: %v\n%x", m.Question, err, reply)
	}
	return r
}

func question(name string, typ uint16) *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, typ)
	m.RecursionDesired = false
	return m
}

// subnetted adds a client subnet to a question.
func subnetted(m *dns.Msg, subnet string) *dns.Msg {
	p := netip.MustParsePrefix(subnet)
	e := &dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: uint8(p.Bits()), Address: p.Addr().AsSlice()}
	if p.Addr().Is6() {
		e.Family = 2
	}
	return with(m, e)
}

func with(m *dns.Msg, options ...dns.EDNS0) *dns.Msg {
	if m.IsEdns0() == nil {
		m.SetEdns0(1232, false)
	}
	o := m.IsEdns0()
	o.Option = append(o.Option, options...)
	return m
}

// scope gives the SCOPE of a reply, -1 without the option.
func scope(r *dns.Msg) int {
	if o := r.IsEdns0(); o != nil {
		for _, e := range o.Option {
			if s, ok := e.(*dns.EDNS0_SUBNET); ok {
				return int(s.SourceScope)
			}
		}
	}
	return -1
}

// addresses lists the addresses in the answer section, and the targets of
// CNAMEs before them.
func addresses(r *dns.Msg) string {
	var all []string
	for _, rr := range r.Answer {
		switch rr := rr.(type) {
		case *dns.A:
			all = append(all, rr.A.String())
		case *dns.AAAA:
			all = append(all, rr.AAAA.String())
		case *dns.CNAME:
			all = append(all, rr.Target)
		}
	}
	return strings.Join(all, " ")
}
