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
	Type       string // one of checkTypes
	Port       uint16 // 0: icmp, exec and push have none
	Path       string // http, https: path and query, begins with "/"
	Method     string // http, https
	Headers    string // http, https: "Name: value" with "\n" between, sorted by name
	HTTP2      bool   // http, https: HTTP/2 and nothing else
	KeepAlive  bool   // http, https: one connection for many probes
	Host       string // http, https, grpc: the Host header; empty: the address or CNAME target probed
	TLS        bool   // grpc: over TLS
	SNI        string // https, tls, grpc over TLS: the name sent and verified; empty only if Insecure
	Insecure   bool   // likewise: the certificate is not verified
	CertDays   int    // likewise: days that the certificate must still be valid
	Status     string // http, https: expected, in canonical form: "200-299" or "200,204,301-302"
	Body       string // http, https: text the body must hold within its first BodyLimit bytes; empty: any
	BodyRegexp string // http, https: the same as a regular expression (RE2); empty: any
	BodyLimit  int    // http, https: bytes
	Send       string // tcp: sent after connecting; empty: nothing
	Expect     string // tcp: text the reply must hold; empty: connecting is enough
	Query      string // dns: the name asked for
	QueryType  string // dns: "A" and others
	Rcode      string // dns: "NOERROR" and others
	Answer     string // dns: what a record of the answer must hold; empty: any, or none
	Network    string // dns: "udp", "tcp"
	Service    string // grpc: empty: the server as a whole
	Command    string // exec: an absolute path and arguments, "\x00" between them
	Token      string // push: what reports carry

	Interval      time.Duration
	Timeout       time.Duration
	Rise, Fall    int           // results in a row that change the state
	Jitter        float64       // fraction by which an interval may be shorter, 0 to 0.9
	Silence       time.Duration // push: how long a report is awaited
	Recheck       time.Duration // interval after a failure of an address still up; 0: Interval
	Cooldown      time.Duration // how long an address stays down at least
	Failback      string        // "auto", "delayed", "one-way"
	FailbackAfter time.Duration // "delayed": how long it has to be well
}

const (
	maxStreak    = 100
	maxBodyLimit = 1 << 20
	maxExchange  = 4 << 10 // bytes of send, of expect, and of the like
	maxHold      = 24 * time.Hour
	minToken     = 16 // characters
)

var checkTypes = []string{"http", "https", "tcp", "tls", "dns", "icmp", "grpc", "exec", "push"}

// usedBy tells which types use a key that not all use.
var usedBy = map[string][]string{
	"port": {"http", "https", "tcp", "tls", "dns", "grpc"},
	"path": {"http", "https"}, "method": {"http", "https"}, "headers": {"http", "https"},
	"http2": {"http", "https"}, "keepalive": {"http", "https"},
	"host": {"http", "https", "grpc"}, "status": {"http", "https"},
	"body": {"http", "https"}, "body_regexp": {"http", "https"}, "body_limit": {"http", "https"},
	"tls": {"grpc"}, "sni": {"https", "tls", "grpc"}, "insecure": {"https", "tls", "grpc"}, "cert_days": {"https", "tls", "grpc"},
	"send": {"tcp"}, "expect": {"tcp"},
	"query": {"dns"}, "query_type": {"dns"}, "rcode": {"dns"}, "answer": {"dns"}, "network": {"dns"},
	"service": {"grpc"}, "command": {"exec"}, "token": {"push"}, "silence": {"push"},
	"interval": probing(), "timeout": probing(), "fall": probing(), "jitter": probing(), "recheck": probing(),
}

// probing are the types that probe, and do not wait for a report.
func probing() []string { return checkTypes[:len(checkTypes)-1] }

// newCheck returns the defaults of a type.
func newCheck(kind string) Check {
	c := Check{Type: kind, Rise: 2, Failback: "auto"}
	if kind == "push" {
		c.Silence = 30 * time.Second
		return c
	}
	c.Interval, c.Timeout, c.Fall, c.Jitter = 10*time.Second, 4*time.Second, 3, 0.1
	c.Port = map[string]uint16{"http": 80, "https": 443, "tls": 443, "dns": 53}[kind]
	switch kind {
	case "http", "https":
		c.Path, c.Method, c.Status, c.BodyLimit = "/", "GET", "200-299", 64<<10
	case "dns":
		c.QueryType, c.Rcode, c.Network = "A", "NOERROR", "udp"
	}
	return c
}

// secured reports whether the check does a TLS handshake.
func (c *Check) secured() bool {
	return c.Type == "https" || c.Type == "tls" || c.Type == "grpc" && c.TLS
}

