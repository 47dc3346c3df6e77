package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/meridian-dns/meridian/geo"
)

// site is a server that the geo name may point at.
type site struct {
	name     string
	lat, lon float64
}

// sites stand far apart, so that each answer has one address on all peers.
var sites = []site{
	{"ny", 40.71, -74.01}, {"la", 34.05, -118.24}, {"gru", -23.55, -46.63}, {"fra", 50.11, 8.68},
	{"jnb", -26.20, 28.05}, {"sin", 1.35, 103.82}, {"tyo", 35.68, 139.69}, {"syd", -33.87, 151.21},
}

func (s site) at() geo.Point { return geo.Point{Lat: s.lat, Lon: s.lon} }

func siteAddress(i int) string { return fmt.Sprintf("192.0.2.%d", i+1) }

// eachCountry tells the country codes with a known centre and the index of the site nearest to it.
func eachCountry(visit func(code string, nearest int)) {
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			code, err := geo.ParseCode(string(a) + string(b))
			if err != nil {
				continue
			}
			if centre, ok := geo.Centre(code); ok {
				visit(string(a)+string(b), nearest(centre))
			}
		}
	}
}

func nearest(p geo.Point) int {
	best := 0
	for i, s := range sites {
		if geo.DistanceKM(p, s.at()) < geo.DistanceKM(p, sites[best].at()) {
			best = i
		}
	}
	return best
}

// apex are the records every zone begins with.
const apex = `$TTL 300
@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300
@ IN NS ns1
ns1 IN A 192.0.2.53
`

// WriteHosts writes a master file with so many address records in all.
func WriteHosts(file string, records int, label func(int) string) error {
	var b strings.Builder
	b.Grow(records * 32)
	b.WriteString(apex)
	for i := range records - 1 {
		fmt.Fprintf(&b, "%s IN A 10.%d.%d.%d\n", label(i), i>>16&255, i>>8&255, i&255)
	}
	return put(file, b.String())
}

// put writes a file aside and renames it into place.
func put(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// link makes new another name of the file old; servers that want their own zone folder share one file so.
func link(old, new string) error {
	if err := os.MkdirAll(filepath.Dir(new), 0o755); err != nil {
		return err
	}
	os.Remove(new)
	if err := os.Link(old, new); err == nil {
		return nil
	}
	text, err := os.ReadFile(old)
	if err != nil {
		return err
	}
	return put(new, string(text))
}
