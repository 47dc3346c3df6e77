package healthcheck

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Values of Check fields left at zero.
const (
	DefaultInterval  = 10 * time.Second
	DefaultTimeout   = 4 * time.Second
	DefaultRise      = 2
	DefaultFall      = 3
	DefaultJitter    = 0.1
	DefaultPath      = "/"
	DefaultStatus    = "200-299"
	DefaultBodyLimit = 64 << 10
)

// NoJitter as Check.Jitter keeps every interval at its full length.
const NoJitter = -1

// Check says how to probe a target. It is comparable, being part of a target's
// identity. A field left at zero takes its default.
type Check struct {
	Type string // "http", "https" or "tcp"
	Port uint16 // default 80 for http, 443 for https; required for tcp

	Path       string // http, https: what to GET; default "/"
	Host       string // http, https: Host header; default SNI, else the target's name or address
	SNI        string // https: name asked for and verified; default Host without port, else the target's name
	Status     string // http, https: good status codes, as "200,301-308"; default "200-299"
	Body       string // http, https: text the body must contain
	BodyRegexp string // http, https: RE2 expression the body must match
	BodyLimit  int    // http, https: bytes of the body waited for and looked at; default 64 KiB, at most 1 MiB
	Insecure   bool   // https: do not verify the certificate

	Send   string // tcp: bytes to send once connected
	Expect string // tcp: bytes that must appear in the first 16 KiB received

	Interval time.Duration // end of a probe to the start of the next; default 10 s, 100 ms to 1 h
	Timeout  time.Duration // of a whole probe; default 4 s, 10 ms to 1 min
	Rise     int           // good results in a row that bring a target up; default 2, 1 to 100
	Fall     int           // bad results in a row that take it down; default 3, 1 to 100
	Jitter   float64       // greatest part by which an interval is shortened; default 0.1, at most 0.9; negative: none
}

// WithDefaults returns the check with every field left at zero filled in.
func (c Check) WithDefaults() Check {
	c.Interval = cmp.Or(c.Interval, DefaultInterval)
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	c.Rise = cmp.Or(c.Rise, DefaultRise)
	c.Fall = cmp.Or(c.Fall, DefaultFall)
	c.Jitter = cmp.Or(c.Jitter, DefaultJitter)
	if c.Jitter < 0 {
		c.Jitter = NoJitter
	}
	if !c.http() {
		return c
	}
	c.Path = cmp.Or(c.Path, DefaultPath)
	c.Status = cmp.Or(c.Status, DefaultStatus)
	c.BodyLimit = cmp.Or(c.BodyLimit, DefaultBodyLimit)
	c.Port = cmp.Or(c.Port, c.standardPort())
	return c
}

func (c Check) http() bool { return c.Type == "http" || c.Type == "https" }

func (c Check) standardPort() uint16 {
	if c.Type == "https" {
		return 443
	}
	return 80
}

// Target is what is probed: an address, or a host that is resolved anew for
// every probe. It is comparable.
type Target struct {
	Check Check
	Addr  netip.Addr // ignored if Name is set
	Name  string     // host name, with or without the final dot
}

// complete is the one form in which equal targets are equal.
func (t Target) complete() Target {
	t.Check = t.Check.WithDefaults()
	t.Addr = t.Addr.Unmap()
	if t.Name != "" {
		t.Name = strings.ToLower(strings.TrimSuffix(t.Name, "."))
		t.Addr = netip.Addr{}
	}
	return t
}

// identity is the target without how often and how patiently it is probed: targets
// equal in this are one and the same to whoever is probed.
func (t Target) identity() Target {
	c := &t.Check
	c.Interval, c.Timeout, c.Rise, c.Fall, c.Jitter = 0, 0, 0, 0, 0
	return t
}

// String is the target for people: "http 192.0.2.1:80/healthz".
func (t Target) String() string {
	t = t.complete()
	return fmt.Sprintf("%s %s%s", t.Check.Type, net.JoinHostPort(t.host(), strconv.Itoa(int(t.Check.Port))), t.Check.Path)
}

// host is the name or the address for people and headers, where a zone has no place
// (RFC 6874 section 4).
func (t Target) host() string {
	if t.Name != "" {
		return t.Name
	}
	return t.Addr.WithZone("").String()
}

// hostHeader is the value of the Host field (RFC 9110 section 7.2).
func (t Target) hostHeader() string {
	if h := cmp.Or(t.Check.Host, t.Check.SNI); h != "" {
		return h
	}
	if t.Check.Port != t.Check.standardPort() {
		return net.JoinHostPort(t.host(), strconv.Itoa(int(t.Check.Port)))
	}
	if t.Name == "" && t.Addr.Is6() {
		return "[" + t.host() + "]"
	}
	return t.host()
}

// serverName is the name a certificate is verified against; "" if none is known.
func (t Target) serverName() string {
	return cmp.Or(t.Check.SNI, withoutPort(t.Check.Host), t.Name)
}

func withoutPort(hostport string) string {
	if host, _, err := net.SplitHostPort(hostport); err == nil {
		return host
	}
	return strings.Trim(hostport, "[]")
}
