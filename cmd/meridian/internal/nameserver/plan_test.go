package nameserver

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/build"
	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/healthcheck"
)

const text = `geo.city = "../../../../testdata/geo/maxmind-city.mmdb"
[servers]
ny = { at = "New York", ip = ["198.51.100.10", "2001:db8:1::10"] }
fr = { at = [48.86, 2.35], ip = ["203.0.113.10", "2001:db8:2::10"] }
cdn = { cname = "cdn.example.net" }

[pools.web]
servers = ["ny", "fr"]
check = "http://example.com/healthz"
[pools.api]
servers = ["fr", "cdn"]
check = "http://example.com/healthz"
[pools.free]
servers = ["ny"]
`

func prepare(t *testing.T, text string, prev *Plan) *Plan {
	t.Helper()
	cfg, err := config.Parse("meridian.toml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	p, err := Prepare(t.Context(), build.Here{}, cfg, prev)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTargets holds that each address is probed once for each check, and that slots are places in the list.
func TestTargets(t *testing.T) {
	p := prepare(t, text, nil)
	var hosts []string
	for _, x := range p.Targets {
		hosts = append(hosts, strings.TrimPrefix(x.Addr.String(), "invalid IP")+x.Name)
	}
	want := []string{"198.51.100.10", "2001:db8:1::10", "203.0.113.10", "2001:db8:2::10", "cdn.example.net."}
	if !slices.Equal(hosts, want) {
		t.Errorf("targets %v, want %v", hosts, want)
	}
	web, api, free := p.Pools[0], p.Pools[1], p.Pools[2]
	if web.Servers[1].Addrs[1].Slot != 3 || api.Servers[0].Addrs[1].Slot != 3 {
		t.Error("two pools with one check do not share the target of their common server")
	}
	if api.Servers[1].Slot != 4 || free.Servers[0].Addrs[0].Slot != healthcheck.NoCheck {
		t.Errorf("slots %d and %d", api.Servers[1].Slot, free.Servers[0].Addrs[0].Slot)
	}
}

// TestPrepareTakesOver tells what is built anew by each change.
func TestPrepareTakesOver(t *testing.T) {
	first := prepare(t, text, nil)
	for _, c := range []struct {
		name, old, new string
		part, set      bool // taken over
	}{
		{"nothing", "", "", true, true},
		{"an address", "203.0.113.10", "203.0.113.11", true, false},
		{"a rule by country", "[pools.free]", "[pools.web.rules]\n\"country:DE\" = [\"ny\"]\n[pools.free]", true, false},
		{"a rule by network", "[pools.free]", "[pools.web.rules]\n\"net:192.0.2.0/24\" = [\"ny\"]\n[pools.free]", false, false},
	} {
		next := prepare(t, strings.Replace(text, c.old, c.new, 1), first)
		if next.Geo != first.Geo {
			t.Errorf("%s: the geo database was read again", c.name)
		}
		if part, set := next.Part == first.Part, next.Set == first.Set; part != c.part || set != c.set {
			t.Errorf("%s: partition kept %v, set kept %v; want %v, %v", c.name, part, set, c.part, c.set)
		}
	}
}

func TestPrepareErrors(t *testing.T) {
	first := prepare(t, text, nil)
	for _, c := range []struct{ name, old, new, want string }{
		{"city", "[48.86, 2.35]", `"Atlantis"`, "meridian.toml:4: servers.fr.at: "},
		{"two cities at once", "\"New York\", ip = [\"198.51.100.10\", \"2001:db8:1::10\"] }\nfr = { at = [48.86, 2.35]",
			"\"Lemuria\", ip = [\"198.51.100.10\", \"2001:db8:1::10\"] }\nfr = { at = \"Atlantis\"", "meridian.toml:4: servers.fr.at: "},
		{"country", "[pools.free]", "[pools.web.rules]\n\"country:ZZ\" = [\"ny\"]\n[pools.free]", "country:ZZ: no such country in ISO 3166-1"},
		{"country of a subdivision", "[pools.free]", "[pools.web.rules]\n\"subdivision:ZZ-A\" = [\"ny\"]\n[pools.free]", "no country ZZ"},
		{"no AS numbers", "[pools.free]", "[pools.web.rules]\n\"asn:64500\" = [\"ny\"]\n[pools.free]", "no geo database that tells AS numbers"},
		{"group", "[servers]", "[geo.groups]\nodd = [\"country:ZZ\"]\n[pools.web.rules]\n\"group:odd\" = [\"ny\"]\n[servers]",
			"meridian.toml:3: geo.groups.odd: country:ZZ: "},
	} {
		cfg, err := config.Parse("meridian.toml", []byte(strings.Replace(text, c.old, c.new, 1)))
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		_, err = Prepare(t.Context(), build.Here{}, cfg, first)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
			continue
		}
		for line := range strings.SplitSeq(err.Error(), "\n") {
			if !strings.HasPrefix(line, "meridian.toml:") {
				t.Errorf("%s: a line without its place: %s", c.name, line)
			}
		}
	}
}

func TestPrepareNamesTheGeoFile(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none.mmdb")
	cfg, err := config.Parse("meridian.toml", []byte(strings.Replace(text, "../../../../testdata/geo/maxmind-city.mmdb", missing, 1)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Prepare(t.Context(), build.Here{}, cfg, nil); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("%v, want an error that names %s", err, missing)
	}
}
