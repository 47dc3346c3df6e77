package steer

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/geo"
)

// TestDatabaseToAnswer goes the whole way from database files to answers and explanations.
func TestDatabaseToAnswer(t *testing.T) {
	samples := filepath.Join("..", "testdata", "geo")
	db, err := geo.Open(geo.Options{
		City: []string{filepath.Join(samples, "maxmind-city.mmdb")}, ASN: []string{filepath.Join(samples, "maxmind-asn.mmdb")},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := Pool{Name: "web", Rules: rules("asn:64503", "net:1.2.0.0/22, net:10.1.0.0/16", "subdivision:US-CA", "continent:AS")}
	for i, s := range eight {
		sv := server(s.name, "192.0.2.1")
		sv.Located, sv.At = true, geo.Point{Lat: s.lat, Lon: s.lon}
		sv.Addrs[0].Addr = addr("192.0.2." + string(rune('1'+i)))
		p.Servers = append(p.Servers, sv)
	}
	part, err := db.Partition(Want([]Pool{p}))
	if err != nil {
		t.Fatal(err)
	}
	set, err := Compile(db, part, []Pool{p})
	if err != nil {
		t.Fatal(err)
	}
	for family := range 2 {
		checkOverlaps(t, random(t, 31), set.pools[0].table, family)
	}
	for _, c := range []struct{ resolver, subnet, want string }{
		{"9.9.9.9", "2a00::/32", "ny 13"},    // asn
		{"9.9.9.9", "1.2.0.0/24", "sf 23"},   // net, cut by a block of other places in it
		{"9.9.9.9", "1.2.4.0/24", "sao 24"},  // subdivision
		{"9.9.9.9", "1.2.6.0/24", "fra 24"},  // continent
		{"9.9.9.9", "1.2.10.0/24", "fra 23"}, // nearest
		{"9.9.9.9", "1.2.5.0/24", "ny 24"},   // nearest
		{"9.9.9.9", "10.1.2.0/24", "sf 16"},  // net in special space
		{"1.2.4.1", "10.3.0.0/16", "sao 15"}, // what that net leaves of 10.0.0.0/8 around 10.2.0.0
		{"127.0.0.1", "192.168.0.0/16", "ny 16"},
		{"127.0.0.1", "", "ny 0"},
	} {
		if got := asked(t, set, c.resolver, c.subnet); got != c.want {
			t.Errorf("%s from %s: got %s, want %s", c.subnet, c.resolver, got, c.want)
		}
	}
	e := set.With(nil, nil).Explain(Ref{0, -1}, clientOf("9.9.9.9", "1.2.10.0/24"), typeA)
	lines := strings.Join(e.Lines(60), "\n")
	for _, want := range []string{"Berlin, ", "DE, EU, at 52.50 13.40, AS64500, network 1.2.10.0/", "rule     none matches", "tier 1   * fra"} {
		if !strings.Contains(lines, want) {
			t.Errorf("%q is missing in\n%s", want, lines)
		}
	}
}
