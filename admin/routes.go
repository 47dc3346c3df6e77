package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"slices"
	"strconv"
)

// Right is what a caller may do; a greater one includes the lesser.
type Right uint8

const (
	Nothing Right = iota
	Read
	Write
)

// String is the right in lower case.
func (r Right) String() string { return [...]string{"nothing", "read", "write"}[r] }

// Caller is who asks.
type Caller struct {
	Name  string // of the token, or of the user behind the socket
	Right Right
}

// Refusal is an error that is the caller's.
type Refusal struct {
	Status int
	Errors []string // at least one
}

func (r *Refusal) Error() string { return r.Errors[0] }

// refuse makes a refusal with one reason.
func refuse(status int, format string, args ...any) *Refusal {
	return &Refusal{status, []string{fmt.Sprintf(format, args...)}}
}

// BadRequest is a refusal of what a caller asks for.
func BadRequest(format string, args ...any) error {
	return refuse(http.StatusBadRequest, format, args...)
}

// NotFound is a refusal because there is no such thing.
func NotFound(format string, args ...any) error {
	return refuse(http.StatusNotFound, format, args...)
}

// Unauthorized is a refusal of a token.
func Unauthorized(format string, args ...any) error {
	return refuse(http.StatusUnauthorized, format, args...)
}

// Conflict is a refusal because of how things stand.
func Conflict(errs []string) error { return &Refusal{http.StatusConflict, errs} }

// failure is the body of every error.
type failure struct {
	Error  string   `json:"error"`
	Errors []string `json:"errors,omitempty"` // where there are several
}

// call is one request that was let in.
type call struct {
	*http.Request
	source Source
	by     Caller
	body   []byte

	watchers chan struct{} // has room for those that wait for a change
	crowds   *[crowds]shared
}

// Answers about everything, each made for all who ask at once.
const (
	forStatus = iota // the status
	forRest          // that without targets
	forZones
	crowds
)

// together has an answer made with those who ask for the same.
func (c *call) together(what int, f func() any) (any, error) {
	body, err := c.crowds[what].get(func() []byte { return encode(f()) })
	return document{jsonType, body}, err
}

// decode reads the body as JSON, strictly.
func (c *call) decode(to any) error { return decodeStrictly(c.body, to) }

// route is one thing that can be asked or done.
type route struct {
	method, path string
	need         Right
	about        string
	query        []string // parameters in the URL; those with a "*" at the end are required
	body         any      // an example of the type of the body; nil: none
	text         bool     // the body is text, not JSON
	slow         bool     // it may take minutes
	metrics      bool     // the answer is text, made by Options.Metrics
	answer       any      // an example of the type of the answer
	kind         string   // of the answer, which is a document then; "": JSON
	serve        func(*call) (any, error)
}

const (
	jsonType = "application/json"

	maxBody = 64 << 10
	maxText = 8 << 20 // of a zone
)

func (r *route) limit() int64 {
	switch {
	case r.text:
		return maxText
	case r.body != nil:
		return maxBody
	}
	return 0
}

// accepts says whether the type of a body is that of the route. Types that a browser sends to other sites without
// asking them first (form data, text/plain) are none.
func (r *route) accepts(contentType string) bool {
	want := "application/json"
	if r.text {
		want = "text/dns" // RFC 4027
	}
	got, _, err := mime.ParseMediaType(contentType)
	return err == nil && got == want
}

func (r *route) wants() string {
	if r.text {
		return "text/dns"
	}
	return "application/json"
}

// Routes lists the routes as "METHOD path".
func Routes() []string {
	var list []string
	for _, r := range routes() {
		list = append(list, r.method+" "+r.path)
	}
	return list
}

