package resolver

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/e2e/scenario"
	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

const scenarios = "../testdata/scenarios/"

var update = flag.Bool("update", false, "write testdata/scenarios/world.mmdb anew from world.txt")

// stage runs one scenario.
type stage struct {
	*site
	*scenario.Scenario
	set   *steer.Set
	state *steer.State
	zones *zones.Set
	asker *asker
}

// Every scenario, straight through the resolver.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob(scenarios + "*.scenario")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d scenarios: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".scenario"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s, err := scenario.Parse(string(text))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			setStage(t, s).play(file)
		})
	}
}

// setStage loads a scenario's configuration and zones.
func setStage(t *testing.T, s *scenario.Scenario) *stage {
	cfg, err := config.Parse(scenarios+"meridian.toml", []byte(s.Files["meridian.toml"]))
	if err != nil {
		t.Fatal(err)
	}
	g := &stage{Scenario: s, site: &site{t: t, cfg: cfg, health: &healthcheck.Snapshot{}, slots: map[string][]healthcheck.Slot{}}}
	var pools []steer.Pool
	for i := range cfg.Pools {
		pools = append(pools, g.pool(&cfg.Pools[i]))
	}
	g.compile(pools)
	g.zones = zones.NewSet(nil)
	for file := range s.Files {
		if name, ok := strings.CutPrefix(file, "zones/"); ok {
			g.install(file, name)
		}
	}
	g.asker = &asker{t: t, scratch: new(Scratch)}
	g.publish()
	return g
}

func (g *stage) compile(pools []steer.Pool) {
	city := g.cfg.Geo.City
	if len(city) == 0 {
		city = []string{scenarios + "world.mmdb"}
	}
	db, err := geo.Open(geo.Options{City: city})
	if err != nil {
		g.t.Fatal(err)
	}
	if g.set, err = compilePools(db, pools); err != nil {
		g.t.Fatal(err)
	}
	g.state = g.set.With(nil, g.health)
}

// install loads a file of the scenario as a zone; one that is refused leaves
// the last good version, or none.
func (g *stage) install(file, as string) {
	text, ok := g.Files[file]
	origin, err := zones.OriginOf(as)
	if !ok || err != nil {
		g.t.Fatalf("install %s: %v", file, err)
	}
	z, problems := zones.Parse(as, strings.NewReader(text), int64(len(text)), findGeo(g.state))
	if z == nil {
		g.t.Logf("%s is refused: %v", file, problems)
		if _, known := g.zones.Index(origin); known {
			return
		}
	}
	g.zones = g.zones.Replace([]zones.Entry{{Origin: origin, Zone: z}}, nil)
}

func (g *stage) publish() {
	id := g.cfg.Identity
	g.state = g.set.With(g.state, g.health)
	g.asker.view = NewView(g.asker.view, g.zones, g.state, &Options{
		NSID: []byte(id.NSID), Version: id.Version, Hostname: id.Hostname, ID: id.ID,
		CookieSecrets: g.cfg.CookieSecrets, Debug: g.cfg.Debug,
	})
}

func (g *stage) play(file string) {
	for _, s := range g.Steps {
		if s.Query == nil {
			g.event(s.Event)
			g.publish()
			continue
		}
		g.asker.client, g.asker.transport = s.Query.From, UDP
		if s.Query.From == "" {
			g.asker.client = "127.0.0.1"
		}
		if s.Query.TCP {
			g.asker.transport = TCP
		}
		m := g.asker.ask(s.Query.Msg)
		for _, wrong := range s.Query.Judge(m) {
			g.t.Errorf("%s:%d: %s %s: %s", file, s.Line, s.Query.Msg.Question[0].Name, dns.Type(s.Query.Msg.Question[0].Qtype), wrong)
		}
	}
}

func (g *stage) event(words []string) {
	switch words[0] {
	case "up":
		g.change(words[1], func(s *healthcheck.State) { s.Status, s.Streak, s.Needed = healthcheck.Up, 0, 0 })
	case "down":
		g.change(words[1], func(s *healthcheck.State) { s.Status, s.Streak, s.Needed = healthcheck.Down, 0, 0 })
	case "failing":
		n, err := strconv.Atoi(words[2])
		if err != nil {
			g.t.Fatal(err)
		}
		g.change(words[1], func(s *healthcheck.State) { s.Streak, s.Needed = 1, n })
	case "install":
		g.install(words[1], filepath.Base(words[2]))
	}
}

// The database of the scenarios is what world.txt says.
func TestScenarioWorld(t *testing.T) {
	text, err := os.ReadFile(scenarios + "world.txt")
	if err != nil {
		t.Fatal(err)
	}
	want, err := buildWorld(string(text), 6)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(scenarios+"world.mmdb", want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(scenarios + "world.mmdb")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("world.mmdb is not made from world.txt (%v): go test ./resolver -run ScenarioWorld -update", err)
	}
}
