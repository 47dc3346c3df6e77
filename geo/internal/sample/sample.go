// Package sample builds small MaxMind DB files in the layouts of several
// makers, for tests. Everything in it is invented. Its functions are safe for
// concurrent use.
package sample

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// Entry gives a network a record. Later entries cut into earlier ones.
type Entry struct {
	Network string
	Record  mmdbtype.DataType
}

// Build writes a database of entries. Reserved networks are let in, and the
// build time is fixed, so that the same entries give the same bytes. aliased
// repeats the IPv4 tree at 2002::/16, ::ffff:0:0/96 and 2001::/32, as MaxMind's
// own files do.
func Build(kind string, version, recordBits int, aliased bool, entries []Entry) ([]byte, error) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch: 1_700_000_000, DatabaseType: kind,
		Description: map[string]string{"en": "sample " + kind}, Languages: []string{"en"},
		IPVersion: version, RecordSize: recordBits,
		DisableIPv4Aliasing: !aliased, IncludeReservedNetworks: true,
	})
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if err := tree.Insert(network(e.Network), e.Record); err != nil {
			return nil, fmt.Errorf("insert %s: %w", e.Network, err)
		}
	}
	var out bytes.Buffer
	if _, err := tree.WriteTo(&out); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func network(s string) *net.IPNet {
	p := netip.MustParsePrefix(s)
	return &net.IPNet{IP: p.Masked().Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// Files are all samples by file name.
func Files() (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, f := range []struct {
		name    string
		kind    string
		version int
		bits    int
		aliased bool
		entries []Entry
	}{
		{"maxmind-city.mmdb", "GeoLite2-City", 6, 28, true, maxmindCity()},
		{"maxmind-country.mmdb", "GeoLite2-Country", 6, 24, true, maxmindCountry()},
		{"maxmind-asn.mmdb", "GeoLite2-ASN", 6, 24, true, maxmindASN()},
		{"dbip-city.mmdb", "DBIP-City-Lite", 6, 24, false, dbipCity()},
		{"flat-city-ipv4.mmdb", "city ipv4", 4, 32, false, flatCity(4)},
		{"flat-city-ipv6.mmdb", "city ipv6", 6, 28, false, flatCity(6)},
		{"flat-asn.mmdb", "asn", 6, 24, false, flatASN()},
		{"ipinfo-location.mmdb", "ipinfo standard_location.mmdb", 6, 32, false, ipinfoLocation()},
		{"ipinfo-lite.mmdb", "ipinfo bundle_location_lite.mmdb", 6, 28, false, ipinfoLite()},
		{"own-layout.mmdb", "House-Of-Ours", 6, 24, false, ownLayout()},
	} {
		data, err := Build(f.kind, f.version, f.bits, f.aliased, f.entries)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.name, err)
		}
		out[f.name] = data
	}
	return out, nil
}
