package peer

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/meridian-dns/meridian/bench/internal/geodata"
)

// gdnsd configures it with one UDP thread; everything else is its default, unless the workload asks for a buffer.
func gdnsd(dir string, port int, w Workload) ([]string, error) {
	var b strings.Builder
	buffer := ""
	if w.Buffer {
		buffer = "udp_rcvbuf => 1048576, "
	}
	fmt.Fprintf(&b, "options => { listen => \"127.0.0.1:%d\", udp_threads => 1, tcp_threads => 1, %srun_dir => %q, state_dir => %q }\n",
		port, buffer, filepath.Join(dir, "run"), filepath.Join(dir, "state"))
	var err error
	switch w.Kind {
	case Geo:
		b.WriteString(gdnsdGeo(filepath.Join(w.Data, geodata.Converted)))
		err = put(filepath.Join(dir, "zones", GeoZone), apex+"www 60 DYNA geoip!web\n")
	case Static:
		err = link(w.Zone, filepath.Join(dir, "zones", StaticZone))
	}
	if err != nil {
		return nil, err
	}
	return []string{"gdnsd", "-c", dir, "start"}, put(filepath.Join(dir, "config"), b.String())
}

func gdnsdGeo(database string) string {
	var names, coords, addresses []string
	for i, s := range sites {
		names = append(names, s.name)
		coords = append(coords, fmt.Sprintf("%s => [ %g, %g ]", s.name, s.lat, s.lon))
		addresses = append(addresses, fmt.Sprintf("%s => %s", s.name, siteAddress(i)))
	}
	return fmt.Sprintf(`plugins => { geoip => {
  maps => { world => { geoip2_db => %q, datacenters => [ %s ], auto_dc_coords => { %s } } },
  resources => { web => { map => world, service_types => up, dcmap => { %s } } }
} }
`, database, strings.Join(names, ", "), strings.Join(coords, ", "), strings.Join(addresses, ", "))
}
