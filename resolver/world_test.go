package resolver

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/steer"
)

// networks are the world of most tests: London, California, Sydney, New Jersey,
// and Lyon over IPv6.
const networks = `
81.2.69.0/24    51.5  -0.1 - - - -
8.8.8.0/24      37.4 -122.1 - - - -
1.1.1.0/24     -33.9  151.2 - - - -
198.51.96.0/20  40    -75 - - - -
2001:db9::/32   45.8  4.8 - - - -
`

// ofFamily gives the lines of a world whose networks are of one family.
func ofFamily(lines string, six bool) string {
	var kept strings.Builder
	for line := range strings.Lines(lines) {
		if network, _, _ := strings.Cut(line, " "); six == strings.Contains(network, ":") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// buildWorld reads lines "network latitude longitude continent country
// subdivision asn", "-" for what is not known, and gives a database in the
// layout of GeoIP2. One of version 4 holds IPv4 networks only.
func buildWorld(text string, version int) ([]byte, error) {
	w, err := mmdbwriter.New(mmdbwriter.Options{
		DatabaseType: "Scenario-City", RecordSize: 24, IPVersion: version, BuildEpoch: 1_700_000_000, IncludeReservedNetworks: true, DisableIPv4Aliasing: true,
	})
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		p, err := netip.ParsePrefix(f[0])
		if err != nil {
			return nil, err
		}
		n := &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
		if err := w.Insert(n, place(f[1:])); err != nil {
			return nil, err
		}
	}
	var b bytes.Buffer
	_, err = w.WriteTo(&b)
	return b.Bytes(), err
}

func place(f []string) mmdbtype.Map {
	m := mmdbtype.Map{}
	text := func(i int) mmdbtype.String { return mmdbtype.String(f[i]) }
	if f[0] != "-" {
		lat, _ := strconv.ParseFloat(f[0], 64)
		lon, _ := strconv.ParseFloat(f[1], 64)
		m["location"] = mmdbtype.Map{"latitude": mmdbtype.Float64(lat), "longitude": mmdbtype.Float64(lon)}
	}
	if f[2] != "-" {
		m["continent"] = mmdbtype.Map{"code": text(2)}
	}
	if f[3] != "-" {
		m["country"] = mmdbtype.Map{"iso_code": text(3)}
	}
	if f[4] != "-" {
		m["subdivisions"] = mmdbtype.Slice{mmdbtype.Map{"iso_code": text(4)}}
	}
	if asn, err := strconv.ParseUint(f[5], 10, 32); err == nil {
		m["autonomous_system_number"] = mmdbtype.Uint32(asn)
	}
	return m
}

// openWorld opens a database made of such lines, from a folder of its own.
func openWorld(dir, lines string, version int) (*geo.Database, error) {
	data, err := buildWorld(lines, version)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "world.mmdb")
	if err := os.WriteFile(path, data, 0o644); err != nil {
		return nil, err
	}
	return geo.Open(geo.Options{City: []string{path}})
}

// compilePools makes pools ready over a database.
func compilePools(db *geo.Database, pools []steer.Pool) (*steer.Set, error) {
	part, err := db.Partition(steer.Want(pools))
	if err != nil {
		return nil, err
	}
	return steer.Compile(db, part, pools)
}

// world gives the pools of geoZone compiled over networks, once for all tests.
var world = sync.OnceValues(func() (*steer.Set, error) {
	dir, err := os.MkdirTemp("", "resolver")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	db, err := openWorld(dir, networks, 6)
	if err != nil {
		return nil, err
	}
	return compilePools(db, pools())
})
