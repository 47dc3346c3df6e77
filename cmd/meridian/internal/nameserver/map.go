package nameserver

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/coverage"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/orders"
	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/steer"
)

const (
	maxMaps = 16  // how many maps are kept
	maxDown = 100 // how many names and patterns one request may hold
)

// cartographer draws maps, one at a time and at most half of the time, and keeps those drawn last. Safe for concurrent use.
type cartographer struct {
	once   sync.Once
	turn   chan struct{} // has room for the one who draws
	rested time.Time     // when the next may; whoever has the turn may look

	mu   sync.Mutex // guards what follows
	kept []*keptMap // the newest first
}

// keptMap is a map and how it was drawn. Immutable. It must not hold a set, and with it tables that have been replaced.
type keptMap struct {
	pool     *steer.Pool // of which set, too: each has its own
	key      string
	coverage admin.Coverage
	drawn    *coverage.Map
	pictures map[coverage.Options][]byte
}

// MapCSS is the rules for the classes of a map's picture.
func (n *Nameserver) MapCSS() string { return coverage.CSS() }

// Map tells whom a pool serves from where, as servers stand now.
func (n *Nameserver) Map(ctx context.Context, r admin.MapRequest) (admin.Map, error) {
	n.mu.Lock()
	plan, state := n.plan, n.answers
	n.mu.Unlock()
	return n.maps.draw(ctx, plan, state, r, true)
}

// draw draws a map, or finds it among those kept. A map depends on nothing but the pools and how fit each server is, so
// whoever asks again and again costs nothing, and waits for nobody.
func (m *cartographer) draw(ctx context.Context, plan *Plan, state *steer.State, r admin.MapRequest, live bool) (admin.Map, error) {
	defer runtime.KeepAlive(plan)
	survey, err := plan.survey(state, &r)
	if err != nil {
		return admin.Map{}, err
	}
	key, o := mapKey(survey, r), coverage.Options{Bare: r.Bare, Legend: r.Legend}
	k := m.find(survey.Pool(), key)
	if k.pictures[o] == nil {
		source := coverage.Source{Survey: survey, Region: plan.regions(survey.Pool()), Down: r.Down, Live: live}
		if k, err = m.add(ctx, key, source, o); err != nil {
			return admin.Map{}, err
		}
	}
	return admin.Map{Coverage: k.coverage, SVG: k.pictures[o]}, nil
}

// add draws what is not kept. Before it does it lets as long go by as the last time took, so that it leaves processors
// to queries however many maps are asked for.
func (m *cartographer) add(ctx context.Context, key string, s coverage.Source, o coverage.Options) (*keptMap, error) {
	m.once.Do(func() { m.turn = make(chan struct{}, 1) })
	busy := &admin.Refusal{Status: http.StatusServiceUnavailable, Errors: []string{"other maps are being drawn; try again"}}
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	case <-ctx.Done():
		return nil, busy
	}
	k := *m.find(s.Survey.Pool(), key)
	if k.pictures[o] != nil { // by whoever had the turn before
		return &k, nil
	}
	select {
	case <-time.After(time.Until(m.rested)):
	case <-ctx.Done():
		return nil, busy
	}
	begun := time.Now()
	if k.drawn == nil {
		var err error
		if k.drawn, err = coverage.Take(s); err != nil {
			return nil, err
		}
		k.coverage = k.drawn.Coverage()
	}
	k.pictures = maps.Clone(k.pictures)
	k.pictures[o] = k.drawn.SVG(o)
	m.rested = time.Now().Add(time.Since(begun))
	m.keep(&k)
	return &k, nil
}

// mapKey spells out what a map of a pool depends on.
func mapKey(v *steer.Survey, r admin.MapRequest) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%q", r.Down)
	for _, s := range v.Standpoints() {
		b.WriteString(" " + s.Level)
	}
	return b.String()
}

// find returns a map that is kept, and puts it first, or a new one that has yet to be drawn.
func (m *cartographer) find(pool *steer.Pool, key string) *keptMap {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := &keptMap{pool: pool, key: key, pictures: map[coverage.Options][]byte{}}
	at := slices.IndexFunc(m.kept, k.same)
	if at < 0 {
		return k
	}
	k = m.kept[at]
	m.kept = slices.Insert(slices.Delete(m.kept, at, at+1), 0, k)
	return k
}

// same says whether two are drawn alike, but for the pictures.
func (k *keptMap) same(o *keptMap) bool { return o.pool == k.pool && o.key == k.key }

// keep puts a map first, and drops the last ones.
func (m *cartographer) keep(k *keptMap) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = slices.DeleteFunc(m.kept, k.same)
	m.kept = slices.Insert(m.kept, 0, k)
	m.kept = m.kept[:min(len(m.kept), maxMaps)]
}

// survey looks at a pool with some of its servers down, and puts their names in the place of the patterns asked for.
// Errors name what there is.
func (p *Plan) survey(state *steer.State, r *admin.MapRequest) (*steer.Survey, error) {
	i := slices.IndexFunc(p.Pools, func(q steer.Pool) bool { return q.Name == r.Pool })
	if i < 0 {
		var names []string
		for _, q := range p.Pools {
			names = append(names, q.Name)
		}
		return nil, admin.NotFound("no pool is named %q; there are: %s", r.Pool, listNames(names))
	}
	if len(r.Down) > maxDown {
		return nil, admin.BadRequest("down: %d servers, at most %d are taken; a glob is one", len(r.Down), maxDown)
	}
	ref, pool := steer.Ref{Pool: int32(i), Server: -1}, &p.Pools[i]
	down, err := namedIn(slices.Concat(pool.Servers, pool.Fallback), pool.Name, r.Down)
	if r.Down = down; err != nil {
		return nil, err
	}
	return state.Survey(ref, down), nil
}

// namedIn lists the servers that patterns are for, as those of a drain: names, globs and sites.
func namedIn(servers []steer.Server, pool string, patterns []string) (found []string, err error) {
	for _, pattern := range patterns {
		var names []string
		before := len(found)
		for i := range servers {
			names = append(names, servers[i].Name)
			if orders.Names([]string{pattern}, &servers[i]) {
				found = append(found, servers[i].Name)
			}
		}
		if len(found) == before {
			return nil, admin.BadRequest("pool %s has no server %q; it has: %s", pool, pattern, listNames(names))
		}
	}
	slices.Sort(found)
	return slices.Compact(found), nil
}

// listNames lists names in a sentence.
func listNames(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// regions tells the subdivision of a place, if the rules of a pool ask for it: that of the nearest place in the same
// country that the geo database knows.
func (p *Plan) regions(pool *steer.Pool) func(geo.Code, geo.Point) geo.Subdivision {
	asked := slices.ContainsFunc(pool.Rules, func(r steer.Rule) bool {
		return slices.ContainsFunc(r.Tokens, func(t steer.Token) bool { return t.Kind == steer.Subdivision })
	})
	if !asked {
		return nil
	}
	return coverage.Regions(p.Part.Places)
}

// DrawMap draws the map of a pool of a configuration that need not be running. Every server counts as up but those that
// the request names.
func DrawMap(ctx context.Context, plan *Plan, r admin.MapRequest) (admin.Map, error) {
	return new(cartographer).draw(ctx, plan, plan.Set.With(nil, nil), r, false)
}
