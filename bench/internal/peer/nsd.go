package peer

import (
	"fmt"
	"path/filepath"
	"strings"
)

const nsdBase = `server:
  ip-address: 127.0.0.1@%[2]d
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: %[1]q
  database: ""
  pidfile: "%[1]s/nsd.pid"
  xfrdfile: "%[1]s/xfrd.state"
  zonelistfile: "%[1]s/zone.list"
  xfrdir: %[1]q
  rrl-ratelimit: 0
  tcp-count: 200
remote-control:
  control-enable: no
`

// nsd configures it with one server process and its rate limiting off.
func nsd(dir string, port int, w Workload) ([]string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, nsdBase, dir, port)
	zone := func(name, file string) { fmt.Fprintf(&b, "zone:\n  name: %q\n  zonefile: %q\n", name, file) }
	switch w.Kind {
	case Static:
		zone(StaticZone, w.Zone)
	case Many:
		for _, name := range w.Names {
			zone(name, filepath.Join(w.Zones, name+".zone"))
		}
	}
	file := filepath.Join(dir, "nsd.conf")
	return []string{"nsd", "-d", "-c", file}, put(file, b.String())
}
