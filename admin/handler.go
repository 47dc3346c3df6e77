package admin

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"path"
	"strings"
	"sync/atomic"
	"time"
)

// Options say who may do what.
type Options struct {
	// Local: the handler stands on a socket that only its user can open. Everybody there may do everything.
	Local bool
	// Tokens gives those that are accepted now. With none (nil), and not Local, everybody may read.
	Tokens func() []Token
	// Hosts are names under which the handler is reached, without a port, beside addresses and localhost.
	Hosts []string
	// Metrics answers at /metrics, to whoever may read; nil: there are none.
	Metrics http.Handler
	// Counts gets what was let in and what was refused; several handlers may share it. Required.
	Counts *Counts
}

// Token lets whoever knows it in.
type Token struct {
	Name   string
	SHA256 [32]byte // of the token
	Right  Right
}

// Counts of a handler since the start.
type Counts struct {
	Requests     atomic.Uint64 // let in
	Connections  atomic.Uint64 // refused: too many at once
	Unauthorized atomic.Uint64 // no token, or a wrong one
	Forbidden    atomic.Uint64 // the token's right does not suffice
	Foreign      atomic.Uint64 // from a browser's page elsewhere, or for a host that is not here
	Malformed    atomic.Uint64 // path, body or its type
}

// Refused is the sum of what was refused.
func (c *Counts) Refused() uint64 {
	return c.Connections.Load() + c.Unauthorized.Load() + c.Forbidden.Load() + c.Foreign.Load() + c.Malformed.Load()
}

// handler lets requests in and answers them.
type handler struct {
	o      Options
	source Source
	mux    *http.ServeMux
	texts  chan struct{} // has room for the request that holds a text

	watchers chan struct{} // has room for those that wait for a change
	crowds   [crowds]shared
}

// Handler answers for a source.
func Handler(s Source, o Options) http.Handler {
	h := &handler{o: o, source: s, mux: http.NewServeMux(), texts: make(chan struct{}, 1), watchers: make(chan struct{}, maxWatchers)}
	for _, r := range routes() {
		h.mux.HandleFunc(r.method+" "+r.path, func(w http.ResponseWriter, req *http.Request) { h.serve(w, req, &r) })
	}
	for at, a := range assets() {
		h.mux.HandleFunc("GET "+at+map[bool]string{true: "{$}"}[at == "/"], func(w http.ResponseWriter, req *http.Request) {
			o.Counts.Requests.Add(1)
			a.ServeHTTP(w, req)
		})
	}
	return h
}

// ServeHTTP refuses what is wrong whatever the route, then finds the route.
//
//	path not plain   400
//	foreign          403
//	no such path     404, and 405 for another method, but 401 to whoever could not ask at all
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	if p := r.URL.Path; p != path.Clean(p) || r.URL.Host != "" || strings.ContainsAny(r.URL.EscapedPath(), "%\\;") && !plainZone(p) {
		h.o.Counts.Malformed.Add(1)
		reply(w, r, nil, refuse(http.StatusBadRequest, "the path is not plain"))
		return
	}
	if why := h.foreign(r); why != "" {
		h.o.Counts.Foreign.Add(1)
		reply(w, r, nil, refuse(http.StatusForbidden, "%s", why))
		return
	}
	if _, pattern := h.mux.Handler(r); pattern == "" {
		if err := h.unknown(w, r); err != nil {
			reply(w, r, nil, err)
			return
		}
	}
	h.mux.ServeHTTP(w, r)
}

// plainZone lets a zone's name have escapes: that of RFC 2317 holds a slash.
func plainZone(p string) bool {
	return strings.HasPrefix(p, "/v1/zones/") && !strings.Contains(p, "\\") && !strings.Contains(p, "..")
}

func (h *handler) unknown(w http.ResponseWriter, r *http.Request) error {
	if _, err := h.caller(r); err != nil {
		return err
	}
	h.o.Counts.Malformed.Add(1)
	status := http.StatusNotFound
	if methods := h.methods(r); len(methods) > 0 {
		status = http.StatusMethodNotAllowed
		w.Header().Set("Allow", strings.Join(methods, ", ")) // RFC 9110 section 15.5.6
	}
	return refuse(status, "there is no %s %s; see /v1/openapi.json", r.Method, r.URL.Path)
}

// methods are those that there is a route for at the path of a request.
func (h *handler) methods(r *http.Request) (list []string) {
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete} {
		other := *r
		other.Method = method
		if _, pattern := h.mux.Handler(&other); pattern != "" {
			list = append(list, method)
		}
	}
	return list
}

// foreign says why a request may come from somebody else's page in a browser; "" if it does not. A page's requests to
// another site carry Origin or Sec-Fetch-Site, and one that had its name resolved to this host carries its name. Our
// own page only reads; a link to it may stand anywhere.
//
//	Host     Origin  Sec-Fetch-Site    method  let in
//	unknown  any     any               any     no
//	known    none    none              any     yes
//	known    none    same-origin       GET     yes: our page
//	known    ours    same-origin       GET     yes: our page
//	known    none    any, by a link    GET     yes, to the page itself
//	known    any     any other         any     no
func (h *handler) foreign(r *http.Request) string {
	if !h.known(r.Host) {
		return "this host has another name; use its address, or list the name in [api] names"
	}
	origin, site := r.Header.Get("Origin"), r.Header.Get("Sec-Fetch-Site")
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	ours := origin == "http://"+r.Host || origin == "https://"+r.Host
	link := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	switch {
	case origin == "" && (site == "" || site == "none"):
	case reads && site == "same-origin" && (origin == "" || ours):
	case reads && link && origin == "" && r.URL.Path == "/":
	default:
		return "requests from web pages are refused"
	}
	return ""
}

