package config

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

var (
	questionTypes = []string{"A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"}
	rcodes        = []string{"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"}
	ownHeaders    = []string{"host", "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer", "keep-alive", "proxy-connection"}
)

// method reads the method of a request.
func (t *table) method(def string) string {
	s := t.text("method", def)
	if n := t.node.kids["method"]; n != nil && (!httpToken(s) || s == "CONNECT" || s != strings.ToUpper(s)) {
		t.at(n, "%q is not a method such as %q or %q", s, "GET", "HEAD")
	}
	return s
}

// httpToken reports whether s can be a method or the name of a header field (RFC 9110 section 5.6.2).
func httpToken(s string) bool {
	bad := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"(),/:;<=>?@[\\]{}", r) }
	return s != "" && !strings.ContainsFunc(s, bad)
}

// headers reads a table of header fields.
func (t *table) headers() string {
	n := t.get("headers")
	if n == nil {
		return ""
	}
	table, ok := n.value.(map[string]any)
	if !ok {
		t.at(n, `expected a table such as { "X-Probe" = "meridian" }, found %s`, kind(n.value))
		return ""
	}
	var fields []string
	for _, name := range slices.Sorted(maps.Keys(table)) {
		value, err := headerField(name, table[name])
		if err != nil {
			t.at(n, "%v", err)
		}
		fields = append(fields, name+": "+value)
	}
	text := strings.Join(fields, "\n")
	if len(text) > maxExchange {
		t.at(n, "has %d bytes, at most %d are sent", len(text), maxExchange)
	}
	return text
}

func headerField(name string, value any) (string, error) {
	s, ok := value.(string)
	switch {
	case !httpToken(name):
		return "", fmt.Errorf("%q is not the name of a header field", name)
	case slices.Contains(ownHeaders, strings.ToLower(name)):
		hint := ""
		if strings.EqualFold(name, "host") {
			hint = "; see the key host"
		}
		return "", fmt.Errorf("%q is the probe's own to set%s", name, hint)
	case !ok:
		return "", fmt.Errorf("the value of %q must be a string, not %s", name, kind(value))
	case strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return "", fmt.Errorf("the value of %q holds a control character", name)
	}
	return strings.TrimSpace(s), nil
}

// question reads what a dns check asks and hears.
func (t *table) question(c *Check) {
	if c.Query = t.text("query", ""); c.Query != "" {
		name, err := zoneName(c.Query)
		if err != nil {
			t.at(t.node.kids["query"], "%q is not a domain name: %v", c.Query, err)
		}
		c.Query = strings.TrimSuffix(name, ".") + "."
	}
	c.QueryType = t.word("query_type", c.QueryType, questionTypes)
	c.Rcode = t.word("rcode", c.Rcode, rcodes)
	c.Answer = t.exchange("answer")
	c.Network = t.word("network", c.Network, []string{"udp", "tcp"})
}

// word reads one of some words that do not all have the same default.
func (t *table) word(key, def string, words []string) string {
	s := t.text(key, def)
	if n := t.node.kids[key]; n != nil && !slices.Contains(words, s) {
		t.at(n, "expected %s, found %q", quoted(words, "or"), s)
		return def
	}
	return s
}

// service reads the name of a service whose health is asked for.
func (t *table) service() string {
	s := t.exchange("service")
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		t.at(t.node.kids["service"], "%q holds a space or a character that is not ASCII", s)
	}
	return s
}

// command reads a program and its arguments. A path with a slash in it is relative to dir.
func (t *table) command(dir string) string {
	words := t.texts("command")
	if len(words) == 0 {
		if n := t.node.kids["command"]; n != nil && words != nil {
			t.at(n, "names no program")
		}
		return ""
	}
	n := t.node.kids["command"]
	if !strings.Contains(words[0], "/") {
		t.at(n, "%q is not the path of a program: no search path applies, and no shell", words[0])
	}
	if len(words) == 1 && strings.Contains(words[0], " ") {
		t.at(n, `%q holds a space: write the arguments apart, as ["program", "argument"]`, words[0])
	}
	words[0] = absolute(dir, words[0])
	text := strings.Join(words, "\x00")
	if strings.Count(text, "\x00") != len(words)-1 || len(text) > maxExchange {
		t.at(n, "holds a zero byte, or more than %d bytes", maxExchange)
	}
	return filepath.Clean(words[0]) + strings.TrimPrefix(text, words[0])
}

// token reads the secret of a push check.
func (t *table) token() string {
	s := t.exchange("token")
	if n := t.node.kids["token"]; n != nil && s != "" {
		if err := secret(s); err != nil {
			t.at(n, "%v", err)
		}
	}
	return s
}

func secret(s string) error {
	if len(s) < minToken || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("must be 16 or more visible ASCII characters")
	}
	return nil
}
