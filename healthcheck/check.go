package healthcheck

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"path"
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
	DefaultMethod    = "GET"
	DefaultQueryType = "A"
	DefaultRcode     = "NOERROR"
	DefaultNetwork   = "udp"
	DefaultSilence   = 30 * time.Second
)

// NoJitter as Check.Jitter keeps every interval at its full length, less what keeps targets of equal interval at their
// distance: usually the time that an answer takes, up to a tenth.
const NoJitter = -1

// How a target that went down comes back, in Check.Failback.
const (
	Auto    = "auto"    // after Rise good results
	Delayed = "delayed" // when it has been well for FailbackAfter besides
	OneWay  = "one-way" // by Monitor.Readmit only
)

// Check says how to probe a target. It is comparable, being part of a target's
// identity. A field left at zero takes its default; one that its type does not use
// must be zero.
type Check struct {
	Type string `json:",omitzero"` // "http", "https", "tcp", "tls", "dns", "icmp", "grpc", "exec" or "push"
	Port uint16 `json:",omitzero"` // default 80 for http, 443 for https and tls, 53 for dns; required for tcp and grpc; icmp, exec and push have none

	Path       string `json:",omitzero"` // http, https: what to ask for; default "/"
	Method     string `json:",omitzero"` // http, https: default "GET"
	Headers    string `json:",omitzero"` // http, https: further header fields, "Name: value" each, with "\n" between
	Host       string `json:",omitzero"` // http, https: Host header, default SNI, else the target's name or address; grpc: the authority, likewise
	Status     string `json:",omitzero"` // http, https: good status codes, as "200,301-308"; default "200-299"
	Body       string `json:",omitzero"` // http, https: text the body must contain
	BodyRegexp string `json:",omitzero"` // http, https: RE2 expression the body must match
	BodyLimit  int    `json:",omitzero"` // http, https: bytes of the body waited for and looked at; default 64 KiB, at most 1 MiB
	HTTP2      bool   `json:",omitzero"` // http, https: speak HTTP/2 and nothing else, over http with prior knowledge (RFC 9113 section 3.3)
	KeepAlive  bool   `json:",omitzero"` // http, https: use one connection for many probes, as long as the server keeps it; not with HTTP2

	TLS      bool   `json:",omitzero"` // grpc: speak over TLS
	SNI      string `json:",omitzero"` // over TLS: name asked for and verified; default Host without port, else the target's name
	Insecure bool   `json:",omitzero"` // over TLS: do not verify the certificate
	CertDays int    `json:",omitzero"` // over TLS: days for which the certificate must still be valid; default 0, at most 3650

	Send   string `json:",omitzero"` // tcp: bytes to send once connected
	Expect string `json:",omitzero"` // tcp: bytes that must appear in the first 16 KiB received

	Query     string `json:",omitzero"` // dns: name to ask for, absolute or not; required
	QueryType string `json:",omitzero"` // dns: default "A"
	Rcode     string `json:",omitzero"` // dns: default "NOERROR"
	Answer    string `json:",omitzero"` // dns: what one of the answer's records must hold; "": anything, also nothing
	Network   string `json:",omitzero"` // dns: "udp", which asks again over TCP if the answer is truncated, or "tcp"; default "udp"

	Service string `json:",omitzero"` // grpc: the service whose health is asked for; "": that of the server as a whole
	Command string `json:",omitzero"` // exec: the program's absolute path and its arguments, with "\x00" between; required
	Token   string `json:",omitzero"` // push: what a report must carry; required, 16 characters or more

	Interval time.Duration `json:",omitzero"` // end of a probe to the start of the next; default 10 s, 100 ms to 1 h; push: as Silence
	Timeout  time.Duration `json:",omitzero"` // of a whole probe; default 4 s, 10 ms to 1 min
	Rise     int           `json:",omitzero"` // good results in a row that bring a target up; default 2, 1 to 100
	Fall     int           `json:",omitzero"` // bad results in a row that take it down; default 3, 1 to 100; push: 1
	Jitter   float64       `json:",omitzero"` // greatest part by which an interval is shortened; default 0.1, at most 0.9; negative: NoJitter
	Silence  time.Duration `json:",omitzero"` // push: a report is awaited so long; default 30 s, 1 s to 1 h

	Recheck       time.Duration `json:",omitzero"` // interval after a failure of a target that is still up; default Interval, 10 ms to Interval
	Cooldown      time.Duration `json:",omitzero"` // a target that went down stays so for at least so long; default 0, at most 24 h
	Failback      string        `json:",omitzero"` // Auto, Delayed or OneWay; default Auto
	FailbackAfter time.Duration `json:",omitzero"` // Delayed: how long it has to be well; required there, 1 s to 24 h
}

