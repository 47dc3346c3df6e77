package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// shortDir makes a folder with a path short enough for a Unix socket.
func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "mer")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// startMeridian serves the zones of a folder, and gives the address it answers at.
func startMeridian(t *testing.T, from string) string {
	t.Helper()
	dir := shortDir(t)
	copyZones(t, from, filepath.Join(dir, "zones"))
	port := freePort(t)
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	config := filepath.Join(dir, "meridian.toml")
	write(t, config, fmt.Sprintf("listen = [%q, %q]\nstate = \"state\"\n", addr, fmt.Sprintf("[::1]:%d", port)))
	p := start(t, meridian, "serve", "--config", config)
	p.answering(t, addr, "example.com.")
	return addr
}

func startNSD(t *testing.T, from string) string {
	t.Helper()
	nsd := need(t, "nsd")
	dir := shortDir(t)
	port := freePort(t)
	var b strings.Builder
	fmt.Fprintf(&b, `server:
  ip-address: 127.0.0.1@%d
  username: ""
  chroot: ""
  zonesdir: %q
  database: ""
  logfile: ""
  pidfile: "%[3]s/nsd.pid"
  xfrdfile: "%[3]s/xfrd.state"
  zonelistfile: "%[3]s/zone.list"
  xfrdir: %[3]q
  rrl-ratelimit: 0
  minimal-responses: yes
  confine-to-zone: no
remote-control:
  control-enable: no
`, port, filepath.Join(dir, "zones"), dir)
	for _, zone := range copyZones(t, from, filepath.Join(dir, "zones")) {
		fmt.Fprintf(&b, "zone:\n  name: %q\n  zonefile: \"%s.zone\"\n", zone, zone)
	}
	conf := filepath.Join(dir, "nsd.conf")
	write(t, conf, b.String())
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	start(t, nsd, "-d", "-c", conf).answering(t, addr, "example.com.")
	return addr
}

func startKnot(t *testing.T, from string) string {
	t.Helper()
	knotd := need(t, "knotd")
	dir := shortDir(t)
	port := freePort(t)
	var b strings.Builder
	fmt.Fprintf(&b, `server:
  rundir: %[1]q
  listen: 127.0.0.1@%[2]d
database:
  storage: %[1]q
log:
  - target: stderr
    any: warning
template:
  - id: default
    storage: "%[1]s/zones"
    semantic-checks: off
zone:
`, dir, port)
	for _, zone := range copyZones(t, from, filepath.Join(dir, "zones")) {
		fmt.Fprintf(&b, "  - domain: %q\n    file: \"%s.zone\"\n", zone, zone)
	}
	conf := filepath.Join(dir, "knot.conf")
	write(t, conf, b.String())
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	start(t, knotd, "-c", conf).answering(t, addr, "example.com.")
	return addr
}
