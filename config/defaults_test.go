package config_test

import (
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/config"
)

func parse(t testing.TB, text string) *config.Config {
	t.Helper()
	c, err := config.Parse("test.toml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return c
}

// TestDefaultsOfAnEmptyFile asserts every default of the top level.
func TestDefaultsOfAnEmptyFile(t *testing.T) {
	path, err := filepath.Abs("test.toml")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "empty file", parse(t, ""), &config.Config{
		Path:        path,
		Listen:      []netip.AddrPort{netip.MustParseAddrPort("0.0.0.0:53"), netip.MustParseAddrPort("[::]:53")},
		Zones:       filepath.Join(filepath.Dir(path), "zones"),
		State:       "/var/lib/meridian",
		Debug:       []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		Limits:      config.Limits{TCPIdle: 10 * time.Second, TCPConnections: 2048, TCPPerClient: 128, ZoneRecords: 16_000_000, ZoneGenerate: 65_536},
		Geo:         config.Geo{Fields: map[string]string{}, Groups: map[string][]config.Token{}},
		Checks:      map[string]config.Check{},
		ZoneOptions: map[string]config.Zone{},
		Freeze:      config.Freeze{Sites: 3, Window: 30 * time.Second},
		Alerts:      config.Alerts{After: 30 * time.Second, Clear: 2 * time.Minute},
	})
}

func TestDefaultsOfChecks(t *testing.T) {
	c := parse(t, "[checks.a]\n[checks.b]\ntype = \"https\"\nhost = \"example.com\"\n[checks.c]\ntype = \"tcp\"\nport = 25\n")
	timing := config.Check{Interval: 10 * time.Second, Timeout: 4 * time.Second, Rise: 2, Fall: 3, Jitter: 0.1, Failback: "auto"}
	a, b, tcp := timing, timing, timing
	a.Type, a.Port, a.Path, a.Method, a.Status, a.BodyLimit = "http", 80, "/", "GET", "200-299", 64<<10
	b.Type, b.Port, b.Path, b.Method, b.Status, b.BodyLimit, b.Host, b.SNI = "https", 443, "/", "GET", "200-299", 64<<10, "example.com", "example.com"
	tcp.Type, tcp.Port = "tcp", 25
	equal(t, "checks", c.Checks, map[string]config.Check{"a": a, "b": b, "c": tcp})
}

func TestDefaultsOfServersAndPools(t *testing.T) {
	c := parse(t, "[servers]\nny = { at = \"New York\", ip = \"198.51.100.10\" }\n[pools.web]\n[zone.\"example.com\"]\n")
	equal(t, "servers", c.Servers, []config.Server{{Name: "ny", Site: "ny", City: "New York", AtPos: "test.toml:2: servers.ny.at",
		IP: addrs("198.51.100.10"), Weight: 1}})
	equal(t, "pools", c.Pools, []config.Pool{{Name: "web", Pos: "test.toml:3: pools.web", Servers: []int{0}, Weights: []int{1},
		Order: "nearest", Pick: "all", N: 8, Families: "common", MinUp: 1, AllDown: "serve-all"}})
	equal(t, "zone", c.ZoneOptions["example.com"], config.Zone{Pos: `test.toml:4: zone."example.com"`})
}

func TestDefaultOfN(t *testing.T) {
	for pick, want := range map[string]int{"all": 8, "weighted": 1, "sticky": 1, "first": 1} {
		c := parse(t, "[servers]\nny = { ip = \"198.51.100.10\" }\n[pools.web]\npick = \""+pick+"\"\n")
		if got := c.Pools[0].N; got != want {
			t.Errorf("pick %s: n = %d, want %d", pick, got, want)
		}
	}
}

// TestAllDownFollowsFallback holds the table above allDown, as far as it loads.
func TestAllDownFollowsFallback(t *testing.T) {
	base := "[servers]\nny = { ip = \"198.51.100.10\" }\nfr = { ip = \"203.0.113.10\" }\n[pools.web]\nservers = [\"ny\"]\n"
	for _, c := range []struct{ keys, want string }{
		{"", "serve-all"},
		{"fallback = [\"fr\"]\n", "fallback"},
		{"all_down = \"fallback\"\nfallback = [\"fr\"]\n", "fallback"},
		{"all_down = \"serve-all\"\n", "serve-all"},
		{"all_down = \"nodata\"\n", "nodata"},
		{"all_down = \"servfail\"\n", "servfail"},
	} {
		if got := parse(t, base+c.keys).Pools[0].AllDown; got != c.want {
			t.Errorf("%q: all_down is %q, want %q", c.keys, got, c.want)
		}
	}
}
