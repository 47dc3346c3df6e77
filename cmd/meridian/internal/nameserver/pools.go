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
	groups  []healthcheck.Group
	pings   map[bool]error // by whether the family is IPv6: why this process may not ping
	errs    []error
}

// buildPools fills in Pools and Targets.
func (p *Plan) buildPools() error {
	b := &builder{cfg: p.Config, has: p.attributes(), slots: map[healthcheck.Target]healthcheck.Slot{}, pings: map[bool]error{}}
	for i := range p.Config.Servers {
		b.servers = append(b.servers, b.server(&p.Config.Servers[i]))
	}
	for i := range p.Config.Pools {
		p.Pools = append(p.Pools, b.pool(&p.Config.Pools[i]))
	}
	p.Targets, p.Groups = b.targets, b.groups
	for i := range p.Pools {
		b.number(p.Pools[i].Servers)
		b.number(p.Pools[i].Fallback)
	}
	b.geoGroups()
	return errors.Join(b.errs...)
}

// fail notes what is wrong at a place in the file, once.
func (b *builder) fail(pos string, err error) {
	err = at(pos, err, "")
	if !slices.ContainsFunc(b.errs, func(e error) bool { return e.Error() == err.Error() }) {
		b.errs = append(b.errs, err)
	}
}

// geoGroups judges the tokens of all groups, those that no rule uses too.
func (b *builder) geoGroups() {
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
	for i, s := range c.Servers {
		p.Servers = append(p.Servers, b.member(c, s, c.Weights[i]))
	}
	for _, s := range c.Fallback {
		p.Fallback = append(p.Fallback, b.member(c, s, b.cfg.Servers[s].Weight))
	}
	for i := range c.Rules {
		p.Rules = append(p.Rules, b.rule(&c.Rules[i]))
	}
	return p
}

// member is a server as a pool sees it: with a weight, and watched by its own checks or those of the pool.
func (b *builder) member(pool *config.Pool, server, weight int) steer.Server {
	s := b.servers[server]
	s.Weight = weight
	s.Addrs = append([]steer.Address(nil), s.Addrs...)
	watch := b.cfg.Watched(pool, server)
	if s.CNAME != "" {
		s.Slot = b.watched(pool.Pos, watch, healthcheck.Target{Name: s.CNAME, Server: s.Name})
	}
	for i := range s.Addrs {
		s.Addrs[i].Slot = b.watched(pool.Pos, watch, healthcheck.Target{Addr: s.Addrs[i].Addr, Server: s.Name})
	}
	return s
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
