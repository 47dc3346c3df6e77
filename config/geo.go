package config

import (
	"slices"
	"strings"
)

// geo reads [geo].
func (r *report) geo(n *node, dir string) Geo {
	t := r.section(n)
	g := Geo{
		City:   t.files("city", dir),
		ASN:    t.files("asn", dir),
		Fields: r.fields(t.get("fields")),
		Groups: r.groups(t.get("groups")),
	}
	if len(g.Fields) > 0 && len(g.City)+len(g.ASN) == 0 && t.node.kids["city"] == nil && t.node.kids["asn"] == nil {
		r.at(t.node.kids["fields"], "is for a database of your own: set city or asn")
	}
	t.close()
	return g
}

// files reads a path or a list of paths.
func (t *table) files(key, dir string) []string {
	words := t.texts(key)
	if words != nil && len(words) == 0 {
		t.at(t.node.kids[key], "is empty; leave the key out instead")
	}
	var paths []string
	for _, w := range words {
		path := absolute(dir, w)
		if slices.Contains(paths, path) {
			t.at(t.node.kids[key], "%q stands here twice", w)
		}
		paths = append(paths, path)
	}
	return paths
}

// fields reads where a database with a layout of its own keeps what is needed.
func (r *report) fields(n *node) map[string]string {
	t := r.section(n)
	fields := make(map[string]string)
	for _, key := range []string{"latitude", "longitude", "country", "continent", "subdivision", "asn"} {
		path := t.text(key, "")
		if path == "" {
			continue
		}
		if slices.Contains(strings.Split(path, "."), "") {
			r.at(t.node.kids[key], `%q is not a dotted path such as "location.latitude"`, path)
		}
		fields[key] = path
	}
	t.close()
	return fields
}

// groups reads [geo.groups]: names for sets of match tokens.
func (r *report) groups(n *node) map[string][]Token {
	groups := make(map[string][]Token)
	for _, kid := range r.section(n).node.order {
		r.label(kid)
		groups[kid.key] = r.group(kid)
	}
	return groups
}

func (r *report) group(n *node) []Token {
	var tokens []Token
	seen := make(map[Token]bool)
	words := r.strings(n)
	if words != nil && len(words) == 0 {
		r.at(n, "is empty; a group names at least one place")
	}
	for _, w := range words {
		t, err := groupToken(w)
		if err != nil {
			r.at(n, "%v", err)
			continue
		}
		t.Group, t.Pos = n.key, r.pos(n)
		if seen[t] {
			r.at(n, "%s stands here twice", t)
		}
		seen[t] = true
		tokens = append(tokens, t)
	}
	return tokens
}
