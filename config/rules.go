package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Rule is an explicit mapping from clients to servers of a pool.
type Rule struct {
	Tokens []Token // at least one; groups are expanded
	Tiers  [][]int // indices into Pool.Servers; none empty, no server twice
	Fence  bool    // the servers not named form no last tier
	Source string  // the tokens as written
	Pos    string  // "file:line: key.path"
}

// reached says which rule a token belongs to. An explicit token and one out of a group may be the same: the explicit
// one wins. So they are kept apart.
type reached map[reach]*node

type reach struct {
	token   Token // without Group and Pos
	grouped bool
}

// rules reads the rules of a pool in the order of the file.
func (r *references) rules(n *node, in members) []Rule {
	var rules []Rule
	seen := make(reached)
	for _, kid := range r.section(n).node.order {
		rule := Rule{Source: kid.key, Pos: r.pos(kid)}
		rule.Tokens = r.tokens(kid, seen)
		rule.Tiers, rule.Fence = r.ruleServers(kid, in)
		rules = append(rules, rule)
	}
	return rules
}

// tokens reads the key of a rule: match tokens with commas between them.
func (r *references) tokens(n *node, seen reached) []Token {
	var tokens []Token
	for word := range strings.SplitSeq(n.key, ",") {
		found, err := r.match(strings.TrimSpace(word), r.pos(n))
		if err != nil {
			r.at(n, "%v", err)
		}
		for _, t := range found {
			if err := seen.add(t, n); err != nil {
				r.at(n, "%v", err)
			}
		}
		tokens = append(tokens, found...)
	}
	return tokens
}

// match reads one word of a rule's key, which may be a group.
func (r *references) match(word, pos string) ([]Token, error) {
	if word == "" {
		return nil, errors.New("holds an empty match token")
	}
	group, ok := strings.CutPrefix(word, "group:")
	if !ok {
		t, err := parseToken(word)
		if err != nil {
			return nil, err
		}
		t.Pos = pos
		return []Token{t}, nil
	}
	tokens, ok := r.groups[group]
	if !ok {
		return nil, fmt.Errorf("no group %q%s", group, didYouMean(group, slices.Sorted(maps.Keys(r.groups))))
	}
	return tokens, nil
}

// add notes that the rule n reaches a token, which no other may reach in the same way.
func (seen reached) add(t Token, n *node) error {
	key := reach{t, t.Group != ""}
	key.token.Group, key.token.Pos = "", ""
	first, ok := seen[key]
	if !ok {
		seen[key] = n
		return nil
	}
	what := t.String()
	if t.Group != "" {
		what += " (from group:" + t.Group + ")"
	}
	switch {
	case first == n:
		return fmt.Errorf("%s is reached twice in this rule", what)
	case first.line > 0:
		return fmt.Errorf("%s is already reached by the rule %q in line %d", what, first.key, first.line)
	}
	return fmt.Errorf("%s is already reached by the rule %q", what, first.key)
}

// ruleServers reads the value of a rule: servers, tiers of servers, or a table with one of these and a fence.
func (r *references) ruleServers(n *node, in members) (tiers [][]int, fence bool) {
	if _, ok := n.value.(map[string]any); !ok {
		return r.tiers(n, in), false
	}
	t := r.section(n)
	servers := t.get("servers")
	if servers == nil {
		r.at(n, "needs servers")
	} else {
		tiers = r.tiers(servers, in)
	}
	fence = t.flag("fence")
	t.close()
	return tiers, fence
}

// tiers reads a server, a list of servers (one tier) or a list of lists (a tier each).
func (r *references) tiers(n *node, in members) [][]int {
	parts := []any{n.value}
	if list, ok := n.value.([]any); ok && slices.ContainsFunc(list, isList) {
		parts = list
	}
	var tiers [][]int
	used := make(map[int]bool)
	for _, part := range parts {
		if len(parts) > 1 && !isList(part) {
			r.at(n, `mixes servers and tiers; write every tier as a list: [["a"], ["b", "c"]]`)
			return nil
		}
		tier := r.tier(n.with(part), in)
		for _, i := range tier {
			if used[i] {
				r.at(n, "server %q stands in two tiers", r.servers[in.list[i]].Name)
			}
			used[i] = true
		}
		tiers = append(tiers, tier)
	}
	return tiers
}

func isList(value any) bool {
	_, ok := value.([]any)
	return ok
}

// tier reads the servers of one tier as indices into the pool's.
func (r *references) tier(n *node, in members) []int {
	words := r.strings(n)
	if words == nil || len(in.list) == 0 {
		return nil
	}
	chosen := r.choose(n, words, in)
	for k, i := range chosen {
		chosen[k] = in.place[i]
	}
	return chosen
}
