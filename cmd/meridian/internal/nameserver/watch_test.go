package nameserver

import (
	"slices"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/build"
	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/healthcheck"
)

const watched = `geo.city = "../../../../testdata/geo/maxmind-city.mmdb"
[servers]
ny = { at = "New York", ip = ["198.51.100.10", "2001:db8:1::10"] }
fr = { at = "Paris", ip = ["203.0.113.10", "2001:db8:2::10"], check = ["tcp://:443", "self"] }
[checks.self]
type = "push"
token = "0123456789abcdef"
[pools.web]
check = ["tcp://:443", "tcp://:80"]
checks_needed = 1
[pools.api]
check = "tcp://:443"
`

// TestSeveralChecks holds that the checks of an address come to one slot behind those of the targets, that pools share
// it, and that a server that reports itself is one target whatever its addresses.
func TestSeveralChecks(t *testing.T) {
	p := prepare(t, watched, nil)
	if len(p.Targets) != 7 { // two addresses by two checks of the pool, two by one of the server's, and the server
		t.Fatalf("%d targets: %v", len(p.Targets), p.Targets)
	}
	web, api := p.Pools[0], p.Pools[1]
	for i, a := range web.Servers[0].Addrs {
		g := p.Groups[int(a.Slot)-len(p.Targets)]
		if g.Need != 1 || len(g.Slots) != 2 || !slices.Contains(g.Slots, api.Servers[0].Addrs[i].Slot) {
			t.Errorf("%v: %+v", a.Addr, g)
		}
	}
	for i, a := range web.Servers[1].Addrs {
		if a.Slot != api.Servers[1].Addrs[i].Slot {
			t.Errorf("%v: two pools do not share a server's own checks", a.Addr)
		}
		g := p.Groups[int(a.Slot)-len(p.Targets)]
		if push := p.Targets[g.Slots[1]]; g.Need != 2 || push.Server != "fr" || push.Check.Type != "push" {
			t.Errorf("%v: %+v, %v", a.Addr, g, push)
		}
	}
	if len(p.Groups) != 4 {
		t.Errorf("%d groups", len(p.Groups))
	}
}

// TestGroupsAreStates holds that the table of states that answers come from has the groups behind the targets.
func TestGroupsAreStates(t *testing.T) {
	n := &Nameserver{plan: prepare(t, watched, nil), monitor: healthcheck.New(healthcheck.Options{})}
	n.ops.freeze = newFreezer(config.Freeze{})
	probed := n.monitor.Set(n.plan.Targets)
	for _, target := range n.plan.Targets {
		slot, _ := probed.Find(target)
		n.slots = append(n.slots, slot)
	}
	h := n.health()
	if len(h.Targets) != 7 || len(h.States) != 11 {
		t.Fatalf("%d targets, %d states", len(h.Targets), len(h.States))
	}
	for i, g := range n.plan.Groups {
		if got := h.State(healthcheck.Slot(7 + i)); got.Status != g.State(h).Status {
			t.Errorf("group %d: %+v", i, got)
		}
	}
}

func TestProgramMustBeThere(t *testing.T) {
	cfg, err := config.Parse("meridian.toml", []byte(`[servers]
ny = { at = "New York", ip = "198.51.100.10" }
[checks.own]
type = "exec"
command = "/nowhere/check"
[pools.web]
check = "own"
`))
	if err != nil {
		t.Fatal(err)
	}
	_, err = Prepare(t.Context(), build.Here{}, cfg, nil)
	if err == nil || !strings.Contains(err.Error(), `meridian.toml:6: pools.web: check "own": command: /nowhere/check: no such file`) {
		t.Errorf("%v", err)
	}
}
