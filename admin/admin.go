// Package admin is what a running nameserver tells its administrator over HTTP: why a client gets an answer, and how
// everything stands.
//
//	GET /v1/explain?name=www.example.com&type=A&client=81.2.69.0/24
//	GET /v1/status
//
// Both answer with JSON, errors too: {"error": "..."} with a status of 400 or 404. The handler knows no users and no
// passwords: whoever can connect may ask, so it belongs on a socket with a mode.
//
// A handler is safe for concurrent use as far as its Source is.
package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/steer"
)

// Source is the nameserver told of.
type Source interface {
	View() *resolver.View
	Status() Status
}

// Handler answers for a source.
func Handler(s Source) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/explain", func(w http.ResponseWriter, r *http.Request) {
		q, err := ParseQuestion(r.FormValue("name"), r.FormValue("type"), r.FormValue("client"))
		if err != nil {
			reply(w, http.StatusBadRequest, failure{err.Error()})
			return
		}
		lines, err := q.Explain(s.View())
		if err != nil {
			reply(w, http.StatusBadRequest, failure{err.Error()})
			return
		}
		reply(w, http.StatusOK, Explanation{q.Name, q.TypeName(), q.client, lines})
	})
	mux.HandleFunc("GET /v1/status", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, s.Status())
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		reply(w, http.StatusNotFound, failure{fmt.Sprintf("there is no %s %s", r.Method, r.URL.Path)})
	})
	return mux
}

type failure struct {
	Error string `json:"error"`
}

func reply(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	_ = e.Encode(body) // a reader who left needs no answer
}

// Explanation is the answer of /v1/explain.
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