// portless reports whether what is probed has no port.
func (c *Check) portless() bool { return !slices.Contains(usedBy["port"], c.Type) }

// checks reads [checks].
func (r *report) checks(n *node, dir string) map[string]Check {
	checks := make(map[string]Check)
	for _, kid := range r.section(n).node.order {
		r.label(kid)
		checks[kid.key] = r.check(kid, dir)
	}
	return checks
}

// check reads one check. dir is what the path of a program is relative to.
func (r *report) check(n *node, dir string) Check {
	t := r.section(n)
	c := newCheck(t.choice("type", checkTypes...))
	before := len(r.list)
	t.timing(&c)
	t.failback(&c)
	t.request(&c)
	t.certificate(&c)
	t.response(&c)
	t.question(&c)
	c.Send = t.exchange("send")
	c.Expect = t.exchange("expect")
	c.Service = t.service()
	c.Command = t.command(dir)
	c.Token = t.token()
	wrong := len(r.list) > before
	if n := t.node.kids["type"]; n == nil || n.value == c.Type {
		t.foreign(&c)
		t.missing(&c, wrong)
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
	c.Silence = t.duration("silence", c.Silence, time.Second, time.Hour)
	c.Recheck = t.duration("recheck", 0, 10*time.Millisecond, time.Hour)
	if c.Recheck > c.Interval && c.Type != "push" {
		t.at(t.node.kids["recheck"], "is longer than the interval, %s: a failure would delay the next probe", brief(c.Interval))
	}
}

// failback reads how an address comes back.
func (t *table) failback(c *Check) {
	c.Cooldown = t.duration("cooldown", 0, 0, maxHold)
	c.Failback = t.choice("failback", "auto", "delayed", "one-way")
	c.FailbackAfter = t.duration("failback_after", 0, time.Second, maxHold)
	after := t.node.kids["failback_after"]
	switch {
	case c.Failback == "delayed" && after == nil:
		t.at(t.node.kids["failback"], `needs failback_after = "5m" or the like: how long an address has to be well`)
	case c.Failback != "delayed" && after != nil:
		t.at(after, `counts only with failback = "delayed"`)
	}
}

// request reads where a probe goes and what it asks for.
func (t *table) request(c *Check) {
	c.Port = uint16(t.integer("port", int(c.Port), 1, 65535))
	c.Path = t.text("path", c.Path)
	if n := t.node.kids["path"]; n != nil {
		if err := requestPath(c.Path); err != nil {
			t.at(n, "%v", err)
		}
	}
	c.Method = t.method(c.Method)
	c.Headers = t.headers()
	c.HTTP2 = t.flag("http2")
	c.KeepAlive = t.flag("keepalive")
	if c.HTTP2 && c.KeepAlive {
		t.at(t.node.kids["keepalive"], "is for HTTP/1.1, and this check has http2")
	}
	c.Host = t.host("host")
}

// certificate reads what a check wants of a TLS handshake.
func (t *table) certificate(c *Check) {
	c.TLS = t.flag("tls")
	c.SNI = t.host("sni")
	c.Insecure = t.flag("insecure")
	c.CertDays = t.integer("cert_days", 0, 0, 3650)
	if c.secured() {
		c.named()
		return
	}
	for _, key := range []string{"sni", "insecure", "cert_days"} {
		if n := t.node.kids[key]; n != nil && c.Type == "grpc" {
			t.at(n, "counts only with tls = true")
		}
	}
}

// named lets the Host header and the name of the certificate stand in for each other.
func (c *Check) named() {
	if c.SNI == "" {
		c.SNI = c.Host
	}
	if c.Host == "" && c.Type != "tls" {
		c.Host = c.SNI
	}
}

// missing reports keys that the type cannot do without. Where something else is wrong, it may be just that.
func (t *table) missing(c *Check, wrong bool) {
	for _, k := range []struct {
		key, kind, text string
		empty           bool
	}{
		{"port", c.Type, fmt.Sprintf("needs a port: type %s has no usual one", c.Type), c.Port == 0 && !c.portless()},
		{"query", "dns", "needs query, the name to ask for", c.Query == ""},
		{"command", "exec", "needs command, the program to run", c.Command == ""},
		{"token", "push", "needs token, a secret that the server's reports carry", c.Token == ""},
	} {
		if c.Type == k.kind && k.empty && t.node.kids[k.key] == nil && !wrong {
			t.at(t.node, "%s", k.text)
		}
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
	for _, n := range t.node.order {
		if types, some := usedBy[n.key]; some && !slices.Contains(types, c.Type) {
			t.at(n, "is for type %s, this check is %s", joined(types), c.Type)
		}
	}
}

// joined lists words as people do: "http, https and tcp".
func joined(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " and " + words[last]
}
