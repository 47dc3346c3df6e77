package nameserver

import (
	"context"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestNoPoolsNoGeoData holds that places are not read before a pool asks for them, and then are.
func TestNoPoolsNoGeoData(t *testing.T) {
	const servers = "[servers]\nny = { at = \"New York\", ip = [\"198.51.100.10\"] }\n"
	none := prepare(t, servers, nil)
	if none.Geo != nil || none.Part != nil {
		t.Error("the embedded world was read for nothing")
	}
	if got := describeGeo(none); got != "geo: no pool needs it" {
		t.Errorf("told as %q", got)
	}
	pooled := prepare(t, servers+"[pools.web]\n", none)
	if pooled.Geo == nil || pooled.Part == nil {
		t.Fatal("no geo data for a pool")
	}
	if again := prepare(t, servers, pooled); again.Geo != nil || again.Part != nil || again.Set.Pools() != 0 {
		t.Error("geo data is kept that no pool needs")
	}
	named := prepare(t, "geo.city = \"../../../../testdata/geo/maxmind-city.mmdb\"\n"+servers, nil)
	if named.Geo == nil || named.Part != nil {
		t.Error("a file that is named is to be verified, and to be cut for pools only")
	}
}

// TestFirstPoolComesByReload adds the first pool, and a zone that names it, to a nameserver that began without.
func TestFirstPoolComesByReload(t *testing.T) {
	h := newHome(t)
	pooled := h.configOf("127.0.9.1")
	bare, _, _ := strings.Cut(pooled, "[servers]")
	bare = strings.Replace(bare, "geo.city = \"city.mmdb\"\n", "", 1)
	h.write("meridian.toml", bare)
	h.write("zones/example.com.zone", strings.Replace(zoneOf(1), "www IN GEO web\n", "", 1))
	n := h.run()
	var a asker
	if got := a.ask(n.View(), "text.example.com.", dns.TypeTXT); got != `"1"` {
		t.Errorf("static answer %s", got)
	}
	if got := n.Summary(); !strings.Contains(got, "no pool needs it") || len(n.Status().Geo) != 0 {
		t.Errorf("summary %q, geo %v", got, n.Status().Geo)
	}
	h.write("meridian.toml", pooled)
	h.write("zones/example.com.zone", zoneOf(2))
	if err := n.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := a.ask(n.View(), "www.example.com.", dns.TypeA); got != "127.0.9.1" {
		t.Errorf("answer %s; problems: %v", got, n.Status().Problems)
	}
	h.write("meridian.toml", bare)
	h.write("zones/example.com.zone", strings.Replace(zoneOf(3), "www IN GEO web\n", "", 1))
	if err := n.Reload(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got := a.ask(n.View(), "www.example.com.", dns.TypeA); got != "NXDOMAIN" {
		t.Errorf("answer %s after the pool has gone", got)
	}
}
