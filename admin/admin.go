// Package admin is how a running nameserver is watched and operated over HTTP with JSON. [Routes] lists what there is
// and [Describe] says the same in OpenAPI; a nameserver serves that at /v1/openapi.json. Answers are the types of this
// package; errors are {"error": "...", "errors": [...]} with a status of 400 and above.
//
// A [Handler] knows where it stands. On a socket with a mode whoever can connect may do everything (Options.Local).
// On TCP it wants a bearer token that carries the [Right] a route needs, or, where no token is configured, lets
// everybody read. It serves a status page at /, which is a client like others and only reads. Pages of other sites are
// refused (Origin, Sec-Fetch-Site), and so are host names that are not its own (DNS rebinding), paths that are not
// plain, bodies that are too large or of another type; all that is counted in [Counts]. [Service] bounds connections and times, so that whoever attacks it costs little.
//
// A handler is safe for concurrent use as far as its Source is. The other types are plain values.
package admin

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/steer"
)

// Source is the nameserver told of and operated. Errors that are a *Refusal have a status of their own; others are
// faults of the nameserver.
type Source interface {
	View() *resolver.View
	Status() Status
	// Stamp is another number whenever Status may tell something else, counters and latencies aside.
	Stamp() uint64
	// Vitals lists the targets of servers, in the order of Status.
	Vitals(servers []string) []Vital
	// History lists what became of the targets and servers whose name holds filter, the newest first.
	History(filter string) []Event
	Orders() []Order
	// Order puts orders in force, or plans them.
	Order(by Caller, o OrderRequest) ([]Order, error)
	// Release ends the orders that a request names and returns them.
	Release(by Caller, o ReleaseRequest) ([]Order, error)
	// Reload returns when what it read is visible to queries.
	Reload(ctx context.Context, by Caller) (Reloaded, error)
	// Zone gives a zone that is configured, with its text.
	Zone(name string) (ZoneText, error)
	// CheckZone says what is wrong with a text as a zone, and changes nothing.
	CheckZone(name string, text []byte) (ZoneReport, error)
	// Readmit brings servers back that are well and held down, and names their targets.
	Readmit(by Caller, r ReadmitRequest) ([]string, error)
	// TestAlerts sends every receiver a test message.
	TestAlerts(ctx context.Context) []AlertResult
	// LogLevel tells how grave an event must be to be logged.
	LogLevel() LogLevel
	// SetLogLevel changes that until the nameserver ends.
	SetLogLevel(by Caller, l LogLevel) (LogLevel, error)
	// Heartbeat is a server's word of how it is, with the token of its check.
	Heartbeat(server, token string, b Heartbeat) error
	// Map tells whom a pool serves from where.
	Map(ctx context.Context, r MapRequest) (Map, error)
	// MapCSS is the rules for the classes of its picture.
	MapCSS() string
}

// Explanation is why a client gets an answer.
type Explanation struct {
	Name   string   `json:"name"` // absolute
	Type   string   `json:"type"`
	Client string   `json:"client"`
	Lines  []string `json:"lines"`
}

// Question is a question of one client. The zero value asks nothing; use ParseQuestion.
type Question struct {
	Name   string // absolute, presentation form
	Type   uint16
	Client steer.Client

	wire   []byte
	client string
}

// ParseQuestion reads a name, a type ("" is A) and a client: an address, from which the query comes, or a network,
// which is the client subnet that the query tells (RFC 7871).
func ParseQuestion(name, typ, client string) (*Question, error) {
	q := &Question{Name: dns.Fqdn(name), Type: dns.TypeA, client: client}
	q.wire = make([]byte, 256)
	n, err := dns.PackDomainName(q.Name, q.wire, 0, nil, false)
	if err != nil || name == "" {
		return nil, fmt.Errorf("%q is not a domain name", name)
	}
	q.wire = q.wire[:n]
	if typ != "" {
		t, known := dns.StringToType[strings.ToUpper(typ)]
		if !known {
			return nil, fmt.Errorf("%q is not a record type such as A or AAAA", typ)
		}
		q.Type = t
	}
	q.Client, err = ParseClient(client)
	return q, err
}

// ParseClient reads an address or a network.
func ParseClient(s string) (steer.Client, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return steer.Client{Resolver: a.Unmap()}, nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return steer.Client{}, fmt.Errorf("client %q is neither an address such as 81.2.69.7 nor a network such as 81.2.69.0/24", s)
	}
	p = p.Masked()
	return steer.Client{Resolver: p.Addr(), Subnet: p.Addr(), Source: uint8(p.Bits()), HasSubnet: true}, nil
}

// TypeName is the type in presentation form.
func (q *Question) TypeName() string { return dns.Type(q.Type).String() }

// Explain gives the reasons for the answer of a view, a line each.
func (q *Question) Explain(v *resolver.View) ([]string, error) {
	return v.Explain(q.wire, q.Type, q.Client)
}
