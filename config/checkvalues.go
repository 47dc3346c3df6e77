package config

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// parseCheckURL turns "https://example.com/healthz" or "tcp://:25" into a check with the defaults of its type. The
// host of the URL is the name asked for; the address probed is always the server's.
func parseCheckURL(s string) (Check, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Check{}, fmt.Errorf("%q is not a URL", s)
	}
	if !slices.Contains([]string{"http", "https", "tcp", "tls", "icmp"}, u.Scheme) {
		return Check{}, fmt.Errorf("%q has a scheme that is not http, https, tcp, tls or icmp", s)
	}
	c := newCheck(u.Scheme)
	if u.Scheme == "icmp" {
		return c, icmpURL(u)
	}
	if err := c.setPort(u); err != nil {
		return c, err
	}
	if u.Scheme == "tcp" {
		return c, tcpURL(u)
	}
	return c, c.setURL(u)
}

// setPort takes the port of a URL, if it names one.
func (c *Check) setPort(u *url.URL) error {
	if u.Port() != "" {
		port, err := strconv.ParseUint(u.Port(), 10, 16)
		if err != nil || port == 0 {
			return fmt.Errorf("port %s is not from 1 to 65535", u.Port())
		}
		c.Port = uint16(port)
	}
	if c.Port == 0 {
		return errors.New(`needs a port, such as "tcp://:25"`)
	}
	return nil
}

// tcpURL refuses parts that a connection has no use for.
func tcpURL(u *url.URL) error {
	if u.Hostname() != "" || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return fmt.Errorf(`write "tcp://:%s"; the address probed is the server's, and there is nothing else to name`, u.Port())
	}
	return nil
}

func icmpURL(u *url.URL) error {
	if u.Host != "" || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.User != nil {
		return errors.New(`write "icmp://"; the address probed is the server's, and there is nothing else to name`)
	}
	return nil
}

// setURL takes host and path of an http or https URL.
func (c *Check) setURL(u *url.URL) error {
	if u.User != nil || u.Fragment != "" {
		return errors.New(`a check's URL has no user and no "#"`)
	}
	if c.Type == "tls" && (u.Path != "" || u.RawQuery != "") {
		return errors.New(`a check of type tls asks for no path; write "tls://example.com"`)
	}
	if u.Path != "" || u.RawQuery != "" {
		c.Path = u.RequestURI()
	}
	if err := requestPath(c.Path); c.Type != "tls" && err != nil {
		return err
	}
	if u.Hostname() == "" {
		return nil
	}
	host, err := hostName(u.Hostname())
	if err != nil {
		return fmt.Errorf("%w; the address probed is the server's, the URL names the site", err)
	}
	if c.Type != "tls" {
		c.Host = host
	}
	if c.secured() {
		c.SNI = host
	}
	return nil
}

// span is a range of HTTP status codes, both ends included.
type span struct{ from, to int }

// parseStatus reads one status, one range, or a list of them, and returns the canonical form: ascending, merged.
func parseStatus(value any) (string, error) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	if len(list) == 0 {
		return "", errors.New("is empty: no answer would be right")
	}
	spans := make([]span, len(list))
	for i, item := range list {
		s, err := parseSpan(item)
		if err != nil {
			return "", err
		}
		spans[i] = s
	}
	return formatSpans(spans), nil
}

func parseSpan(value any) (span, error) {
	var s span
	switch v := value.(type) {
	case int64:
		s.from = int(min(max(v, 0), 1000))
		s.to = s.from
	case string:
		from, to, ok := strings.Cut(v, "-")
		if !ok {
			to = from
		}
		s.from, s.to = digits(from), digits(to)
	default:
		return s, fmt.Errorf(`expected statuses such as 200 or "200-299", found %s`, kind(value))
	}
	if s.from < 200 || s.to > 599 || s.from > s.to {
		return s, fmt.Errorf(`%#v is not a status from 200 to 599 or a range such as "200-299"`, value)
	}
	return s, nil
}

// digits returns the number that s writes with three digits, 0 if it does not.
func digits(s string) int {
	s = strings.TrimSpace(s)
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || len(s) != 3 {
		return 0
	}
	return int(n)
}

func formatSpans(spans []span) string {
	slices.SortFunc(spans, func(a, b span) int { return a.from - b.from })
	merged := spans[:1]
	for _, s := range spans[1:] {
		last := &merged[len(merged)-1]
		if s.from <= last.to+1 {
			last.to = max(last.to, s.to)
			continue
		}
		merged = append(merged, s)
	}
	words := make([]string, len(merged))
	for i, s := range merged {
		words[i] = strconv.Itoa(s.from)
		if s.to > s.from {
			words[i] += "-" + strconv.Itoa(s.to)
		}
	}
	return strings.Join(words, ",")
}

// parseBytes reads a number of bytes: an integer, or a string with a unit.
func parseBytes(value any) (int, error) {
	switch v := value.(type) {
	case int64:
		return int(min(max(v, -1), maxBodyLimit+1)), nil
	case string:
		for unit, factor := range map[string]int{"KiB": 1 << 10, "MiB": 1 << 20} {
			if number, ok := strings.CutSuffix(v, unit); ok {
				if n, err := strconv.ParseUint(strings.TrimSpace(number), 10, 24); err == nil {
					return int(n) * factor, nil
				}
			}
		}
		return 0, fmt.Errorf(`%q is not a size such as "64KiB", "1MiB" or a number of bytes`, v)
	}
	return 0, fmt.Errorf(`expected a size such as "64KiB" or a number of bytes, found %s`, kind(value))
}
