package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// references knows what a pool may refer to.
type references struct {
	*report
	servers []Server
	index   map[string]int // of servers, by name
	all     members
	checks  map[string]Check
	groups  map[string][]Token
	sound   bool // the servers are free of problems, so what they carry can be judged
}

// members is a set of servers in an order.
type members struct {
	list  []int       // indices of servers
	place map[int]int // index of a server -> index in list
}

func newMembers(list []int) members {
	m := members{list, make(map[int]int, len(list))}
	for place, i := range list {
		m.place[i] = place
	}
	return m
}

func (m members) hold(i int) bool {
	_, ok := m.place[i]
	return ok
}

// newReferences prepares to read the pools of c.
func newReferences(r *report, c *Config, sound bool) *references {
	all := make([]int, len(c.Servers))
	index := make(map[string]int, len(c.Servers))
	for i, s := range c.Servers {
		all[i] = i
		index[s.Name] = i
	}
	return &references{report: r, servers: c.Servers, index: index, all: newMembers(all), checks: c.Checks, groups: c.Geo.Groups, sound: sound}
}

// choose reads the words of n, names of servers and "site:" labels, as indices of servers among those allowed, in the
// order written. Problems are reported.
func (r *references) choose(n *node, words []string, among members) []int {
	var chosen []int
	seen := make(map[int]bool)
	if len(words) == 0 {
		r.at(n, "names no server")
	}
	for _, w := range words {
		found, err := r.find(w, among)
		if err != nil {
			r.at(n, "%v", err)
			continue
		}
		for _, i := range found {
			if seen[i] {
				r.at(n, "server %q is named twice", r.servers[i].Name)
				continue
			}
			seen[i] = true
			chosen = append(chosen, i)
		}
	}
	return chosen
}

// find returns the servers one word stands for.
func (r *references) find(word string, among members) ([]int, error) {
	if site, ok := strings.CutPrefix(word, "site:"); ok {
		return r.findSite(site, among)
	}
	i, err := r.findServer(word, among)
	return []int{i}, err
}

func (r *references) findServer(name string, among members) (int, error) {
	i, ok := r.index[name]
	if !ok {
		return 0, fmt.Errorf("no server %q%s", name, didYouMean(name, r.names()))
	}
	if !among.hold(i) {
		return 0, fmt.Errorf("server %q is not in this pool", name)
	}
	return i, nil
}

func (r *references) findSite(site string, among members) ([]int, error) {
	var found []int
	for _, i := range among.list {
		if r.servers[i].Site == site {
			found = append(found, i)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	if slices.ContainsFunc(r.servers, func(s Server) bool { return s.Site == site }) {
		return nil, fmt.Errorf("no server of site %q is in this pool", site)
	}
	return nil, fmt.Errorf("no site %q%s", site, didYouMean(site, r.sites()))
}

func (r *references) names() []string {
	names := make([]string, len(r.servers))
	for i, s := range r.servers {
		names[i] = s.Name
	}
	return names
}

func (r *references) sites() []string {
	sites := make([]string, len(r.servers))
	for i, s := range r.servers {
		sites[i] = s.Site
	}
	return sites
}

// check reads the check of a pool: a name of [checks], or a URL.
func (r *references) check(n *node, ref string) *Check {
	if strings.Contains(ref, "://") {
		c, err := parseCheckURL(ref)
		if err != nil {
			r.at(n, "%v", err)
		}
		return &c
	}
	c, ok := r.checks[ref]
	if !ok {
		hint := didYouMean(ref, slices.Sorted(maps.Keys(r.checks)))
		if hint == "" {
			hint = `; write a name of [checks] or a URL such as "https://example.com/healthz"`
		}
		r.at(n, "no check %q%s", ref, hint)
	}
	return &c
}
