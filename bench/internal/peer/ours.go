package peer

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/meridian-dns/meridian/bench/internal/geodata"
)

// meridian configures this project's server with one worker.
func meridian(dir string, port int, w Workload) ([]string, error) {
	zones := filepath.Join(dir, "zones")
	config := head(dir, zonesOf(w, zones), port)
	var err error
	if w.Kind == Geo || w.Kind == Signed {
		config += GeoTables(w.Data)
		err = put(filepath.Join(zones, GeoZone+".zone"), apex+"www 60 IN GEO web\n")
	}
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "meridian.toml")
	command := []string{w.Binary, "serve", "--config", file}
	zone := GeoZone
	switch {
	case w.Sign:
		zone = StaticZone
	case w.Kind != Signed:
		return command, put(file, config)
	}
	if err := put(file, config+fmt.Sprintf("[zone.%q]\ndnssec = true\nnsec3 = %v\n", zone, w.NSEC3)); err != nil {
		return nil, err
	}
	return command, makeKeys(filepath.Join(dir, "state"), w.Binary, "keys", "init", zone, "--config", file)
}

// makeKeys runs the command that makes the keys of a zone, once for a folder.
func makeKeys(folder string, command ...string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, out)
	}
	return nil
}

// unsigned configures Meridian for a workload of signed answers without signing.
func unsigned(dir string, port int, w Workload) ([]string, error) {
	w.Kind = Geo
	return meridian(dir, port, w)
}

// UncountedTag is the build tag of the program without counters, which stands beside Workload.Binary with the tag at the
// end of its name.
const UncountedTag = "uncounted"

func uncounted(dir string, port int, w Workload) ([]string, error) {
	w.Binary += "-" + UncountedTag
	return meridian(dir, port, w)
}

func logged(dir string, port int, w Workload) ([]string, error) {
	command, err := meridian(dir, port, w)
	if err != nil {
		return nil, err
	}
	file := command[len(command)-1]
	config, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return command, put(file, string(config)+"[query_log]\nsample = 0.01\nfile = \"queries.log\"\n")
}

func zonesOf(w Workload, own string) string {
	switch w.Kind {
	case Static:
		return filepath.Dir(w.Zone)
	case Many:
		return w.Zones
	}
	return own
}

// With gives a Meridian that serves a geo zone with the rest of the configuration, and the zone itself, written by fill.
// It is told the folder, in which there is a folder "zones", and the head of the configuration.
func (p Peer) With(fill func(dir, head string) (string, error)) Peer {
	p.config = func(dir string, port int, w Workload) ([]string, error) {
		zones := filepath.Join(dir, "zones")
		if err := os.MkdirAll(zones, 0o755); err != nil {
			return nil, err
		}
		head := head(dir, zones, port)
		rest, err := fill(dir, head)
		if err != nil {
			return nil, err
		}
		file := filepath.Join(dir, "meridian.toml")
		return []string{w.Binary, "serve", "--config", file}, put(file, head+rest)
	}
	return p
}

// head is the part of the configuration that is always there.
func head(dir, zones string, port int) string {
	return fmt.Sprintf("listen = [\"127.0.0.1:%d\"]\nzones = %q\nstate = %q\nworkers = 1\n", port, zones, filepath.Join(dir, "state"))
}

// GeoTables is the part of Meridian's configuration that says which databases, servers and pool there are.
func GeoTables(data string) string {
	var b strings.Builder
	b.WriteString(Databases(data))
	b.WriteString("[servers]\n")
	for i, s := range sites {
		fmt.Fprintf(&b, "%s = { at = [%g, %g], ip = %q }\n", s.name, s.lat, s.lon, siteAddress(i))
	}
	b.WriteString("[pools.web]\n")
	return b.String()
}

// Databases names the city databases.
func Databases(data string) string {
	return fmt.Sprintf("[geo]\ncity = [%q, %q]\n", filepath.Join(data, geodata.IPv4), filepath.Join(data, geodata.IPv6))
}
