package nameserver

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
)

// builder turns the pools of a configuration into those of steer. Errors are collected.
type builder struct {
	cfg     *config.Config
	has     geo.Attributes
	servers []steer.Server // without slots and weights, which each pool has of its own
	targets []healthcheck.Target
	slots   map[healthcheck.Target]healthcheck.Slot
	errs    []error
}

// buildPools fills in Pools and Targets.
func (p *Plan) buildPools() error {
	b := &builder{cfg: p.Config, has: p.attributes(), slots: map[healthcheck.Target]healthcheck.Slot{}}
	for i := range p.Config.Servers {
		b.servers = append(b.servers, b.server(&p.Config.Servers[i]))
	}
	for i := range p.Config.Pools {
		p.Pools = append(p.Pools, b.pool(&p.Config.Pools[i]))
	}
	p.Targets = b.targets
	b.groups()
	return errors.Join(b.errs...)
}

// fail notes what is wrong at a place in the file, once.
func (b *builder) fail(pos string, err error) {
	err = at(pos, err, "")
	if !slices.ContainsFunc(b.errs, func(e error) bool { return e.Error() == err.Error() }) {
		b.errs = append(b.errs, err)
	}
}

// groups judges the tokens of all groups, those that no rule uses too.
func (b *builder) groups() {
	groups := b.cfg.Geo.Groups
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		for _, t := range groups[name] {
			if _, err := b.token(t); err != nil {
				b.fail(t.Pos, err)
			}
		}
	}
}

// server places a server on the globe.
func (b *builder) server(c *config.Server) steer.Server {
	s := steer.Server{
		Name: c.Name, Site: c.Site, CNAME: c.CNAME, Slot: healthcheck.NoCheck,
		At: geo.Point{Lat: c.Lat, Lon: c.Lon}, Located: c.Located,
	}
	if c.City != "" {
		city, err := geo.FindCity(c.City)
		if err != nil {
			b.fail(c.AtPos, err)
		}
		s.At, s.Located = city.Point, true
	}
	for _, ip := range c.IP {
		s.Addrs = append(s.Addrs, steer.Address{Addr: ip, Slot: healthcheck.NoCheck})
	}
	return s
}

func (b *builder) pool(c *config.Pool) steer.Pool {
	p := steer.Pool{
		Name: c.Name, Each: c.Families == "each",
		Order: order(c.Order), Pick: pick(c.Pick), AllDown: allDown(c.AllDown),
		N: c.N, MinUp: c.MinUp, TTLMin: c.TTLMin,
	}
	check := b.check(c)
	for i, s := range c.Servers {
		p.Servers = append(p.Servers, b.member(c.Pos, s, c.Weights[i], check))
	}
	for _, s := range c.Fallback {
		p.Fallback = append(p.Fallback, b.member(c.Pos, s, b.cfg.Servers[s].Weight, check))
	}
	for i := range c.Rules {
		p.Rules = append(p.Rules, b.rule(&c.Rules[i]))
	}
	return p
}

// member is a server as a pool sees it: with a weight, and watched by the pool's check.
func (b *builder) member(pool string, server, weight int, check *healthcheck.Check) steer.Server {
	s := b.servers[server]
	s.Weight = weight
	s.Addrs = append([]steer.Address(nil), s.Addrs...)
	if check == nil {
		return s
	}
	if s.CNAME != "" {
		s.Slot = b.slot(pool, healthcheck.Target{Check: *check, Name: s.CNAME})
	}
	for i := range s.Addrs {
		s.Addrs[i].Slot = b.slot(pool, healthcheck.Target{Check: *check, Addr: s.Addrs[i].Addr})
	}
	return s
}

// slot numbers a target of a pool. Pools with the same check share those of their common servers.
func (b *builder) slot(pool string, t healthcheck.Target) healthcheck.Slot {
	if slot, known := b.slots[t]; known {
		return slot
	}
	if err := t.Validate(); err != nil {
		b.fail(pool, err)
	}
	slot := healthcheck.Slot(len(b.targets))
	b.slots[t] = slot
	b.targets = append(b.targets, t)
	return slot
}

// check translates the check of a pool; nil if it has none.
func (b *builder) check(p *config.Pool) *healthcheck.Check {
	c := p.Check
	if c == nil {
		return nil
	}
	h := &healthcheck.Check{
		Type: c.Type, Port: c.Port,
		Path: c.Path, Host: c.Host, SNI: c.SNI, Status: c.Status,
		Body: c.Body, BodyRegexp: c.BodyRegexp, BodyLimit: c.BodyLimit,
		Insecure: c.Insecure, Send: c.Send, Expect: c.Expect,
		Interval: c.Interval, Timeout: c.Timeout, Rise: c.Rise, Fall: c.Fall, Jitter: c.Jitter,
	}
	if h.Jitter == 0 {
		h.Jitter = healthcheck.NoJitter
	}
	if err := h.Validate(); err != nil {
		b.fail(p.Pos, fmt.Errorf("check %q: %w", p.CheckRef, err))
		return nil
	}
	return h
}

func (b *builder) rule(c *config.Rule) steer.Rule {
	r := steer.Rule{Tiers: c.Tiers, Fence: c.Fence, Source: c.Source}
	for _, t := range c.Tokens {
		token, err := b.token(t)
		if err != nil {
			b.fail(t.Pos, err)
		}
		r.Tokens = append(r.Tokens, token)
	}
	return r
}

// token translates a match token and checks that there is such a place, and data to know it by.
func (b *builder) token(c config.Token) (steer.Token, error) {
	t := steer.Token{Group: c.Group, Net: c.Net, ASN: c.ASN}
	var err error
	switch c.Kind {
	case "net":
		t.Kind = steer.Net
	case "asn":
		t.Kind = steer.ASN
		if !b.has.ASN {
			err = errors.New("no geo database that tells AS numbers; name one in [geo] asn")
		}
	case "subdivision":
		t.Kind = steer.Subdivision
		t.Subdivision, err = b.subdivision(c.Code)
	case "country":
		t.Kind = steer.Country
		if t.Code, err = geo.ParseCode(c.Code); err == nil && !geo.IsCountry(c.Code) {
			err = errors.New("no such country in ISO 3166-1")
		}
	case "continent":
		t.Kind = steer.Continent
		t.Code, err = geo.ParseCode(c.Code)
	case "default":
		t.Kind = steer.Default
	}
	if err != nil {
		return t, fmt.Errorf("%s: %w", c, err)
	}
	return t, nil
}

func (b *builder) subdivision(code string) (geo.Subdivision, error) {
	s, err := geo.ParseSubdivision(code)
	switch {
	case err != nil:
		return s, err
	case !geo.IsCountry(s.Country().String()):
		return s, fmt.Errorf("no country %s in ISO 3166-1", s.Country())
	case !b.has.Subdivision:
		return s, errors.New("no geo database that tells subdivisions; name one in [geo] city")
	}
	return s, nil
}

func order(name string) steer.Order {
	return map[string]steer.Order{"nearest": steer.Nearest, "listed": steer.Listed, "together": steer.Together}[name]
}

func pick(name string) steer.Pick {
	return map[string]steer.Pick{
		"all": steer.All, "weighted": steer.Weighted, "sticky": steer.Sticky, "first": steer.First,
	}[name]
}

func allDown(name string) steer.AllDown {
	return map[string]steer.AllDown{
		"serve-all": steer.ServeAll, "fallback": steer.UseFallback, "nodata": steer.DenyData, "servfail": steer.Fail,
	}[name]
}
