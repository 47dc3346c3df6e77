package config

import (
	"errors"
	"fmt"
	"strings"
)

// label reports whether s can name a server, site, pool, check or group. No "/", which pins a server of a pool
// ("web/ny"), no ":" ("site:fr", a URL), no ",".
func label(s string) bool {
	return s != "" && len(s) <= 63 && !strings.ContainsFunc(s, notLabel)
}

func notLabel(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-'
}

// label reports a key that cannot be a name of ours.
func (r *report) label(n *node) {
	if !label(n.key) {
		r.at(n, "a name is 1 to 63 lower-case letters, digits, %q and %q", "-", "_")
	}
}

// hostName returns s in lower case without a final dot.
func hostName(s string) (string, error) {
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if name == "" || len(name) > 253 {
		return "", fmt.Errorf("%q is not a host name of 1 to 253 characters", s)
	}
	labels := strings.Split(name, ".")
	for _, l := range labels {
		if !label(l) || strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-") {
			return "", fmt.Errorf("%q is not a host name%s", s, hostHint(s))
		}
	}
	if strings.Trim(labels[len(labels)-1], "0123456789") == "" {
		return "", fmt.Errorf("%q is an address or ends in a number; a host name is wanted", s)
	}
	return name, nil
}

// hostHint says what the usual mistakes are.
func hostHint(s string) string {
	switch {
	case strings.ContainsFunc(s, func(r rune) bool { return r > '~' }):
		return "; write an international name in its xn-- form"
	case strings.Contains(s, "/"):
		return "; write the name alone, not a URL"
	case strings.Contains(s, ":"):
		return "; write the name alone, without a port"
	}
	return ""
}

// zoneName returns the name of a zone in lower case without a final dot; the root is ".". Labels may hold any
// printable character but space and those that mean something in a master file ("0/25.2.0.192.in-addr.arpa" is a zone).
func zoneName(s string) (string, error) {
	if s == "." {
		return s, nil
	}
	name := strings.ToLower(strings.TrimSuffix(s, "."))
	if len(name) > 253 {
		return "", errors.New("a zone name has at most 253 characters")
	}
	for l := range strings.SplitSeq(name, ".") {
		if l == "" || len(l) > 63 {
			return "", errors.New("a label of a zone name has 1 to 63 characters")
		}
		if strings.ContainsFunc(l, notZone) {
			return "", errors.New("a zone name holds no space, quote, escape or character that is not ASCII")
		}
	}
	return name, nil
}

func notZone(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`"\;()@$`, r) }
