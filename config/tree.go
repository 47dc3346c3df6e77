package config

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/BurntSushi/toml"
)

const (
	maxSize  = 8 << 20 // bytes of a file
	maxDepth = 64      // brackets within brackets, dots of a key: the library recurses on the one and is slow on the other
)

// node is one key of the file: its value, where it stands, and the keys below it in the order of the file.
type node struct {
	path  string // quoted as in TOML
	key   string
	line  int // of its first mention; 0 unknown
	value any // as the library gives it: string, int64, float64, bool, time.Time, []any, map[string]any, ...
	kids  map[string]*node
	order []*node
}

// parseTree reads a TOML document. A problem is reported to r, and nil returned.
func parseTree(r *report, data []byte) *node {
	if len(data) > maxSize {
		r.at(&node{}, "the file has %d bytes, the limit is %d", len(data), maxSize)
		return nil
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	lines, depth := keyLines(data)
	if depth > maxDepth {
		r.at(&node{}, "brackets or dotted keys are nested %d deep, the limit is %d", depth, maxDepth)
		return nil
	}
	values, keys, err := decode(data)
	if err != nil {
		r.syntax(err)
		return nil
	}
	return newTree(values, keys, lines)
}

// decode runs the TOML library, whose internal panics become errors.
func decode(data []byte) (values map[string]any, keys []toml.Key, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the TOML reader failed: %v", p)
		}
	}()
	meta, err := toml.Decode(string(data), &values)
	return values, meta.Keys(), err
}

// syntax reports an error of the TOML library, in the form of our own.
func (r *report) syntax(err error) {
	n, text := &node{}, err.Error()
	var parse toml.ParseError
	if errors.As(err, &parse) {
		n.line, text = parse.Position.Line, parse.Message
	}
	if strings.HasPrefix(text, "Key 'zones' was already") {
		text = `Key 'zones' is the folder of the zone files; options of a zone stand in [zone."example.com"]`
	}
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToLower(first)) + text[size:]
	r.at(n, "%s", strings.TrimSuffix(text, "."))
}

// newTree joins the values, the order of the keys and their lines. Lines that do not fit the keys are left out:
// no line is better than a wrong one.
func newTree(values map[string]any, keys []toml.Key, lines []int) *node {
	root := &node{value: values}
	for i, key := range keys {
		line := 0
		if len(lines) == len(keys) {
			line = lines[i]
		}
		n := root
		for depth := range key {
			n = n.child(key[:depth+1], line)
		}
	}
	return root
}

// child returns the node of the last part of path below n, made at its first mention.
func (n *node) child(path toml.Key, line int) *node {
	key := path[len(path)-1]
	if kid := n.kids[key]; kid != nil {
		return kid
	}
	kid := &node{path: path.String(), key: key, line: line}
	if table, ok := n.value.(map[string]any); ok {
		kid.value = table[key]
	}
	if n.kids == nil {
		n.kids = make(map[string]*node)
	}
	n.kids[key] = kid
	n.order = append(n.order, kid)
	return kid
}

// with returns n holding another value, for a part of a list.
func (n *node) with(value any) *node {
	return &node{path: n.path, key: n.key, line: n.line, value: value}
}

// kind names the TOML type of a value, for people.
func kind(value any) string {
	switch value.(type) {
	case string:
		return "a string"
	case int64:
		return "an integer"
	case float64:
		return "a float"
	case bool:
		return "a boolean"
	case time.Time:
		return "a date or time"
	case []any, []map[string]any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return "something else"
}