// WithDefaults returns the check with every field left at zero filled in.
func (c Check) WithDefaults() Check {
	c.Failback = cmp.Or(c.Failback, Auto)
	c.Rise = cmp.Or(c.Rise, DefaultRise)
	c.Port = cmp.Or(c.Port, c.standardPort())
	if c.Type == "push" {
		return c.pushed()
	}
	c.Interval = cmp.Or(c.Interval, DefaultInterval)
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	c.Fall = cmp.Or(c.Fall, DefaultFall)
	c.Jitter = cmp.Or(c.Jitter, DefaultJitter)
	if c.Jitter < 0 {
		c.Jitter = NoJitter
	}
	switch c.Type {
	case "http", "https":
		c.Path = cmp.Or(c.Path, DefaultPath)
		c.Method = cmp.Or(c.Method, DefaultMethod)
		c.Status = cmp.Or(c.Status, DefaultStatus)
		c.BodyLimit = cmp.Or(c.BodyLimit, DefaultBodyLimit)
	case "dns":
		c.QueryType = cmp.Or(c.QueryType, DefaultQueryType)
		c.Rcode = cmp.Or(c.Rcode, DefaultRcode)
		c.Network = cmp.Or(c.Network, DefaultNetwork)
	}
	return c
}

// pushed fills in what a check of type push has no choice about.
func (c Check) pushed() Check {
	c.Silence = cmp.Or(c.Silence, DefaultSilence)
	c.Interval, c.Timeout, c.Fall, c.Jitter = c.Silence, minTimeout, 1, NoJitter
	return c
}

func (c Check) http() bool { return c.Type == "http" || c.Type == "https" }

// secured tells whether the check does a TLS handshake.
func (c Check) secured() bool {
	return c.Type == "https" || c.Type == "tls" || c.Type == "grpc" && c.TLS
}

// standardPort is the port that the type is found at; 0: there is none.
func (c Check) standardPort() uint16 {
	switch c.Type {
	case "http":
		return 80
	case "https", "tls":
		return 443
	case "dns":
		return 53
	}
	return 0
}

// portless tells whether what is probed has no port.
func (c Check) portless() bool { return c.Type == "icmp" || c.Type == "exec" || c.Type == "push" }

// pause is the interval after a result: that after a failure of a target still up is
// one of its own.
func (c Check) pause(failing bool) time.Duration {
	if failing && c.Recheck > 0 {
		return c.Recheck
	}
	return c.Interval
}

// Target is what is probed: an address, or a host that is resolved anew for every
// probe; with a check of type push, a server that reports itself. It is comparable.
type Target struct {
	Check  Check      `json:",omitzero"`
	Addr   netip.Addr `json:",omitzero"` // ignored if Name is set
	Name   string     `json:",omitzero"` // host name, with or without the final dot
	Server string     `json:",omitzero"` // push: the name that reports carry
}

// complete is the one form in which equal targets are equal.
func (t Target) complete() Target {
	t.Check = t.Check.WithDefaults()
	t.Addr = t.Addr.Unmap()
	if t.Name != "" {
		t.Name = strings.ToLower(strings.TrimSuffix(t.Name, "."))
		t.Addr = netip.Addr{}
	}
	if t.Check.Type == "push" {
		t.Name, t.Addr = "", netip.Addr{}
	}
	return t
}

// identity is the target without how often and how patiently it is probed and how it
// comes back: targets equal in this are one and the same to whoever is probed.
func (t Target) identity() Target {
	c := &t.Check
	c.Interval, c.Timeout, c.Rise, c.Fall, c.Jitter, c.Silence = 0, 0, 0, 0, 0, 0
	c.Recheck, c.Cooldown, c.Failback, c.FailbackAfter = 0, 0, "", 0
	return t
}

// String is the target for people: "http 192.0.2.1:80/healthz".
func (t Target) String() string {
	t = t.complete()
	c := &t.Check
	switch at := net.JoinHostPort(t.host(), strconv.Itoa(int(c.Port))); c.Type {
	case "push":
		return "push " + t.Server
	case "icmp":
		return "icmp " + t.host()
	case "exec":
		program, _, _ := strings.Cut(c.Command, "\x00")
		return fmt.Sprintf("exec %s %s", path.Base(program), t.host())
	case "dns":
		return fmt.Sprintf("dns %s %s/%s", at, c.Query, c.QueryType)
	case "grpc":
		return fmt.Sprintf("grpc %s/%s", at, c.Service)
	default:
		return fmt.Sprintf("%s %s%s", c.Type, at, c.Path)
	}
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