// known says whether a name is one of this host. On the local socket, names without a dot are too: clients write there
// what they like, and no stranger has such a name.
func (h *handler) known(hostport string) bool {
	host := hostport
	if name, _, err := net.SplitHostPort(hostport); err == nil {
		host = name
	}
	host = strings.Trim(host, "[]")
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	if h.o.Local && !strings.Contains(host, ".") {
		return true
	}
	for _, name := range append([]string{"localhost"}, h.o.Hosts...) {
		if strings.EqualFold(strings.TrimSuffix(host, "."), name) {
			return true
		}
	}
	return false
}

// caller finds out who asks.
//
//	Local   tokens   the request's   caller
//	yes     any      any             may write
//	no      none     any             may read
//	no      some     a known one     as the token says
//	no      some     other or none   refused
func (h *handler) caller(r *http.Request) (Caller, error) {
	switch {
	case h.o.Local:
		return Caller{peerName(r.Context()), Write}, nil
	case h.o.Tokens == nil:
		return Caller{"anyone", Read}, nil
	}
	sum := sha256.Sum256([]byte(bearer(r)))
	found := (*Token)(nil)
	for _, t := range h.o.Tokens() { // all, so that time tells nothing
		if subtle.ConstantTimeCompare(sum[:], t.SHA256[:]) == 1 {
			found = &t
		}
	}
	if found == nil {
		h.o.Counts.Unauthorized.Add(1)
		return Caller{}, refuse(http.StatusUnauthorized, "a token is needed: Authorization: Bearer TOKEN")
	}
	return Caller{found.Name, found.Right}, nil
}

// bearer is the token of a request; "" if it has none.
func bearer(r *http.Request) string {
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(text)
}

// slowest is how long a reload may take.
const slowest = 10 * time.Minute

func (h *handler) serve(w http.ResponseWriter, req *http.Request, r *route) {
	c, leave, err := h.admit(w, req, r)
	defer leave()
	if err != nil {
		if why := new(Refusal); errors.As(err, &why) && why.Status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", "Bearer")
		}
		reply(w, req, nil, err)
		return
	}
	if r.slow {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(slowest)) // not every writer has one
	}
	h.o.Counts.Requests.Add(1)
	if r.metrics {
		h.metrics(w, req)
		return
	}
	answer, err := r.serve(c)
	if why := new(Refusal); errors.As(err, &why) && why.Status == http.StatusUnauthorized {
		h.o.Counts.Unauthorized.Add(1)
	}
	reply(w, req, answer, err)
}

// metrics answers in the form of Prometheus.
func (h *handler) metrics(w http.ResponseWriter, req *http.Request) {
	if h.o.Metrics == nil {
		reply(w, req, nil, refuse(http.StatusNotFound, "there are no metrics"))
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	h.o.Metrics.ServeHTTP(w, req)
}

// admit holds a request against its route. leave, never nil, is called when it has been answered.
func (h *handler) admit(w http.ResponseWriter, req *http.Request, r *route) (c *call, leave func(), err error) {
	leave = func() {}
	var by Caller
	if r.need > Nothing {
		if by, err = h.caller(req); err != nil {
			return nil, leave, err
		}
	}
	if by.Right < r.need {
		h.o.Counts.Forbidden.Add(1)
		return nil, leave, refuse(http.StatusForbidden, "%s may not do this: it takes the right to %s", by.Name, r.need)
	}
	if r.text {
		if leave, err = h.await(req.Context()); err != nil {
			return nil, leave, err
		}
	}
	body, err := readBody(w, req, r)
	if err != nil {
		h.o.Counts.Malformed.Add(1)
		return nil, leave, err
	}
	return &call{req, h.source, by, body, h.watchers, &h.crowds}, leave, nil
}

// turn is how long a request with a text waits for the one before it.
const turn = 5 * time.Second

// await lets requests with a text in one after the other, before their bodies are read: a small text may take half a
// gigabyte to check.
func (h *handler) await(ctx context.Context) (leave func(), err error) {
	select {
	case h.texts <- struct{}{}:
		return func() { <-h.texts }, nil
	case <-ctx.Done():
	case <-time.After(turn):
	}
	return func() {}, refuse(http.StatusServiceUnavailable, "another text is being checked; try again")
}

func readBody(w http.ResponseWriter, req *http.Request, r *route) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, r.limit()))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, refuse(http.StatusRequestEntityTooLarge, "the body is larger than %d bytes", r.limit())
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "the body: %v", err)
	case r.method != http.MethodGet && (r.body != nil || len(body) > 0 || !r.slow) && !r.accepts(req.Header.Get("Content-Type")):
		return nil, refuse(http.StatusUnsupportedMediaType, "the body's Content-Type must be %s", r.wants())
	}
	return body, nil
}

func decodeStrictly(body []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return BadRequest("the body: %v", err)
	}
	if d.More() {
		return BadRequest("the body holds more than one value")
	}
	return nil
}

type peerKey struct{}

// peerName is the user behind a local connection.
func peerName(ctx context.Context) string {
	name, _ := ctx.Value(peerKey{}).(string)
	if name == "" {
		return "local"
	}
	return name
}
