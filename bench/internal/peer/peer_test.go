package peer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/bench/internal/queries"
	"github.com/meridian-dns/meridian/geo"
)

func TestNearestIsOneOfOwnContinent(t *testing.T) {
	got := map[string]string{}
	eachCountry(func(code string, nearest int) { got[code] = sites[nearest].name })
	for code, want := range map[string]string{"DE": "fra", "AU": "syd", "JP": "tyo", "BR": "gru", "ZA": "jnb", "MY": "sin"} {
		if got[code] != want {
			t.Errorf("%s is sent to %q, want %q", code, got[code], want)
		}
	}
	if len(got) < 200 {
		t.Errorf("only %d countries are known", len(got))
	}
}

// An answer must not hold two addresses where one server stands almost as near as another.
func TestSitesAreFarApart(t *testing.T) {
	for i, a := range sites {
		for _, b := range sites[:i] {
			if d := geo.DistanceKM(a.at(), b.at()); d < 1000 {
				t.Errorf("%s and %s are %.0f km apart", a.name, b.name, d)
			}
		}
	}
}

func TestWriteHosts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "folder", "big.zone")
	if err := WriteHosts(file, 300, queries.Label); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// ns1 counts as one of the addresses; SOA and NS do not.
	if n := strings.Count(string(text), " IN A "); n != 300 {
		t.Errorf("%d address records, want 300", n)
	}
	if !strings.Contains(string(text), "h0000257 IN A 10.0.1.1\n") {
		t.Error("host 257 does not have the address of its number")
	}
}

// Every peer's configuration names one worker or thread and listens on loopback alone.
func TestConfigurations(t *testing.T) {
	zone := filepath.Join(t.TempDir(), "big.bench.zone")
	if err := WriteHosts(zone, 3, queries.Label); err != nil {
		t.Fatal(err)
	}
	for _, p := range []Peer{Meridian, Gdnsd, Knot, PowerDNS, NSD} {
		for kind, w := range map[string]Workload{
			"geo": {Kind: Geo, Data: "/data", Binary: "meridian"}, "static": {Kind: Static, Zone: zone, Binary: "meridian"},
			"many": {Kind: Many, Zones: "/zones", Names: []string{"a.bench", "b.bench"}, Binary: "meridian"},
		} {
			dir := filepath.Join(t.TempDir(), p.Name+kind)
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			command, err := p.config(dir, 20053, w)
			if p.Name == PowerDNS.Name && w.Kind != Geo {
				if err == nil {
					t.Errorf("%s claims to serve %s", p.Name, kind)
				}
				continue
			}
			if err != nil || len(command) < 2 {
				t.Fatalf("%s, %s: %q, %v", p.Name, kind, command, err)
			}
			checkConfig(t, p, dir)
		}
	}
}

func checkConfig(t *testing.T, p Peer, dir string) {
	t.Helper()
	file := map[string]string{"meridian": "meridian.toml", "gdnsd": "config", "knot": "knot.conf", "pdns": "pdns.conf", "nsd": "nsd.conf"}[p.Name]
	single := map[string]string{"meridian": "workers = 1", "gdnsd": "udp_threads => 1", "knot": "udp-workers: 1", "pdns": "receiver-threads=1", "nsd": "server-count: 1"}[p.Name]
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{single, "127.0.0.1", "20053"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s: %s lacks %q:\n%s", p.Name, file, want, text)
		}
	}
}

func TestFreePort(t *testing.T) {
	port, err := freePort()
	if err != nil || port < 20000 || port >= 30000 {
		t.Errorf("%d, %v", port, err)
	}
}
