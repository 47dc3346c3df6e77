package config

import (
	"slices"
	"time"
)

// Pool is what a GEO record names: servers, a policy, a check.
type Pool struct {
	Name     string
	Pos      string // "file:line: key.path"
	Servers  []int  // indices into Config.Servers, in the order the pool names them; at least one, no two alike
	Weights  []int  // of Servers, 0 to 65535
	Watch    Watch  // of servers that have none of their own
	Rules    []Rule // in the order of the file
	Order    string // "nearest", "listed", "together"
	Pick     string // "all", "weighted", "sticky", "first"
	N        int    // servers or addresses in an answer: 1 to 8 for "weighted" and "sticky", else 1 to 32
	Families string // "common", "each"
	MinUp    int    // 1 to len(Servers)
	AllDown  string // "serve-all", "fallback", "nodata", "servfail"; the last two never with a fence
	Fallback []int  // indices into Config.Servers, none of them in Servers; empty unless AllDown is "fallback"
	TTLMin   uint32 // seconds; 0: half the record's TTL, at least 5 s
}

// pools reads [pools] in the order of the file.
func (r *references) pools(n *node) []Pool {
	var pools []Pool
	for _, kid := range r.section(n).node.order {
		pools = append(pools, r.pool(kid))
	}
	return pools
}

func (r *references) pool(n *node) Pool {
	r.label(n)
	t := r.section(n)
	p := Pool{Name: n.key, Pos: r.pos(n)}
	before := len(r.list)
	p.Servers = r.poolServers(t)
	p.Watch = r.watch(t)
	p.Order = t.choice("order", "nearest", "listed", "together")
	p.Pick = t.choice("pick", "all", "weighted", "sticky", "first")
	p.N = t.count(p.Pick)
	p.Families = t.choice("families", "common", "each")
	p.MinUp = t.minUp(len(p.Servers))
	p.TTLMin = t.seconds("ttl_min")
	in := newMembers(p.Servers)
	p.Weights = r.weights(t, p.Pick, in)
	p.Rules = r.rules(t.get("rules"), in)
	r.allDown(t, &p)
	if r.sound && len(r.list) == before && len(p.Servers) > 0 {
		r.located(n, &p)
		r.carried(t, &p)
		r.verified(t, &p)
	}
	t.close()
	return p
}

// poolServers reads the servers of a pool: all of them, unless it says which.
func (r *references) poolServers(t *table) []int {
	n := t.get("servers")
	if n != nil {
		if words := r.strings(n); words != nil {
			return r.choose(n, words, r.all)
		}
		return nil
	}
	if len(r.servers) == 0 && t.node.path != "" {
		r.at(t.node, "has no server: [servers] names none")
	}
	return slices.Clone(r.all.list)
}

// count reads n, whose default and limit depend on pick.
func (t *table) count(pick string) int {
	def, limit := 1, 32
	switch pick {
	case "all":
		def = 8
	case "weighted", "sticky":
		limit = 8
	}
	n := t.get("n")
	if n == nil {
		return def
	}
	if i, ok := n.value.(int64); ok && (i < 1 || i > int64(limit)) {
		t.at(n, "must be from 1 to %d with pick %q, not %d", limit, pick, i)
		return def
	}
	return t.integer("n", def, 1, limit)
}

func (t *table) minUp(servers int) int {
	n := t.get("min_up")
	if n == nil {
		return 1
	}
	if i, ok := n.value.(int64); ok && servers > 0 && i > int64(servers) {
		t.at(n, "is %d, but the pool has %d servers: no tier could ever serve", i, servers)
		return 1
	}
	return t.integer("min_up", 1, 1, max(servers, 1))
}

// seconds reads a duration of whole seconds, up to a day; 0 if absent.
func (t *table) seconds(key string) uint32 {
	d := t.duration(key, 0, time.Second, 24*time.Hour)
	if d%time.Second != 0 {
		t.at(t.node.kids[key], "must be whole seconds, not %s: TTLs are", brief(d))
	}
	return uint32(d / time.Second)
}

// weights returns the weights of the pool's servers: their own, unless the pool has others.
func (r *references) weights(t *table, pick string, in members) []int {
	weights := make([]int, len(in.list))
	for place, i := range in.list {
		weights[place] = r.servers[i].Weight
	}
	n := t.get("weights")
	if n == nil {
		return weights
	}
	if pick != "weighted" && pick != "sticky" {
		r.at(n, `counts only with pick "weighted" or "sticky", not with %q`, pick)
	}
	for _, kid := range r.section(n).node.order {
		if len(in.list) == 0 {
			break // already reported
		}
		i, err := r.findServer(kid.key, in)
		if err != nil {
			r.at(kid, "%v", err)
			continue
		}
		weights[in.place[i]], _ = r.whole(kid, 0, maxWeight)
	}
	return weights
}

