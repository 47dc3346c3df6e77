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
	scenario *scenario
	set      *steer.Set
	state    *steer.State
	zones    *zones.Set
	asker    *asker
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
			s, err := parseScenario(string(text))
			if err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			setStage(t, s).play(file)
		})
	}
}

// setStage loads a scenario's configuration and zones.
func setStage(t *testing.T, s *scenario) *stage {
	cfg, err := config.Parse(scenarios+"meridian.toml", []byte(s.files["meridian.toml"]))
	if err != nil {
		t.Fatal(err)
	}
	g := &stage{scenario: s, site: &site{t: t, cfg: cfg, health: &healthcheck.Snapshot{}, slots: map[string][]healthcheck.Slot{}}}
	var pools []steer.Pool
	for i := range cfg.Pools {
		pools = append(pools, g.pool(&cfg.Pools[i]))
	}
	g.compile(pools)
	g.zones = zones.NewSet(nil)
	for file := range s.files {
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
	text, ok := g.scenario.files[file]
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
	for _, s := range g.scenario.steps {
		if s.query == nil {
			g.event(s.event)
			g.publish()
			continue
		}
		g.asker.client, g.asker.transport = s.query.from, UDP
		if s.query.from == "" {
			g.asker.client = "127.0.0.1"
		}
		if s.query.tcp {
			g.asker.transport = TCP
		}
		m := g.asker.ask(s.query.msg)
		for _, wrong := range s.query.judge(m) {
			g.t.Errorf("%s:%d: %s %s: %s", file, s.line, s.query.msg.Question[0].Name, dns.Type(s.query.msg.Question[0].Qtype), wrong)
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

// Expectations that do not hold are noticed, and so is a step that is no step.
func TestScenarioJudge(t *testing.T) {
	m := question("www.example.com.", dns.TypeA)
	m.Response, m.Authoritative = true, true
	for _, text := range []string{"www.example.com. 60 IN CNAME a.", "a. 30 IN A 192.0.2.1", "a. 30 IN A 192.0.2.2"} {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	const query = "www.example.com A -> "
	for expectation, ok := range map[string]bool{
		"NOERROR aa -tc -opt a. 192.0.2.2 192.0.2.1 ttl<=60 ttl>=30 scope=none soa=none": true,
		"NXDOMAIN a. 192.0.2.1 192.0.2.2":                                                false, "NOERROR a. 192.0.2.1": false, "NOERROR 192.0.2.1 192.0.2.2 a.": true,
		"NOERROR a. 192.0.2.1 192.0.2.2 -aa": false, "NOERROR a. 192.0.2.1 192.0.2.2 tc": false,
		"NOERROR a. 192.0.2.1 192.0.2.2 ttl=60": false, "NOERROR a. 192.0.2.1 192.0.2.2 scope>0": false,
		"NOERROR a. 192.0.2.1 192.0.2.2 soa=60": false, "NOERROR a. 192.0.2.1 192.0.2.2 additional=192.0.2.3": false,
		"NOERROR a. 192.0.2.1 192.0.2.2 ede=24": false, "NOERROR one-of=192.0.2.1,192.0.2.2": false, "NOERROR": false,
	} {
		words, _ := splitWords(query + expectation)
		a, err := parseAsked(words)
		if err != nil {
			t.Fatal(err)
		}
		if wrong := a.judge(m); ok != (len(wrong) == 0) {
			t.Errorf("%s: %q", expectation, wrong)
		}
	}
	for _, bad := range []string{"down", "sideways fr", "www A ->", "www -> NOERROR", `www A "x -> NOERROR`, "www A sideways -> NOERROR", "www B -> NOERROR"} {
		if _, err := parseScenario("title: t\nrfc: r\n-- steps --\n" + bad + "\n"); err == nil {
			t.Errorf("%q is taken for a step", bad)
		}
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
