package geodata

import (
	"net"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
)

// writeFlat makes a database in the layout of the npm packages.
func writeFlat(t *testing.T, file string, cities map[string]mmdbtype.Map) {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: "city ipv4", IPVersion: 4, RecordSize: 28})
	if err != nil {
		t.Fatal(err)
	}
	for network, record := range cities {
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(n, record); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeTree(tree, file); err != nil {
		t.Fatal(err)
	}
}

func TestConvert(t *testing.T) {
	dir := t.TempDir()
	src, dst := filepath.Join(dir, "flat.mmdb"), filepath.Join(dir, "nested.mmdb")
	writeFlat(t, src, map[string]mmdbtype.Map{
		"1.2.3.0/24":   {"country_code": mmdbtype.String("AU"), "city": mmdbtype.String("Sydney"), "latitude": mmdbtype.Float32(-33.5), "longitude": mmdbtype.Float32(151.25)},
		"81.2.69.0/25": {"country_code": mmdbtype.String("GB"), "city": mmdbtype.String("London"), "latitude": mmdbtype.Float32(51.5), "longitude": mmdbtype.Float32(-0.25)},
	})
	if err := Convert(src, dst); err != nil {
		t.Fatal(err)
	}
	db, err := maxminddb.Open(dst)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	r := db.Lookup(netip.MustParseAddr("81.2.69.1"))
	var country, city string
	var latitude, longitude float64
	for target, path := range map[any][]any{
		&country: {"country", "iso_code"}, &city: {"city", "names", "en"}, &latitude: {"location", "latitude"}, &longitude: {"location", "longitude"},
	} {
		if err := r.DecodePath(target, path...); err != nil {
			t.Error(err)
		}
	}
	if country != "GB" || city != "London" || latitude != 51.5 || longitude != -0.25 || r.Prefix().Bits() != 25 {
		t.Errorf("%s %s %v %v in %v", country, city, latitude, longitude, r.Prefix())
	}
	if db.Lookup(netip.MustParseAddr("9.9.9.9")).Found() {
		t.Error("a network that was not there has a record")
	}
}
