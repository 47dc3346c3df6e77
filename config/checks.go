package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Check says how the health of an address is probed. It is comparable: equal checks of one address are one target.
// Fields that its type does not use are zero.
type Check struct {
	Type       string // "http", "https", "tcp"
	Port       uint16
	Path       string // http, https: path and query, begins with "/"
	Host       string // http, https: the Host header; empty: the address or CNAME target probed
	SNI        string // https: the name sent and verified; empty only if Insecure
	Status     string // http, https: expected, in canonical form: "200-299" or "200,204,301-302"
	Body       string // http, https: text the body must hold within its first BodyLimit bytes; empty: any
	BodyRegexp string // http, https: the same as a regular expression (RE2); empty: any
	BodyLimit  int    // http, https: bytes
	Send       string // tcp: sent after connecting; empty: nothing
	Expect     string // tcp: text the reply must hold; empty: connecting is enough
	Interval   time.Duration
	Timeout    time.Duration
	Rise, Fall int     // results in a row that change the state
	Jitter     float64 // fraction by which an interval may be shorter, 0 to 0.9
	Insecure   bool    // https: the certificate is not verified
}

const (
	maxStreak    = 100
	maxBodyLimit = 1 << 20
	maxExchange  = 4 << 10 // bytes of send and of expect
)

// newCheck returns the defaults of a type.
func newCheck(kind string) Check {
	c := Check{Type: kind, Interval: 10 * time.Second, Timeout: 4 * time.Second, Rise: 2, Fall: 3, Jitter: 0.1}
	switch kind {
	case "http":
		c.Port = 80
	case "https":
		c.Port = 443
	}
	if kind != "tcp" {
		c.Path, c.Status, c.BodyLimit = "/", "200-299", 64<<10
	}
	return c
}

// checks reads [checks].
func (r *report) checks(n *node) map[string]Check {
	checks := make(map[string]Check)
	for _, kid := range r.section(n).node.order {
		r.label(kid)
		checks[kid.key] = r.check(kid)
	}
	return checks
}

func (r *report) check(n *node) Check {
	t := r.section(n)
	c := newCheck(t.choice("type", "http", "https", "tcp"))
	t.timing(&c)
	t.request(&c)
	t.response(&c)
	c.Send = t.exchange("send")
	c.Expect = t.exchange("expect")
	if n := t.node.kids["type"]; n == nil || n.value == c.Type {
		t.foreign(&c)
	}
	t.close()
	return c
}

// timing reads when a check probes and how fast it judges.
func (t *table) timing(c *Check) {
	c.Interval = t.duration("interval", c.Interval, 100*time.Millisecond, time.Hour)
	c.Timeout = t.duration("timeout", c.Timeout, 10*time.Millisecond, time.Minute)
	c.Rise = t.integer("rise", c.Rise, 1, maxStreak)
	c.Fall = t.integer("fall", c.Fall, 1, maxStreak)
	c.Jitter = t.fraction("jitter", c.Jitter, 0, 0.9)
}

// request reads where a probe goes and what it asks for.
func (t *table) request(c *Check) {
	c.Port = uint16(t.integer("port", int(c.Port), 1, 65535))
	if c.Port == 0 && t.node.kids["port"] == nil {
		t.at(t.node, "needs a port: type tcp has no usual one")
	}
	c.Path = t.text("path", c.Path)
	if err := requestPath(c.Path); c.Type != "tcp" && err != nil {
		t.at(t.node.kids["path"], "%v", err)
	}
	c.Host = t.host("host")
	c.SNI = t.host("sni")
	c.Insecure = t.flag("insecure")
	if c.Type == "https" {
		c.named()
	}
}

// named lets the Host header and the name of the certificate stand in for each other.
func (c *Check) named() {
	if c.SNI == "" {
		c.SNI = c.Host
	}
	if c.Host == "" {
		c.Host = c.SNI
	}
}

// host reads a host name without a port.
func (t *table) host(key string) string {
	s := t.text(key, "")
	if s == "" {
		return ""
	}
	name, err := hostName(s)
	if err != nil {
		t.at(t.node.kids[key], "%v", err)
	}
	return name
}

func requestPath(path string) error {
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf(`%q does not begin with "/"`, path)
	}
	if strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' || r == '#' }) {
		return fmt.Errorf("%q holds a space, a \"#\" or a character that is not ASCII; write %%XX", path)
	}
	return nil
}

// response reads what a healthy answer looks like.
func (t *table) response(c *Check) {
	if n := t.get("status"); n != nil {
		status, err := parseStatus(n.value)
		if err != nil {
			t.at(n, "%v", err)
		}
		c.Status = status
	}
	c.Body = t.text("body", "")
	c.BodyRegexp = t.text("body_regexp", "")
	if _, err := regexp.Compile(c.BodyRegexp); err != nil {
		t.at(t.node.kids["body_regexp"], "%v", err)
	}
	if n := t.get("body_limit"); n != nil {
		limit, err := parseBytes(n.value)
		if err == nil && (limit < 1 || limit > maxBodyLimit) {
			err = fmt.Errorf("must be from 1 byte to 1MiB, not %d bytes", limit)
		}
		if err != nil {
			t.at(n, "%v", err)
		}
		c.BodyLimit = limit
	}
	if len(c.Body) > c.BodyLimit && c.BodyLimit > 0 {
		t.at(t.node.kids["body"], "has %d bytes and cannot stand within the first %d", len(c.Body), c.BodyLimit)
	}
}

// exchange reads what a tcp check says or hears.
func (t *table) exchange(key string) string {
	s := t.text(key, "")
	if len(s) > maxExchange {
		t.at(t.node.kids[key], "has %d bytes, at most %d are compared", len(s), maxExchange)
	}
	return s
}

// foreign reports keys that the check's type does not use.
func (t *table) foreign(c *Check) {
	web := []string{"path", "host", "status", "body", "body_regexp", "body_limit"}
	for _, n := range t.node.order {
		switch {
		case c.Type == "tcp" && slices.Contains(web, n.key):
			t.at(n, "is for type http and https, this check is tcp")
		case c.Type != "https" && (n.key == "sni" || n.key == "insecure"):
			t.at(n, "is for type https, this check is %s", c.Type)
		case c.Type != "tcp" && (n.key == "send" || n.key == "expect"):
			t.at(n, "is for type tcp, this check is %s", c.Type)
		}
	}
}