// allDown reads what a pool does when none of a client's servers is healthy.
//
//	all_down   fallback   result
//	absent     absent     serve-all
//	absent     present    fallback
//	fallback   absent     refused
//	fallback   present    fallback
//	other      absent     as written; nodata and servfail refused with a fence
//	other      present    refused
func (r *references) allDown(t *table, p *Pool) {
	n := t.get("fallback")
	if n != nil {
		p.Fallback = r.fallback(n, p)
	}
	p.AllDown = t.choice("all_down", "serve-all", "fallback", "nodata", "servfail")
	written := t.node.kids["all_down"]
	switch {
	case written == nil && n != nil:
		p.AllDown = "fallback"
	case p.AllDown == "fallback" && n == nil:
		r.at(written, `needs fallback = ["..."], servers outside the pool`)
	case n != nil && p.AllDown != "fallback":
		r.at(n, "is not used with all_down = %q", p.AllDown)
	}
	fenced := slices.ContainsFunc(p.Rules, func(r Rule) bool { return r.Fence })
	if fenced && (p.AllDown == "nodata" || p.AllDown == "servfail") {
		r.at(written, "%q is refused in a pool with a fence: caches would spread one region's outage over the world", p.AllDown)
	}
}

// fallback reads servers outside the pool.
func (r *references) fallback(n *node, p *Pool) []int {
	words := r.strings(n)
	if words == nil {
		return nil
	}
	chosen := r.choose(n, words, r.all)
	for _, i := range chosen {
		if slices.Contains(p.Servers, i) {
			r.at(n, "server %q is in the pool; a fallback stands outside, so name the pool's servers", r.servers[i].Name)
		}
	}
	return chosen
}

// located refuses a pool that is to answer with the nearest of several servers without knowing where they are. A CNAME
// target may stand everywhere, so it need not say.
func (r *references) located(n *node, p *Pool) {
	if p.Order != "nearest" || len(p.Servers) < 2 {
		return
	}
	for _, i := range p.Servers {
		if s := &r.servers[i]; s.CNAME == "" && !s.located() {
			r.at(n, `server %q has no "at", which order "nearest" needs`, s.Name)
		}
	}
}

// carried judges the families of address. A type exists for all clients or for none (RFC 7871 section 7.4), so the
// servers must share one, and every fence must hold what the pool serves.
func (r *references) carried(t *table, p *Pool) {
	v4, v6 := r.serves(p.Servers, p.Families == "each")
	if !v4 && !v6 && !r.onlyCNAME(p.Servers) {
		r.at(t.node, `its servers share no address family, so nothing would be served; see families = "each"`)
	}
	rules := t.node.kids["rules"]
	for i, rule := range p.Rules {
		inside := r.inside(rule, p)
		if !rule.Fence || slices.ContainsFunc(inside, r.alias) {
			continue
		}
		f4, f6 := r.serves(inside, true)
		for _, f := range []struct {
			missing      bool
			name, record string
		}{{v4 && !f4, "IPv4", "A"}, {v6 && !f6, "IPv6", "AAAA"}} {
			if f.missing {
				r.at(rules.order[i], "no server inside the fence has an %s address, but the pool serves %s: "+
					"caches would spread the missing answer over the world", f.name, f.record)
			}
		}
	}
}

// inside returns the servers a rule names, as indices into Config.Servers.
func (r *references) inside(rule Rule, p *Pool) []int {
	var servers []int
	for _, tier := range rule.Tiers {
		for _, i := range tier {
			servers = append(servers, p.Servers[i])
		}
	}
	return servers
}

func (r *references) alias(i int) bool { return r.servers[i].CNAME != "" }

// serves reports which families all the address servers carry, or with each, some of them.
func (r *references) serves(servers []int, each bool) (v4, v6 bool) {
	v4, v6 = !each, !each
	addressed := false
	for _, i := range servers {
		if r.alias(i) {
			continue
		}
		addressed = true
		has4, has6 := r.servers[i].carries()
		if each {
			v4, v6 = v4 || has4, v6 || has6
		} else {
			v4, v6 = v4 && has4, v6 && has6
		}
	}
	return v4 && addressed, v6 && addressed
}

func (r *references) onlyCNAME(servers []int) bool {
	return !slices.ContainsFunc(servers, func(i int) bool { return !r.alias(i) })
}
