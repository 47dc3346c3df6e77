package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// table reads the keys of one TOML table. Every key asked for is a known one; close reports the others. A key that is
// absent or wrong gives the default, so that reading goes on and finds every problem of the file.
type table struct {
	*report
	node  *node
	known []string
}

// section opens the table n; nil, and with a report anything that is no table, counts as an empty one.
func (r *report) section(n *node) *table {
	if n == nil {
		return &table{report: r, node: &node{}}
	}
	if _, ok := n.value.(map[string]any); !ok {
		r.at(n, "expected a table, found %s", kind(n.value))
		n = &node{}
	}
	return &table{report: r, node: n}
}

// get returns the node of a key, nil if absent.
func (t *table) get(key string) *node {
	t.known = append(t.known, key)
	return t.node.kids[key]
}

// close reports the keys that were not asked for.
func (t *table) close() {
	for _, kid := range t.node.order {
		if slices.Contains(t.known, kid.key) {
			continue
		}
		hint := didYouMean(kid.key, t.known)
		if hint == "" {
			hint = "; known here: " + strings.Join(t.known, ", ")
		}
		t.at(kid, "unknown key%s", hint)
	}
}

// text reads a string, which must not be empty.
func (t *table) text(key, def string) string {
	n := t.get(key)
	if n == nil {
		return def
	}
	s, ok := n.value.(string)
	if !ok {
		t.at(n, "expected a string, found %s", kind(n.value))
		return def
	}
	if s == "" {
		t.at(n, "is empty; leave the key out instead")
		return def
	}
	return s
}

// texts reads a string or a list of strings; nil if absent or wrong.
func (t *table) texts(key string) []string {
	if n := t.get(key); n != nil {
		return t.strings(n)
	}
	return nil
}

// strings reads the value of n, a string or a list of them, none empty; nil if it is something else.
func (r *report) strings(n *node) []string {
	list, ok := n.value.([]any)
	if !ok {
		list = []any{n.value}
	}
	words := make([]string, 0, len(list))
	for _, item := range list {
		s, ok := item.(string)
		if !ok {
			r.at(n, "expected a string or a list of strings, found %s", within(n.value, item))
			return nil
		}
		if s == "" {
			r.at(n, "holds an empty string")
			return nil
		}
		words = append(words, s)
	}
	return words
}

// within names the type of an item, and whether it stands in a list.
func within(value, item any) string {
	if _, ok := value.([]any); ok {
		return kind(item) + " in the list"
	}
	return kind(item)
}

// integer reads a whole number from lo to hi.
func (t *table) integer(key string, def, lo, hi int) int {
	n := t.get(key)
	if n == nil {
		return def
	}
	i, ok := t.whole(n, lo, hi)
	if !ok {
		return def
	}
	return i
}

// whole reads the value of n, a whole number from lo to hi.
func (r *report) whole(n *node, lo, hi int) (int, bool) {
	i, ok := n.value.(int64)
	if !ok {
		r.at(n, "expected an integer, found %s", kind(n.value))
		return 0, false
	}
	if i < int64(lo) || i > int64(hi) {
		r.at(n, "must be from %d to %d, not %d", lo, hi, i)
		return 0, false
	}
	return int(i), true
}

// fraction reads a number from lo to hi, written as an integer or a float.
func (t *table) fraction(key string, def, lo, hi float64) float64 {
	n := t.get(key)
	if n == nil {
		return def
	}
	f, ok := number(n.value)
	if !ok {
		t.at(n, "expected a number, found %s", kind(n.value))
		return def
	}
	if !(f >= lo && f <= hi) { // false for NaN too
		t.at(n, "must be from %v to %v, not %v", lo, hi, f)
		return def
	}
	return f
}

// number returns an integer or a float as a float.
func number(value any) (float64, bool) {
	switch v := value.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// flag reads a boolean; absent is false.
func (t *table) flag(key string) bool {
	n := t.get(key)
	if n == nil {
		return false
	}
	b, ok := n.value.(bool)
	if !ok {
		t.at(n, "expected true or false, found %s", kind(n.value))
	}
	return b
}

// duration reads a duration from lo to hi, written as a string.
func (t *table) duration(key string, def, lo, hi time.Duration) time.Duration {
	n := t.get(key)
	if n == nil {
		return def
	}
	d, err := parseDuration(n.value)
	if err == nil && (d < lo || d > hi) {
		err = fmt.Errorf("must be from %s to %s, not %s", brief(lo), brief(hi), brief(d))
	}
	if err != nil {
		t.at(n, "%v", err)
		return def
	}
	return d
}

func parseDuration(value any) (time.Duration, error) {
	switch v := value.(type) {
	case string:
		d, err := time.ParseDuration(v)
		if days, ok := strings.CutSuffix(v, "d"); ok {
			var n uint64
			n, err = strconv.ParseUint(days, 10, 16)
			d = time.Duration(n) * day
		}
		if err != nil {
			return 0, fmt.Errorf(`%q is not a duration such as "10s" or "750ms"`, v)
		}
		return d, nil
	case int64, float64:
		return 0, fmt.Errorf(`expected a duration, found the number %v; durations are strings with a unit: "%vs"`, v, v)
	}
	return 0, fmt.Errorf("expected a duration, found %s", kind(value))
}

// brief writes a duration without the zero parts at its end: 24h, not 24h0m0s; 7d, not 168h.
func brief(d time.Duration) string {
	if d > day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	s := d.String()
	if rest, ok := strings.CutSuffix(s, "m0s"); ok {
		s = rest + "m"
	}
	if rest, ok := strings.CutSuffix(s, "h0m"); ok {
		s = rest + "h"
	}
	return s
}

// choice reads one of some words, the first of which is the default.
func (t *table) choice(key string, words ...string) string {
	n := t.get(key)
	if n == nil {
		return words[0]
	}
	s, ok := n.value.(string)
	if !ok {
		t.at(n, "expected %s, found %s", quoted(words, "or"), kind(n.value))
		return words[0]
	}
	if !slices.Contains(words, s) {
		t.at(n, "expected %s, found %q", quoted(words, "or"), s)
		return words[0]
	}
	return s
}
