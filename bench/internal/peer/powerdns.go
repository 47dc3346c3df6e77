package peer

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/meridian-dns/meridian/bench/internal/geodata"
)

// powerdns configures the geoip backend with one receiver and one distributor thread; its caches are as by default.
func powerdns(dir string, port int, w Workload) ([]string, error) {
	if w.Kind != Geo {
		return nil, errors.New("is measured with the geoip backend only")
	}
	answers := filepath.Join(dir, "geo.yaml")
	config := fmt.Sprintf(`launch=geoip
geoip-database-files=mmdb:%s
geoip-zones-file=%s
edns-subnet-processing=yes
local-address=127.0.0.1
local-port=%d
socket-dir=%s
receiver-threads=1
distributor-threads=1
loglevel=3
disable-syslog=yes
daemon=no
guardian=no
security-poll-suffix=
`, filepath.Join(w.Data, geodata.Converted), answers, port, dir)
	if err := put(answers, powerdnsAnswers()); err != nil {
		return nil, err
	}
	return []string{"pdns_server", "--config-dir=" + dir}, put(filepath.Join(dir, "pdns.conf"), config)
}

func powerdnsAnswers() string {
	var b strings.Builder
	fmt.Fprintf(&b, "domains:\n- domain: %[1]s\n  ttl: 60\n  records:\n    %[1]s:\n", GeoZone)
	fmt.Fprintf(&b, "      - soa: ns1.%[1]s hostmaster.%[1]s 1 7200 3600 1209600 300\n      - ns: ns1.%[1]s\n", GeoZone)
	eachCountry(func(code string, nearest int) {
		fmt.Fprintf(&b, "    %s.svc.%s:\n      - a: %s\n", strings.ToLower(code), GeoZone, siteAddress(nearest))
	})
	fmt.Fprintf(&b, "    other.svc.%s:\n      - a: %s\n", GeoZone, siteAddress(0))
	fmt.Fprintf(&b, "  services:\n    %[1]s: ['%%cc.svc.%[2]s', 'other.svc.%[2]s']\n", GeoName, GeoZone)
	return b.String()
}
