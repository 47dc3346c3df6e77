package nameserver

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/build"
	"github.com/meridian-dns/meridian/steer"
)

// planOf prepares a configuration with two servers and a pool.
func planOf(t *testing.T, rules string) *Plan {
	t.Helper()
	h := newHome(t)
	h.write("meridian.toml", `listen = ["`+h.listen+`"]
zones = "zones"
state = "state"
geo.city = "city.mmdb"
[servers]
ny = { at = "New York", ip = ["198.51.100.10"] }
fr = { at = "Paris", ip = ["203.0.113.10"] }
[pools.web]
`+rules)
	cfg, err := LoadConfig(h.dir + "/meridian.toml")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := Prepare(t.Context(), build.Here{}, cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// TestMapsAreKept draws maps in turn: one that is kept is not drawn again, though other states came in between, and only
// so many are kept.
func TestMapsAreKept(t *testing.T) {
	plan, maps := planOf(t, ""), new(cartographer)
	draw := func(duties steer.Duties, down ...string) string {
		t.Helper()
		m, err := maps.draw(t.Context(), plan, plan.Set.WithDuties(nil, nil, duties), admin.MapRequest{Pool: "web", Down: down}, true)
		if err != nil {
			t.Fatal(err)
		}
		return string(m.SVG)
	}
	first := draw(nil)
	drawn := maps.kept[0].drawn
	if other := draw(steer.Duties{{{Drained: true}}}); other == first || len(maps.kept) != 2 {
		t.Errorf("with a drain: the same map: %v; %d kept", other == first, len(maps.kept))
	}
	if draw(nil, "fr") == draw(nil, "ny") {
		t.Error("it makes no difference who is down")
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if draw(nil) != first {
				t.Error("the first state gives another map now")
			}
		})
	}
	all.Wait()
	if maps.kept[0].drawn != drawn || len(maps.kept) != 4 {
		t.Errorf("drawn anew: %v; %d kept", maps.kept[0].drawn != drawn, len(maps.kept))
	}
	for i := range 2 * maxMaps {
		maps.keep(&keptMap{key: strings.Repeat("x", i)})
	}
	if len(maps.kept) != maxMaps {
		t.Errorf("%d maps are kept", len(maps.kept))
	}
}

// TestMapWaitsInVain asks for a map while another one is being drawn.
func TestMapWaitsInVain(t *testing.T) {
	plan, maps := planOf(t, ""), new(cartographer)
	maps.once.Do(func() { maps.turn = make(chan struct{}, 1) })
	maps.turn <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := maps.draw(ctx, plan, plan.Set.With(nil, nil), admin.MapRequest{Pool: "web"}, true)
	if why := new(admin.Refusal); !errors.As(err, &why) || why.Status != http.StatusServiceUnavailable {
		t.Errorf("refused with %v", err)
	}
}

// TestMapKeptIsNotWaitedFor asks for a map that is kept while another one is being drawn, and for one in other words.
func TestMapKeptIsNotWaitedFor(t *testing.T) {
	plan, maps := planOf(t, ""), new(cartographer)
	state := plan.Set.With(nil, nil)
	ask := func(down ...string) error {
		_, err := maps.draw(t.Context(), plan, state, admin.MapRequest{Pool: "web", Down: down}, true)
		return err
	}
	if err := errors.Join(ask(), ask("fr", "ny")); err != nil {
		t.Fatal(err)
	}
	maps.turn <- struct{}{}
	if err := errors.Join(ask(), ask("ny", "fr"), ask("fr", "*", "fr")); err != nil {
		t.Error(err)
	}
	if err := ask(slices.Repeat([]string{"*"}, maxDown+1)...); err == nil || !strings.Contains(err.Error(), "101 servers, at most 100") {
		t.Errorf("it says %v", err)
	}
}

// TestMapKnowsSubdivisions draws a rule by subdivision, as the geo database tells them.
func TestMapKnowsSubdivisions(t *testing.T) {
	if planOf(t, "").regions(&planOf(t, "").Pools[0]) != nil {
		t.Error("subdivisions are looked up that no rule names")
	}
	plan := planOf(t, "rules = { \"subdivision:GB-ENG\" = [\"ny\"] }")
	m, err := DrawMap(t.Context(), plan, admin.MapRequest{Pool: "web"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range m.Coverage.Countries {
		if c.Code == "GB" && (len(c.Servers) == 0 || c.Servers[0].Server != "ny") {
			t.Errorf("the United Kingdom is served by %+v", c.Servers)
		}
		if c.Code == "IE" && c.Servers[0].Server != "fr" {
			t.Errorf("Ireland is served by %+v", c.Servers)
		}
	}
}
