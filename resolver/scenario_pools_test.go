package resolver

import (
	"slices"
	"testing"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
)

// site is what a scenario's configuration makes of pools: every server of every
// pool has a check of its own, if the pool has one.
type site struct {
	t      *testing.T
	cfg    *config.Config
	health *healthcheck.Snapshot
	slots  map[string][]healthcheck.Slot // by the name of the server
}

func (s *site) pool(c *config.Pool) steer.Pool {
	p := steer.Pool{
		Name: c.Name, Each: c.Families == "each", N: c.N, MinUp: c.MinUp, TTLMin: c.TTLMin,
		Order:   steer.Order(slices.Index([]string{"nearest", "listed", "together"}, c.Order)),
		Pick:    steer.Pick(slices.Index([]string{"all", "weighted", "sticky", "first"}, c.Pick)),
		AllDown: steer.AllDown(slices.Index([]string{"serve-all", "fallback", "nodata", "servfail"}, c.AllDown)),
	}
	for i, server := range c.Servers {
		p.Servers = append(p.Servers, s.server(server, c.Weights[i], c.Watch))
	}
	for _, server := range c.Fallback {
		p.Fallback = append(p.Fallback, s.server(server, 1, c.Watch))
	}
	for _, r := range c.Rules {
		p.Rules = append(p.Rules, s.rule(&r))
	}
	return p
}

func (s *site) server(index, weight int, watch config.Watch) steer.Server {
	c := &s.cfg.Servers[index]
	server := steer.Server{
		Name: c.Name, Site: c.Site, CNAME: c.CNAME, Weight: weight, Slot: healthcheck.NoCheck,
		At: geo.Point{Lat: c.Lat, Lon: c.Lon}, Located: c.Located,
	}
	if c.City != "" {
		s.t.Fatalf("server %s: scenarios give coordinates, not cities", c.Name)
	}
	for _, ip := range c.IP {
		server.Addrs = append(server.Addrs, steer.Address{Addr: ip, Slot: s.slot(c.Name, watch)})
	}
	if c.CNAME != "" {
		server.Slot = s.slot(c.Name, watch)
	}
	return server
}

// slot makes a check, up at first.
func (s *site) slot(server string, watch config.Watch) healthcheck.Slot {
	if len(watch.Checks) == 0 {
		return healthcheck.NoCheck
	}
	slot := healthcheck.Slot(len(s.health.States))
	s.health.Targets = append(s.health.Targets, healthcheck.Target{Name: server})
	s.health.States = append(s.health.States, healthcheck.State{Status: healthcheck.Up, Interval: watch.Checks[0].Interval})
	s.slots[server] = append(s.slots[server], slot)
	return slot
}

func (s *site) rule(c *config.Rule) steer.Rule {
	r := steer.Rule{Tiers: c.Tiers, Fence: c.Fence, Source: c.Source}
	kinds := []string{"default", "continent", "country", "subdivision", "asn", "net"}
	for _, t := range c.Tokens {
		token := steer.Token{Kind: steer.TokenKind(slices.Index(kinds, t.Kind)), Net: t.Net, ASN: t.ASN, Group: t.Group}
		var err error
		switch t.Kind {
		case "continent", "country":
			token.Code, err = geo.ParseCode(t.Code)
		case "subdivision":
			token.Subdivision, err = geo.ParseSubdivision(t.Code)
		}
		if err != nil {
			s.t.Fatal(err)
		}
		r.Tokens = append(r.Tokens, token)
	}
	return r
}

// change gives a new snapshot in which the checks of a server have another
// state.
func (s *site) change(server string, change func(*healthcheck.State)) {
	slots := s.slots[server]
	if len(slots) == 0 {
		s.t.Fatalf("no check of server %q", server)
	}
	next := &healthcheck.Snapshot{Generation: s.health.Generation + 1, Targets: s.health.Targets, States: slices.Clone(s.health.States)}
	for _, slot := range slots {
		change(&next.States[slot])
	}
	s.health = next
}
