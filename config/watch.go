package config

import "slices"

// Watch says by which checks a server is judged.
type Watch struct {
	Checks []Check  // none: always up
	Refs   []string // as written, names or URLs, one for each of Checks
	Need   int      // how many of Checks must pass: 1 to len(Checks), 0 if there are none
}

// watch reads the checks of a pool or of a server.
func (r *references) watch(t *table) Watch {
	var w Watch
	n, needed := t.get("check"), t.get("checks_needed")
	if n == nil {
		if needed != nil {
			r.at(needed, "counts checks, and there is none; see the key check")
		}
		return w
	}
	words := r.strings(n)
	if words != nil && len(words) == 0 {
		r.at(n, "names no check; leave the key out instead")
	}
	for _, ref := range words {
		if slices.Contains(w.Refs, ref) {
			r.at(n, "check %q is named twice", ref)
			continue
		}
		w.Refs = append(w.Refs, ref)
		w.Checks = append(w.Checks, *r.check(n, ref))
	}
	w.Need = t.integer("checks_needed", len(w.Checks), 1, max(1, len(w.Checks)))
	return w
}

// watches reads the checks that servers have of their own. The servers are read before the checks are.
func (r *references) watches(n *node) {
	for i := range r.servers {
		kid := n.order[i]
		if _, ok := kid.value.(map[string]any); ok {
			s := &r.servers[i]
			s.Watch = r.watch(&table{report: r.report, node: kid})
			if s.CNAME == "" {
				r.named(kid.kids["check"], s.Watch)
			}
		}
	}
}

// Watched returns the checks by which a server is judged in a pool: its own, or else the pool's.
func (c *Config) Watched(p *Pool, server int) Watch {
	if own := c.Servers[server].Watch; len(own.Checks) > 0 {
		return own
	}
	return p.Watch
}

// verified refuses a check of certificates that has no name to verify: only a CNAME target brings its own.
func (r *references) verified(t *table, p *Pool) {
	members := slices.Concat(p.Servers, p.Fallback)
	pooled := func(i int) bool { return !r.alias(i) && len(r.servers[i].Watch.Checks) == 0 }
	if slices.ContainsFunc(members, pooled) {
		r.named(t.node.kids["check"], p.Watch)
	}
}

// named reports checks that have no name to verify a certificate against.
func (r *report) named(n *node, w Watch) {
	for i, c := range w.Checks {
		if c.secured() && !c.Insecure && c.SNI == "" {
			r.at(n, "%q has no host, but %s by address needs one: the certificate is verified against it", w.Refs[i], c.Type)
		}
	}
}
