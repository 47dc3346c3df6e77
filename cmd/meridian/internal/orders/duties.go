package orders

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/steer"
)

// World is the pools that orders are given for.
type World []steer.Pool

// servers calls f for every server of every pool, with its place in the pool's duties.
func (w World) servers(f func(pool, place int, s *steer.Server)) {
	for i := range w {
		p := &w[i]
		for j := range p.Servers {
			f(i, j, &p.Servers[j])
		}
		for j := range p.Fallback {
			f(i, len(p.Servers)+j, &p.Fallback[j])
		}
	}
}

// concerns says whether an order for a server and a pool, each a pattern, is for this one.
func concerns(server, pool string, p *steer.Pool, s *steer.Server) bool {
	if pool != "" && !match(pool, p.Name) {
		return false
	}
	if site, ok := strings.CutPrefix(server, "site:"); ok {
		return match(site, s.Site)
	}
	return match(server, s.Name)
}

// matches lists the servers that patterns are for, in order of the pools.
func (w World) matches(server, pool string) []string {
	found := []string{}
	w.servers(func(i, _ int, s *steer.Server) {
		if concerns(server, pool, &w[i], s) && !slices.Contains(found, s.Name) {
			found = append(found, s.Name)
		}
	})
	return found
}

// Names says whether one of some patterns is for a server.
func Names(patterns []string, s *steer.Server) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return concerns(p, "", nil, s) })
}

// Check refuses patterns that are for nothing, which would be somebody's mistake.
func (w World) Check(servers, pools []string) error {
	for _, pool := range orAll(pools) {
		if _, err := path.Match(pool, ""); err != nil {
			return admin.BadRequest("pool: %q is not a name or a glob", pool)
		}
		if pool != "" && !slices.ContainsFunc(w, func(p steer.Pool) bool { return match(pool, p.Name) }) {
			return admin.NotFound("no pool is named %q; there are %s", pool, w.pools())
		}
		for _, s := range servers {
			if _, err := path.Match(s, ""); err != nil || s == "" || len(s) > 100 {
				return admin.BadRequest("server: %q is not a name, a glob or a site", s)
			}
			if len(w.matches(s, pool)) == 0 {
				return admin.NotFound("%s fits no server%s; there are %s", s, in(pool), strings.Join(w.matches("*", pool), ", "))
			}
		}
	}
	return nil
}

func in(pool string) string {
	if pool == "" {
		return ""
	}
	return " of pool " + pool
}

func (w World) pools() string {
	var names []string
	for i := range w {
		names = append(names, w[i].Name)
	}
	return strings.Join(names, ", ")
}

// Duties are what the orders in force make of each server. Of two forced states the newer counts.
func (b *Book) Duties(world World) steer.Duties {
	b.mu.Lock()
	defer b.mu.Unlock()
	var active []*entry
	for _, e := range b.orders {
		if !b.over(e) && !b.planned(e) {
			active = append(active, e)
		}
	}
	if len(active) == 0 {
		return nil
	}
	duties := make(steer.Duties, len(world))
	world.servers(func(pool, place int, s *steer.Server) {
		for _, e := range active {
			if concerns(e.Server, e.Pool, &world[pool], s) {
				if duties[pool] == nil {
					duties[pool] = make([]steer.Duty, len(world[pool].Servers)+len(world[pool].Fallback))
				}
				e.apply(&duties[pool][place])
			}
		}
	})
	return duties
}

// apply adds an order to a server's duty.
func (e *entry) apply(d *steer.Duty) {
	switch e.Kind {
	case admin.Drain:
		d.Drained = true
	case admin.Up:
		d.Force = steer.ForceUp
	case admin.Down:
		d.Force = steer.ForceDown
	}
	d.Why = e.why()
}

// why is who, why and until when. The time is that of the clock when the order was given, so that it stands still.
func (e *entry) why() string {
	words := []string{e.Who}
	if e.Reason != "" {
		words = append(words, fmt.Sprintf("%q", e.Reason))
	}
	if !e.Until.IsZero() {
		words = append(words, "until "+e.Until.UTC().Round(time.Second).Format(time.RFC3339))
	}
	return strings.Join(words, ", ")
}
