package config_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/config"
)

// checkInvariants holds what the types promise of every configuration that loads.
func checkInvariants(t *testing.T, c *config.Config) {
	t.Helper()
	expect := func(ok bool, format string, args ...any) {
		t.Helper()
		if !ok {
			t.Errorf(format, args...)
		}
	}
	expect(len(c.Listen) > 0, "no address to listen on")
	expect(len(slices.Compact(slices.Clone(c.Listen))) == len(c.Listen), "listens twice on an address")
	for _, path := range slices.Concat([]string{c.Path, c.Zones, c.State}, c.Geo.City, c.Geo.ASN) {
		expect(filepath.IsAbs(path), "path %q is relative", path)
	}
	expect(c.Workers >= 0 && c.Limits.TCPIdle > 0 && c.Limits.TCPConnections > 0 && c.Limits.TCPPerClient > 0 &&
		c.Limits.ZoneRecords > 0 && c.Limits.ZoneGenerate > 0, "a limit is not positive: %+v", c.Limits)
	seen := map[string]bool{}
	for _, s := range c.Servers {
		expect((len(s.IP) > 0) != (s.CNAME != ""), "server %q has addresses and a CNAME, or neither", s.Name)
		expect(soundWatch(s.Watch), "server %q is watched by %+v", s.Name, s.Watch)
		expect(s.Site != "" && s.AtPos != "", "server %q has no site or position", s.Name)
		expect(s.Lat >= -90 && s.Lat <= 90 && s.Lon >= -180 && s.Lon <= 180, "server %q is at %v, %v", s.Name, s.Lat, s.Lon)
		for _, a := range s.IP {
			expect(!seen[a.String()] && a.IsValid() && !a.Is4In6() && a.Zone() == "" && !a.IsMulticast() && !a.IsUnspecified(),
				"server %q has address %s", s.Name, a)
			seen[a.String()] = true
		}
	}
	for name, check := range c.Checks {
		expect(soundCheck(check), "check %q: %+v", name, check)
	}
	for i := range c.Pools {
		checkPool(t, c, &c.Pools[i])
	}
}

func soundCheck(c config.Check) bool {
	timing := c.Interval >= 100e6 && c.Timeout > 0 && c.Fall >= 1 && c.Jitter >= 0 && c.Jitter <= 0.9 && c.Recheck <= c.Interval
	timing = timing && c.Rise >= 1 && (c.Failback == "delayed") == (c.FailbackAfter > 0)
	web := c.Type == "http" || c.Type == "https"
	port := c.Type != "icmp" && c.Type != "exec" && c.Type != "push"
	tls := c.Type == "https" || c.Type == "tls" || c.Type == "grpc" && c.TLS
	if c.Type == "push" {
		timing = c.Rise >= 1 && c.Silence >= time.Second && c.Interval == 0 && c.Timeout == 0 && c.Fall == 0
	}
	return timing && port == (c.Port > 0) && web == (c.Path != "") && web == (c.Status != "") && web == (c.BodyLimit > 0) &&
		(tls || c.SNI == "" && !c.Insecure && c.CertDays == 0) && (c.Type == "tcp" || c.Send == "" && c.Expect == "") &&
		(c.Type == "dns") == (c.Query != "") && (c.Type == "exec") == (c.Command != "") && (c.Type == "push") == (c.Token != "")
}

func soundWatch(w config.Watch) bool {
	return len(w.Refs) == len(w.Checks) && w.Need <= len(w.Checks) && (w.Need > 0) == (len(w.Checks) > 0) &&
		!slices.ContainsFunc(w.Checks, func(c config.Check) bool { return !soundCheck(c) })
}

func checkPool(t *testing.T, c *config.Config, p *config.Pool) {
	t.Helper()
	limit := map[string]int{"all": 32, "first": 32, "weighted": 8, "sticky": 8}[p.Pick]
	if p.N < 1 || p.N > limit || p.MinUp < 1 || p.MinUp > len(p.Servers) || len(p.Weights) != len(p.Servers) {
		t.Errorf("pool %q: pick %q n %d min_up %d, %d servers, %d weights", p.Name, p.Pick, p.N, p.MinUp, len(p.Servers), len(p.Weights))
	}
	if !indices(p.Servers, len(c.Servers)) || len(p.Servers) == 0 || !indices(p.Fallback, len(c.Servers)) {
		t.Errorf("pool %q: servers %v and fallback %v of %d", p.Name, p.Servers, p.Fallback, len(c.Servers))
	}
	if (p.AllDown == "fallback") != (len(p.Fallback) > 0) || len(p.Fallback) > 0 && slices.ContainsFunc(p.Servers, func(i int) bool { return slices.Contains(p.Fallback, i) }) {
		t.Errorf("pool %q: all_down %q, servers %v, fallback %v", p.Name, p.AllDown, p.Servers, p.Fallback)
	}
	if !soundWatch(p.Watch) {
		t.Errorf("pool %q: watched by %+v", p.Name, p.Watch)
	}
	reached := map[config.Token]bool{}
	for _, r := range p.Rules {
		if r.Fence && (p.AllDown == "nodata" || p.AllDown == "servfail") {
			t.Errorf("pool %q: all_down %q with a fence", p.Name, p.AllDown)
		}
		if len(r.Tokens) == 0 || len(r.Tiers) == 0 || slices.ContainsFunc(r.Tiers, func(t []int) bool { return len(t) == 0 }) || !indices(slices.Concat(r.Tiers...), len(p.Servers)) {
			t.Errorf("pool %q, rule %q: tokens %v, tiers %v", p.Name, r.Source, r.Tokens, r.Tiers)
		}
		for _, token := range r.Tokens {
			checkToken(t, token)
			token.Pos = ""
			if token.Group != "" {
				token.Group = "some"
			}
			if reached[token] {
				t.Errorf("pool %q: %s is reached twice", p.Name, token)
			}
			reached[token] = true
		}
	}
}

// indices reports whether list holds indices below n, none twice.
func indices(list []int, n int) bool {
	seen := map[int]bool{}
	for _, i := range list {
		if i < 0 || i >= n || seen[i] {
			return false
		}
		seen[i] = true
	}
	return true
}

func checkToken(t *testing.T, token config.Token) {
	t.Helper()
	ok := token.Pos != ""
	switch token.Kind {
	case "net":
		limit := map[bool]int{true: 24, false: 56}[token.Net.Addr().Is4()]
		ok = ok && token.Net.IsValid() && token.Net == token.Net.Masked() && token.Net.Bits() <= limit && !token.Net.Addr().Is4In6()
	case "asn":
		ok = ok && token.ASN > 0
	case "country", "continent":
		ok = ok && len(token.Code) == 2
	case "subdivision":
		ok = ok && len(token.Code) >= 4 && len(token.Code) <= 6
	default:
		ok = ok && token.Kind == "default" && token.Group == ""
	}
	if !ok {
		t.Errorf("token %+v", token)
	}
}