// routes is all that there is.
func routes() []route {
	return slices.Concat(mapRoutes(), pageRoutes(), []route{
		{method: "GET", path: "/v1/status", need: Read, about: "how everything stands; targets=none leaves the targets out",
			query: []string{"targets"}, answer: Status{}, serve: status},
		{method: "GET", path: "/v1/explain", need: Read, about: "why a client gets the answer it gets",
			query: []string{"name*", "type", "client*"}, answer: Explanation{}, serve: explain},
		{method: "GET", path: "/v1/history", need: Read, about: "changes of targets, servers and orders, the newest first",
			query: []string{"server", "most"}, answer: []Event{}, serve: history},
		{method: "GET", path: "/v1/orders", need: Read, about: "drains and forced states, those planned too", answer: []Order{},
			serve: func(c *call) (any, error) { return list(c.source.Orders()), nil }},
		{method: "POST", path: "/v1/orders", need: Write, about: "drain servers or force their state",
			body: OrderRequest{}, answer: []Order{}, serve: order},
		{method: "POST", path: "/v1/release", need: Write, about: "end drains or forced states",
			body: ReleaseRequest{}, answer: []Order{}, serve: release},
		{method: "POST", path: "/v1/readmit", need: Write, about: "bring servers back that wait for it: one-way failback, cooldown, delay",
			body: ReadmitRequest{}, answer: []string{}, serve: readmit},
		{method: "POST", path: "/v1/reload", need: Write, about: "read configuration and zones again; answers when that is visible",
			slow: true, answer: Reloaded{},
			serve: func(c *call) (any, error) { return c.source.Reload(c.Context(), c.by) }},
		{method: "GET", path: "/v1/zones", need: Read, about: "the zones", answer: []Zone{},
			serve: func(c *call) (any, error) {
				return c.together(forZones, func() any { return list(c.source.Status().Zones) })
			}},
		{method: "GET", path: "/v1/zones/{zone}", need: Read, about: "one zone with its text", answer: ZoneText{},
			serve: func(c *call) (any, error) { return c.source.Zone(c.PathValue("zone")) }},
		{method: "POST", path: "/v1/zones/{zone}/check", need: Read, about: "what is wrong with a text as this zone; nothing is changed",
			body: "", text: true, answer: ZoneReport{},
			serve: func(c *call) (any, error) { return c.source.CheckZone(c.PathValue("zone"), c.body) }},
		{method: "POST", path: "/v1/alerts/test", need: Write, about: "send every receiver of alerts a test message", slow: true, answer: []AlertResult{},
			serve: func(c *call) (any, error) { return list(c.source.TestAlerts(c.Context())), nil }},
		{method: "GET", path: "/v1/log-level", need: Read, about: "how grave an event must be to be logged", answer: LogLevel{},
			serve: func(c *call) (any, error) { return c.source.LogLevel(), nil }},
		{method: "POST", path: "/v1/log-level", need: Write, about: "change that until the nameserver ends", body: LogLevel{}, answer: LogLevel{},
			serve: logLevel},
		{method: "POST", path: "/v1/heartbeat/{server}", need: Nothing, about: "a server of a push check says how it is; the bearer token is that of the check",
			body: Heartbeat{}, answer: Done{}, serve: heartbeat},
		{method: "GET", path: "/metrics", need: Read, about: "metrics in the form of Prometheus", metrics: true, answer: ""},
		{method: "GET", path: "/v1/openapi.json", need: Read, about: "this description", answer: map[string]any{},
			serve: func(*call) (any, error) { return Describe(), nil }},
	})
}

// list makes an empty list of none, for JSON.
func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

func status(c *call) (any, error) {
	switch c.FormValue("targets") {
	case "":
		return c.together(forStatus, func() any { return c.source.Status() })
	case "none":
		return c.together(forRest, func() any {
			s := c.source.Status()
			s.Targets = []Target{}
			return s
		})
	}
	return nil, BadRequest("targets=%q is not none", c.FormValue("targets"))
}

func history(c *call) (any, error) {
	events := list(c.source.History(c.FormValue("server")))
	if text := c.FormValue("most"); text != "" {
		most, err := strconv.Atoi(text)
		if err != nil || most < 0 {
			return nil, BadRequest("most=%q is not a number", text)
		}
		events = events[:min(most, len(events))]
	}
	return events, nil
}

func explain(c *call) (any, error) {
	q, err := ParseQuestion(c.FormValue("name"), c.FormValue("type"), c.FormValue("client"))
	if err != nil {
		return nil, BadRequest("%v", err)
	}
	lines, err := q.Explain(c.source.View())
	if err != nil {
		return nil, BadRequest("%v", err)
	}
	return Explanation{q.Name, q.TypeName(), q.client, lines}, nil
}

func order(c *call) (any, error) {
	var o OrderRequest
	if err := c.decode(&o); err != nil {
		return nil, err
	}
	made, err := c.source.Order(c.by, o)
	return list(made), err
}

func release(c *call) (any, error) {
	var o ReleaseRequest
	if err := c.decode(&o); err != nil {
		return nil, err
	}
	ended, err := c.source.Release(c.by, o)
	return list(ended), err
}

func readmit(c *call) (any, error) {
	var r ReadmitRequest
	if err := c.decode(&r); err != nil {
		return nil, err
	}
	back, err := c.source.Readmit(c.by, r)
	return list(back), err
}

func logLevel(c *call) (any, error) {
	var l LogLevel
	if err := c.decode(&l); err != nil {
		return nil, err
	}
	return c.source.SetLogLevel(c.by, l)
}

func heartbeat(c *call) (any, error) {
	var b Heartbeat
	if err := c.decode(&b); err != nil {
		return nil, err
	}
	return Done{true}, c.source.Heartbeat(c.PathValue("server"), bearer(c.Request), b)
}

// reply writes an answer or an error.
func reply(w http.ResponseWriter, r *http.Request, answer any, err error) {
	if d, ok := answer.(document); ok && err == nil {
		d.write(w, r)
		return
	}
	status := http.StatusOK
	if err != nil {
		var why *Refusal
		if !errors.As(err, &why) {
			why = &Refusal{http.StatusInternalServerError, []string{err.Error()}}
		}
		status = why.Status
		f := failure{Error: why.Errors[0]}
		if len(why.Errors) > 1 {
			f.Errors = why.Errors
		}
		answer = f
	}
	h := w.Header()
	h.Set("Content-Type", jsonType)
	h.Set("Cache-Control", "no-store")
	send(w, r, status, encode(answer))
}

// encode writes an answer as JSON.
func encode(answer any) []byte {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetIndent("", "  ")
	_ = e.Encode(answer) // the types are ours
	return body.Bytes()
}

// typeOf is the type of an example.
func typeOf(example any) reflect.Type { return reflect.TypeOf(example) }
