package admin

import "testing"

// TestJudge holds what is said first, and that what somebody wanted is no trouble.
func TestJudge(t *testing.T) {
	up := func(name, site string) Server { return Server{Name: name, Site: site, State: "up"} }
	with := func(s Server, state, order string) Server { s.State, s.Order = state, order; return s }
	fr, de, ny := up("fr", "eu"), up("de", "eu"), up("ny", "ny")
	serving := []Zone{{Name: "example.com.", State: "serving"}}
	for _, c := range []struct {
		name        string
		s           Status
		level, want string
	}{
		{"nothing", Status{}, Well, "All is well"},
		{"no zones", Status{Zones: []Zone{}, Servers: []Server{fr}}, Warn, "No zones: every query is refused"},
		{"all up", Status{Servers: []Server{fr, de, ny}}, Well, "All is well: all 3 servers are up"},
		{"some without a check", Status{Servers: []Server{fr, with(ny, "unchecked", "")}}, Well, "All is well: 1 server up"},
		{"one down", Status{Servers: []Server{with(fr, "down", ""), de, ny}}, Bad, "1 server down: fr"},
		{"a lone server down is no site", Status{Servers: []Server{fr, de, with(ny, "down", "")}}, Bad, "1 server down: ny"},
		{"a site", Status{Servers: []Server{with(fr, "down", ""), ny, with(de, "down", "")}}, Bad, "Site eu down: all 2 servers"},
		{"a site that is drained in part", Status{Servers: []Server{with(fr, "down", ""), with(de, "down", "drained")}}, Bad,
			"1 server down: fr · 1 drained: de"},
		{"a pool first", Status{Pools: []Pool{{Name: "web", State: "down"}, {Name: "api", State: "reduced"}}, Servers: []Server{with(ny, "down", "")}}, Bad,
			"No server up in pool web · 1 server down: ny"},
		{"partly", Status{Servers: []Server{with(fr, "part", "")}}, Warn, "1 server partly up: fr"},
		{"drained", Status{Servers: []Server{with(fr, "up", "drained"), with(ny, "up", "forced down")}}, Note, "1 drained: fr · 1 forced down: ny"},
		{"drained and down", Status{Servers: []Server{with(fr, "down", "drained")}}, Note, "1 drained: fr"},
		{"planned", Status{Orders: []Order{{Planned: true}, {}}}, Note, "1 planned"},
		{"zones", Status{Zones: []Zone{{Name: "a.example.", State: "failed"}, {Name: "b.example.", State: "serving", Problem: "b:1: x"}},
			Alarms: []Alarm{{Key: "zones", Text: "b:1: x"}}}, Bad, "Zone a.example did not load · zone b.example did not load: the version before is served"},
		{"a file that is no zone's", Status{Zones: []Zone{{Name: "a.example.", State: "serving"}}, Alarms: []Alarm{{Key: "zones", Text: "a b.zone: x"}}}, Warn, "A b.zone: x"},
		{"a file that is no zone's, by its path", Status{Alarms: []Alarm{{Key: "zones", Text: "zones/b.zone: x"}}}, Warn, "zones/b.zone: x"},
		{"the root", Status{Zones: []Zone{{Name: ".", State: "failed"}}}, Bad, "Zone . did not load"},
		{"an alarm", Status{Alarms: []Alarm{{Key: "reload", Text: "the last reload was refused: x\ny"}}}, Warn, "The last reload was refused: x"},
	} {
		if c.s.Zones == nil {
			c.s.Zones = serving
		}
		v := Judge(&c.s)
		if v.Level != c.level || v.Text != c.want {
			t.Errorf("%s: %s %q, want %s %q", c.name, v.Level, v.Text, c.level, c.want)
		}
	}
	many := Status{Zones: serving}
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
		many.Servers = append(many.Servers, with(up(name, name), "down", ""))
	}
	if got, want := Judge(&many).Text, "7 servers down: a, b, c, d and 3 more"; got != want {
		t.Errorf("many: %q, want %q", got, want)
	}
}
