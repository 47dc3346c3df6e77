package peer

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/meridian-dns/meridian/bench/internal/geodata"
)

const knotBase = `server:
  rundir: %[1]q
  listen: 127.0.0.1@%[2]d
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
  edns-client-subnet: on
log:
  - target: stderr
    any: warning
database:
  storage: "%[1]s/db"
`

// knotSigned has Knot make the keys and sign as Meridian does. It keeps the signed zone in its journal, as its manual
// advises for zones that are edited as files: then it signs what has changed alone, and a restart signs nothing. By
// default the journal is too small for a million records, and it waits for the disk, as Meridian does not.
const knotSigned = `  journal-db-mode: asynchronous
  journal-db-max-size: 16G
policy:
  - id: bench
    algorithm: ecdsap256sha256
    single-type-signing: on
    signing-threads: %d
`

const knotGeo = `mod-geoip:
  - id: world
    config-file: %[1]q
    ttl: 60
    mode: geodb
    geodb-file: %[2]q
    geodb-key: country/iso_code
`

// knot configures it with one worker of each kind and its checks of zones off.
func knot(dir string, port int, w Workload) ([]string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, knotBase, dir, port)
	files := "journal-content: none\n"
	if w.Sign {
		if err := os.MkdirAll(filepath.Join(dir, "db"), 0o700); err != nil {
			return nil, err
		}
		fmt.Fprintf(&b, knotSigned, runtime.NumCPU())
		files = "zonefile-load: difference-no-serial\n    journal-content: all\n    dnssec-signing: on\n    dnssec-policy: bench\n    journal-max-usage: 8G\n"
	}
	zone := func(name, file, more string) string {
		return fmt.Sprintf("  - domain: %q\n    file: %q\n    zonefile-sync: -1\n    semantic-checks: off\n    %s%s", name, file, files, more)
	}
	switch w.Kind {
	case Geo, Signed:
		answers, file := filepath.Join(dir, "geo.yaml"), filepath.Join(dir, "geo.zone")
		more, geo := "", knotGeo
		if w.Kind == Signed {
			b.WriteString("policy:\n  - id: hand\n    manual: on\n")
			geo += "    policy: hand\n    dnssec: on\n"
			more = "    dnssec-signing: on\n    dnssec-policy: hand\n"
		}
		fmt.Fprintf(&b, geo, answers, filepath.Join(w.Data, geodata.Converted))
		b.WriteString("zone:\n" + zone(GeoZone, file, more+"    module: mod-geoip/world\n"))
		if err := put(answers, knotAnswers()); err != nil {
			return nil, err
		}
		if err := put(file, apex+"www 60 IN A "+siteAddress(0)+"\n"); err != nil {
			return nil, err
		}
	case Static:
		b.WriteString("zone:\n" + zone(StaticZone, w.Zone, ""))
	case Many:
		b.WriteString("zone:\n")
		for _, name := range w.Names {
			b.WriteString(zone(name, filepath.Join(w.Zones, name+".zone"), ""))
		}
	}
	file := filepath.Join(dir, "knot.conf")
	if err := put(file, b.String()); err != nil || w.Kind != Signed {
		return []string{"knotd", "-c", file}, err
	}
	if err := os.MkdirAll(filepath.Join(dir, "db"), 0o755); err != nil {
		return nil, err
	}
	return []string{"knotd", "-c", file}, makeKeys(filepath.Join(dir, "db", "keys"), "keymgr", "-c", file, GeoZone,
		"generate", "algorithm=ECDSAP256SHA256", "ksk=yes", "zsk=yes")
}

func knotAnswers() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:\n", GeoName)
	eachCountry(func(code string, nearest int) {
		fmt.Fprintf(&b, "  - geo: %q\n    A: %s\n", code, siteAddress(nearest))
	})
	return b.String()
}
