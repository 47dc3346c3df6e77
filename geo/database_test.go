package geo

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/geo/internal/sample"
)

const samples = "../testdata/geo"

// openSample opens sample files by name.
func openSample(t testing.TB, o Options) *Database {
	t.Helper()
	db, err := Open(inSamples(o))
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func inSamples(o Options) Options {
	in := func(names []string) (out []string) {
		for _, n := range names {
			out = append(out, filepath.Join(samples, n))
		}
		return out
	}
	o.City, o.ASN = in(o.City), in(o.ASN)
	return o
}

func TestSamplesAreCurrent(t *testing.T) {
	files, err := sample.Files()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(samples, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s differs from its source (%v): go run ./geo/internal/sample/write testdata/geo", name, err)
		}
	}
}

func TestOpenLayouts(t *testing.T) {
	own := map[string]string{
		"latitude": "pos.0", "longitude": "pos.1", "country": "land.code", "continent": "part",
		"subdivision": "canton", "asn": "net.origin",
	}
	for _, c := range []struct {
		o   Options
		has Attributes
	}{
		{Options{City: []string{"maxmind-city.mmdb"}}, Attributes{true, true, true, true, false, true, true}},
		{Options{City: []string{"maxmind-city.mmdb"}, ASN: []string{"maxmind-asn.mmdb"}}, Attributes{true, true, true, true, true, true, true}},
		{Options{City: []string{"maxmind-country.mmdb"}}, Attributes{false, true, true, false, false, true, true}},
		{Options{City: []string{"dbip-city.mmdb"}}, Attributes{true, true, true, false, false, true, false}},
		{Options{City: []string{"flat-city-ipv4.mmdb"}}, Attributes{true, true, true, false, false, true, false}},
		{Options{City: []string{"flat-city-ipv6.mmdb"}}, Attributes{true, true, true, false, false, false, true}},
		{Options{City: []string{"flat-city-ipv4.mmdb", "flat-city-ipv6.mmdb"}, ASN: []string{"flat-asn.mmdb"}}, Attributes{true, true, true, false, true, true, true}},
		{Options{City: []string{"ipinfo-location.mmdb"}}, Attributes{true, true, true, true, false, true, true}},
		{Options{City: []string{"ipinfo-lite.mmdb"}}, Attributes{false, true, true, false, true, true, true}},
		{Options{City: []string{"ipinfo-lite.mmdb"}, ASN: []string{"ipinfo-lite.mmdb"}}, Attributes{false, true, true, false, true, true, true}},
		{Options{City: []string{"own-layout.mmdb"}, Fields: own}, Attributes{true, true, true, true, true, true, true}},
		{Options{City: []string{"own-layout.mmdb"}, ASN: []string{"own-layout.mmdb"}, Fields: own}, Attributes{true, true, true, true, true, true, true}},
	} {
		if got := openSample(t, c.o).Has(); got != c.has {
			t.Errorf("%v: %+v, want %+v", c.o, got, c.has)
		}
	}
}

func TestOpenEmbeddedWorld(t *testing.T) {
	db, err := Open(Options{})
	if err != nil {
		t.Fatal(err)
	}
	has := db.Has()
	if !has.Coordinates || !has.Country || !has.IPv4 || !has.IPv6 {
		t.Errorf("has %+v", has)
	}
	s := db.Sources()
	if len(s) != 1 || s[0].Path != "" || s[0].Networks < 1000 || !strings.Contains(s[0].Attribution, "DB-IP") {
		t.Errorf("sources %+v", s)
	}
	if _, err := db.Partition(Want{}); err != nil {
		t.Error(err)
	}
}

