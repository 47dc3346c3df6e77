package main

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meridian-dns/meridian/bench/internal/geodata"
	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/queries"
	"github.com/meridian-dns/meridian/bench/internal/trial"
	"github.com/meridian-dns/meridian/dnssec"
	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/internal/flat"
	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

const (
	hosts   = 1_000_000
	batched = 32
	geoText = "$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\nwww 60 IN GEO web\n"
)

// pool is one of eight servers, far apart.
func pool() steer.Pool {
	p := steer.Pool{Name: "web"}
	for i, at := range []geo.Point{{Lat: 40.7, Lon: -74}, {Lat: 34, Lon: -118.2}, {Lat: -23.5, Lon: -46.6}, {Lat: 50.1, Lon: 8.7},
		{Lat: -26.2, Lon: 28}, {Lat: 1.35, Lon: 103.8}, {Lat: 35.7, Lon: 139.7}, {Lat: -33.9, Lon: 151.2}} {
		addr := steer.Address{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)}), Slot: healthcheck.NoCheck}
		p.Servers = append(p.Servers, steer.Server{
			Name: string(rune('a' + i)), At: at, Located: true, Slot: healthcheck.NoCheck, Weight: 1, Addrs: []steer.Address{addr},
		})
	}
	return p
}

// world is the partition of the full city database, or of the embedded world where no folder is named.
var world = sync.OnceValues(func() (*steer.State, error) {
	var o geo.Options
	if dir := os.Getenv(trial.DatabaseFolder); dir != "" {
		o.City = []string{filepath.Join(dir, geodata.IPv4), filepath.Join(dir, geodata.IPv6)}
	}
	db, err := geo.Open(o)
	if err != nil {
		return nil, err
	}
	pools := []steer.Pool{pool()}
	part, err := db.Partition(steer.Want(pools))
	if err != nil {
		return nil, err
	}
	regions, err := laid(part.Save)
	if err != nil {
		return nil, err
	}
	regions[0].Enlarge()
	if part, err = geo.ReadPartition(regions[0]); err != nil {
		return nil, err
	}
	set, err := steer.Compile(db, part, pools)
	if err != nil {
		return nil, err
	}
	if regions, err = laid(set.Save); err != nil {
		return nil, err
	}
	tables, err := steer.ReadTables(part, pools, regions)
	if err != nil {
		return nil, err
	}
	if set, err = steer.CompileWith(db, part, pools, tables); err != nil {
		return nil, err
	}
	return set.With(nil, &healthcheck.Snapshot{}), nil
})

// laid has pieces in the kind of memory in which serve has them from its child.
func laid(save func(*flat.Writer)) ([]*flat.Region, error) {
	f, err := flat.NewFile("bench")
	if err != nil {
		return nil, err
	}
	w := flat.NewWriter(f)
	save(w)
	pieces, err := w.Pieces()
	if err != nil {
		return nil, err
	}
	var regions []*flat.Region
	for _, p := range pieces {
		r, err := flat.Map(f, p)
		if err != nil {
			return nil, err
		}
		r.Populate()
		regions = append(regions, r)
	}
	return regions, nil
}

// zone compiles master-file text.
func zone(b *testing.B, name string, text []byte) zones.Entry {
	b.Helper()
	z, problems := zones.Parse(name+".zone", bytes.NewReader(text), int64(len(text)), nil)
	if z == nil {
		b.Fatal(problems)
	}
	return zones.Entry{Origin: z.Origin(), Zone: z}
}

// serving gives a view of one zone.
func serving(b *testing.B, e zones.Entry) *resolver.View {
	b.Helper()
	state, err := world()
	if err != nil {
		b.Fatal(err)
	}
	return resolver.NewView(nil, zones.NewSet([]zones.Entry{e}), state, &resolver.Options{})
}

func big(b *testing.B) *resolver.View {
	file := filepath.Join(b.TempDir(), peer.StaticZone)
	if err := peer.WriteHosts(file, hosts, queries.Label); err != nil {
		b.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	return serving(b, zone(b, peer.StaticZone, text))
}

// batches answers the queries in turn, a batch of them an iteration, and reports what one costs.
func batches(b *testing.B, v *resolver.View, set *queries.Set) {
	dst, s := make([]byte, 1232), new(resolver.Scratch)
	reqs := make([]resolver.Request, batched)
	for i := range reqs {
		reqs[i].Client = netip.MustParseAddrPort("127.0.0.1:5300")
	}
	all, next := set.All(), 0
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	spent := -threadTime()
	b.ReportAllocs()
	for b.Loop() {
		for i := range reqs {
			reqs[i].Msg = all[next]
			if next++; next == len(all) {
				next = 0
			}
		}
		v.Prepare(reqs, s)
		for i := range reqs {
			if v.Write(dst, i, s) == 0 {
				b.Fatal("no answer")
			}
		}
	}
	spent += threadTime()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/batched, "ns/answer")
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N)/batched, "cpu-ns/answer")
}

// threadTime is the processor time of this thread, which other programs do not lengthen.
func threadTime() time.Duration {
	var t unix.Timespec
	if unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) != nil {
		return 0
	}
	return time.Duration(t.Nano())
}

func BenchmarkGeo(b *testing.B) {
	v := serving(b, zone(b, peer.GeoZone, []byte(geoText)))
	set, err := queries.Geo(peer.GeoName, 1_000_000, 1)
	if err != nil {
		b.Fatal(err)
	}
	batches(b, v, set)
}

// BenchmarkGeoSigned has the geo name in a signed zone, and queries with DO.
func BenchmarkGeoSigned(b *testing.B) {
	key, err := dnssec.Generate(dnssec.ECDSAP256SHA256, dnssec.CSK, dnssec.Times{})
	if err != nil {
		b.Fatal(err)
	}
	keys := []*dnssec.Key{key}
	plan := dnssec.Plan{DNSKEY: [][]byte{key.DNSKEY()}, KeySigners: keys, ZoneSigners: keys}
	find := func(origin string, o dnssec.Options) (*dnssec.Signer, error) {
		return dnssec.NewSigner(origin, plan, o, nil)
	}
	types := func(string) (zones.GeoInfo, error) { return zones.GeoInfo{A: true, Variants: 8}, nil }
	z, problems := zones.ParseSigned(peer.GeoZone+".zone", strings.NewReader(geoText), int64(len(geoText)), types, find)
	if z == nil {
		b.Fatal(problems)
	}
	set, err := queries.Geo(peer.GeoName, 1_000_000, 1)
	if err != nil {
		b.Fatal(err)
	}
	batches(b, serving(b, zones.Entry{Origin: z.Origin(), Zone: z}), set.Signed())
}

func BenchmarkStatic(b *testing.B) {
	v := big(b)
	for name, missing := range map[string]int{"hits": 0, "missing": 1, "mixed": 5} {
		set, err := queries.Static(peer.StaticZone, hosts-1, 1_000_000, missing, 2)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) { batches(b, v, set) })
	}
}
