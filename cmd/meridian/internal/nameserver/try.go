package nameserver

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/meridian-dns/meridian/config"
)

// TryServer adds a server to a pool of a configuration that nobody will serve, at a city or at "latitude,longitude".
// Its rules are as they were: those that name servers do not name it.
func TryServer(cfg *config.Config, pool, name, at string) error {
	i := slices.IndexFunc(cfg.Pools, func(p config.Pool) bool { return p.Name == pool })
	if i < 0 {
		return nil // whoever draws the map says so
	}
	if slices.ContainsFunc(cfg.Servers, func(s config.Server) bool { return s.Name == name }) {
		return fmt.Errorf("there is a server %s", name)
	}
	s := config.Server{Name: name, Site: name, AtPos: "--add " + name, Weight: 1}
	// Addresses for documentation (RFC 5737, RFC 3849): of both families, so that the pool keeps those it has.
	s.IP = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
	lat, lon, point := strings.Cut(at, ",")
	y, bad := strconv.ParseFloat(strings.TrimSpace(lat), 64)
	x, worse := strconv.ParseFloat(strings.TrimSpace(lon), 64)
	switch {
	case !point || bad != nil || worse != nil:
		s.City = at
	case y < -90 || y > 90 || x < -180 || x > 180:
		return fmt.Errorf("no place has the coordinates %s", at)
	default:
		s.Lat, s.Lon, s.Located = y, x, true
	}
	cfg.Servers = append(cfg.Servers, s)
	p := &cfg.Pools[i]
	p.Servers = append(slices.Clone(p.Servers), len(cfg.Servers)-1)
	p.Weights = append(slices.Clone(p.Weights), 1)
	return nil
}