func TestSources(t *testing.T) {
	db := openSample(t, Options{City: []string{"maxmind-city.mmdb", "ipinfo-lite.mmdb"}, ASN: []string{"ipinfo-lite.mmdb", "maxmind-asn.mmdb"}})
	built := time.Unix(1_700_000_000, 0).UTC()
	const maxmind = "This product includes GeoLite data created by MaxMind, available from https://www.maxmind.com"
	want := []Source{
		{filepath.Join(samples, "maxmind-city.mmdb"), "GeoLite2-City", built, maxmind, 0},
		{filepath.Join(samples, "ipinfo-lite.mmdb"), "ipinfo bundle_location_lite.mmdb", built, "IP address data powered by IPinfo (https://ipinfo.io)", 2},
		{filepath.Join(samples, "maxmind-asn.mmdb"), "GeoLite2-ASN", built, maxmind, 0},
	}
	got := db.Sources()
	for i := range got {
		if got[i].Networks < 2 {
			t.Errorf("%s: %d networks", got[i].Path, got[i].Networks)
		}
		if want[i].Networks == 0 {
			got[i].Networks = 0 // cut by the insertion of smaller ones
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("sources %+v\nwant %+v", got, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, data string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	huge := write("huge.mmdb", "")
	if err := os.Truncate(huge, maxFile+1); err != nil {
		t.Fatal(err)
	}
	at := func(name string) string { return filepath.Join(samples, name) }
	city, asn := at("maxmind-city.mmdb"), at("maxmind-asn.mmdb")
	fields := func(name, path string) Options {
		return Options{City: []string{city}, Fields: map[string]string{name: path}}
	}
	for name, c := range map[string]struct {
		o    Options
		want string
	}{
		"missing":       {Options{City: []string{dir + "/none.mmdb"}}, "geo database " + dir + "/none.mmdb: no such file or directory"},
		"directory":     {Options{City: []string{dir}}, "geo database " + dir + ": is a directory"},
		"device":        {Options{City: []string{"/dev/zero"}}, "geo database /dev/zero: is no regular file"},
		"empty":         {Options{City: []string{write("empty.mmdb", "")}}, "geo database " + dir + "/empty.mmdb: file is empty"},
		"huge":          {Options{City: []string{huge}}, "geo database " + huge + ": file of 2147483649 bytes is over the limit of 2147483648"},
		"gzip":          {Options{City: []string{write("db.gz", "\x1f\x8b\x08 and so on")}}, "this is a gzip file, unpack it first"},
		"garbage":       {Options{ASN: []string{write("g.mmdb", strings.Repeat("garbage", 99))}, City: []string{city}}, "geo database " + dir + "/g.mmdb: "},
		"asn as city":   {Options{City: []string{asn}}, `geo database ` + asn + `: no record holds coordinates, a country or a continent (type "GeoLite2-ASN"); it holds AS numbers: give it as asn`},
		"city as asn":   {Options{City: []string{city}, ASN: []string{city}}, `geo database ` + city + `: no record holds an AS number (type "GeoLite2-City"); it holds places: give it as city`},
		"strange":       {Options{City: []string{at("own-layout.mmdb")}}, `no record holds coordinates, a country or a continent (type "House-Of-Ours")`},
		"field":         {fields("longitute", "a"), `geo fields: no field is called "longitute"`},
		"no path":       {fields("asn", ""), `geo fields: asn: "" is no path`},
		"hole in path":  {fields("asn", "a..b"), `geo fields: asn: "a..b" is no path`},
		"path astray":   {fields("latitude", "location.lat"), `geo database ` + city + `: no record holds "location.lat", the field given for latitude`},
		"fields in asn": {Options{City: []string{city}, ASN: []string{asn}, Fields: map[string]string{"asn": "number"}}, asn + `: no record holds an AS number`},
		"world's":       {Options{Fields: map[string]string{"country": "c"}}, "geo fields: country: there is no city file that it could be in"},
	} {
		db, err := Open(c.o)
		if err == nil || db != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

func TestLocate(t *testing.T) {
	at := func(lat, lon float32, continent, country, subdivision string) Place {
		p := Place{Lat: lat, Lon: lon, Located: true}
		p.Continent, _ = ParseCode(continent)
		p.Country, _ = ParseCode(country)
		p.Subdivision, _ = ParseSubdivision(subdivision)
		return p
	}
	withASN := func(p Place, asn uint32) Place { p.ASN = asn; return p }
	maxmind := Options{City: []string{"maxmind-city.mmdb"}, ASN: []string{"maxmind-asn.mmdb"}}
	flat := Options{City: []string{"flat-city-ipv4.mmdb", "flat-city-ipv6.mmdb"}, ASN: []string{"flat-asn.mmdb"}}
	for _, c := range []struct {
		o            Options
		addr         string
		place        Place
		city, region string
		network      string
	}{
		{maxmind, "1.2.3.5", withASN(at(48.85, 2.35, "EU", "FR", "FR-IDF"), 64501), "Paris", "Ile-de-France", "1.2.3.0/26"},
		{maxmind, "1.2.3.100", withASN(at(52.5, 13.4, "EU", "DE", "DE-BE"), 64501), "Berlin", "Berlin", "1.2.3.64/26"},
		{maxmind, "::ffff:1.2.3.5", withASN(at(48.85, 2.35, "EU", "FR", "FR-IDF"), 64501), "Paris", "Ile-de-France", "1.2.3.0/26"},
		{maxmind, "1.2.7.9", Place{ASN: 64500}, "", "", "1.2.7.0/24"},
		{maxmind, "9.9.9.9", Place{ASN: 64502}, "", "", "9.9.9.9/32"},
		{maxmind, "10.9.9.9", Place{Special: true}, "", "", "10.0.0.0/8"},
		{maxmind, "2002:102:305::", Place{Special: true}, "", "", "2002::/16"},
		{maxmind, "2001:0:102:305::", Place{}, "", "", "2001::/32"},
		{maxmind, "64:ff9b::102:305", Place{Special: true}, "", "", "64:ff9b::/56"},
		{maxmind, "2001:4860:0:4210::1", at(-33.9, 151.2, "OC", "AU", "AU-NSW"), "Sydney", "New South Wales", "2001:4860:0:4200::/58"},
		{maxmind, "2001:500::1", Place{}, "", "", "2001:400::/22"},
		{Options{City: []string{"dbip-city.mmdb"}}, "77.1.2.3", at(45.46, 9.19, "EU", "IT", ""), "Milan", "Lombardy", "77.0.0.0/8"},
		{flat, "81.2.69.142", withASN(at(51.5143, -0.0912244, "EU", "GB", ""), 20712), "London", "England", "81.2.69.0/24"},
		{flat, "81.2.70.1", Place{ASN: 20712}, "", "", "81.2.70.0/23"},
		{flat, "2a00::1", withASN(at(50.11, 8.68, "EU", "DE", ""), 20713), "Frankfurt am Main", "Hesse", "2a00::/31"},
		{Options{City: []string{"ipinfo-location.mmdb"}}, "5.1.1.1", at(-1.28333, 36.81667, "AF", "KE", ""), "Nairobi", "Nairobi County", "5.0.0.0/8"},
		{Options{City: []string{"ipinfo-location.mmdb"}}, "6.1.1.1", at(-31.95, 115.86, "OC", "AU", "AU-WA"), "Perth", "Western Australia", "6.0.0.0/8"},
	} {
		got := openSample(t, c.o).Locate(netip.MustParseAddr(c.addr))
		want := Location{c.place, c.city, c.region, netip.MustParsePrefix(c.network), false}
		if got != want {
			t.Errorf("%s: %+v\nwant %+v", c.addr, got, want)
		}
	}
	if got := openSample(t, flat).Locate(netip.Addr{}); got != (Location{}) {
		t.Errorf("invalid address: %+v", got)
	}
}

// What has no coordinates takes a centre, and 0,0 or nonsense is no place.
func TestLocateApproximates(t *testing.T) {
	db := openSample(t, Options{City: []string{"ipinfo-lite.mmdb", "maxmind-city.mmdb"}})
	for addr, country := range map[string]string{"1.2.5.1": "US", "1.2.6.1": "JP", "1.2.9.1": "DE", "8.8.8.8": "US", "2a01::": "NL"} {
		code, _ := ParseCode(country)
		centre, ok := Centre(code)
		l := db.Locate(netip.MustParseAddr(addr))
		if !ok || !l.Approximate || !l.Located || l.Country != code || l.Lat != float32(centre.Lat) || l.Lon != float32(centre.Lon) {
			t.Errorf("%s: %+v, want the centre of %s, %v", addr, l, country, centre)
		}
	}
	california, _ := ParseSubdivision("US-CA")
	centre, ok := SubdivisionCentre(california)
	if l := db.Locate(netip.MustParseAddr("1.2.4.1")); !ok || !l.Approximate || l.Lat != float32(centre.Lat) {
		t.Errorf("California: %+v, want %v", l, centre)
	}
	if l := db.Locate(netip.MustParseAddr("1.2.8.1")); l.Located || l.Continent.String() != "EU" {
		t.Errorf("continent only: %+v", l)
	}
}
