package admin

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// operated is a source that can do everything and remembers what it did.
type operated struct {
	source
	did []string
}

func (o *operated) note(by Caller, format string, args ...any) {
	o.did = append(o.did, by.Name+": "+fmt.Sprintf(format, args...))
}
func (o *operated) History(string) []Event { return []Event{{What: "tcp 192.0.2.1:25"}} }
func (o *operated) Orders() []Order        { return nil }
func (o *operated) Stamp() uint64          { return 7 }
func (o *operated) Vitals([]string) []Vital {
	return []Vital{{Target: Target{Target: "tcp 192.0.2.1:25"}, Latencies: []int32{120, -1}}}
}
func (o *operated) Order(by Caller, r OrderRequest) ([]Order, error) {
	o.note(by, "%s %v", r.Kind, r.Servers)
	return []Order{{ID: "1", Kind: r.Kind}}, nil
}
func (o *operated) Release(by Caller, r ReleaseRequest) ([]Order, error) {
	return nil, NotFound("no such order")
}
func (o *operated) Reload(_ context.Context, by Caller) (Reloaded, error) {
	return Reloaded{}, Conflict([]string{"a.toml:1: one", "a.toml:2: two"})
}
func (o *operated) Zone(name string) (ZoneText, error) {
	if name != "example.com" && name != "0/25.2.0.192.in-addr.arpa" {
		return ZoneText{}, NotFound("no zone is named %q", name)
	}
	return ZoneText{Zone: Zone{Name: name}}, nil
}
func (o *operated) CheckZone(name string, text []byte) (ZoneReport, error) {
	return ZoneReport{OK: len(text) > 0}, nil
}
func (o *operated) Heartbeat(server, token string, b Heartbeat) error {
	if token != "push-token-0123456789" {
		return Unauthorized("the token is wrong")
	}
	return nil
}
func (o *operated) LogLevel() LogLevel                                 { return LogLevel{Level: "info"} }
func (o *operated) SetLogLevel(_ Caller, l LogLevel) (LogLevel, error) { return l, nil }
func (o *operated) Map(_ context.Context, r MapRequest) (Map, error) {
	return Map{Coverage{Pool: r.Pool, Down: r.Down}, []byte("<svg/>")}, nil
}
func (o *operated) MapCSS() string                                        { return ".area{}" }
func (o *operated) TestAlerts(context.Context) []AlertResult              { return []AlertResult{{Receiver: "ops"}} }
func (o *operated) Readmit(by Caller, r ReadmitRequest) ([]string, error) { return r.Servers, nil }

func tokens() []Token {
	return []Token{
		{"ops", sha256.Sum256([]byte("write-token-0123456789")), Write},
		{"board", sha256.Sum256([]byte("read-token-0123456789")), Read},
	}
}

const drainBody = `{"kind": "drain", "servers": ["ny"]}`

// TestAttacks sends what an attacker would, and what an operator does.
func TestAttacks(t *testing.T) {
	counts := new(Counts)
	src := &operated{source: newSource(t)}
	h := Handler(src, Options{Tokens: tokens, Hosts: []string{"ns1.example.com"}, Counts: counts})
	large := `{"reason": "` + strings.Repeat("x", maxBody) + `"}`
	for _, c := range []struct {
		name, method, path, token, body, header string
		status                                  int
	}{
		{"no token", "GET", "/v1/status", "", "", "", 401},
		{"a wrong token", "GET", "/v1/status", "guess", "", "", 401},
		{"a token's beginning", "GET", "/v1/status", "read-token", "", "", 401},
		{"no token, unknown path", "GET", "/etc/passwd", "", "", "", 401},
		{"another scheme", "GET", "/v1/status", "", "", "Authorization: Basic b3BzOndyaXRlLXRva2VuLTAxMjM0NTY3ODk=", 401},
		{"a token in the URL", "GET", "/v1/status?token=write-token-0123456789", "", "", "", 401},
		{"read with a read token", "GET", "/v1/status", "read-token-0123456789", "", "", 200},
		{"the head alone", "HEAD", "/v1/status", "read-token-0123456789", "", "Content-Type: ", 200},
		{"the head alone, without a token", "HEAD", "/v1/status", "", "", "Content-Type: ", 401},
		{"write with a read token", "POST", "/v1/orders", "read-token-0123456789", drainBody, "", 403},
		{"reload with a read token", "POST", "/v1/reload", "read-token-0123456789", "", "", 403},
		{"read with a check's token", "GET", "/v1/status", "push-token-0123456789", "", "", 401},
		{"a heartbeat with the check's token", "POST", "/v1/heartbeat/ny", "push-token-0123456789", "{}", "", 200},
		{"a heartbeat with another token", "POST", "/v1/heartbeat/ny", "write-token-0123456789", "{}", "", 401},
		{"a heartbeat without a token", "POST", "/v1/heartbeat/ny", "", "{}", "", 401},
		{"write with a write token", "POST", "/v1/orders", "write-token-0123456789", drainBody, "", 200},
		{"check with a read token", "POST", "/v1/zones/example.com/check", "read-token-0123456789", "@ IN SOA", "Content-Type: text/dns", 200},
		{"a body too large", "POST", "/v1/orders", "write-token-0123456789", large, "", 413},
		{"a body where none belongs", "GET", "/v1/status", "write-token-0123456789", "x", "", 413},
		{"no JSON", "POST", "/v1/orders", "write-token-0123456789", "drain ny", "", 400},
		{"an unknown key", "POST", "/v1/orders", "write-token-0123456789", `{"kind": "drain", "sudo": true}`, "", 400},
		{"two values", "POST", "/v1/orders", "write-token-0123456789", drainBody + drainBody, "", 400},
		{"a form, as a page could send it", "POST", "/v1/orders", "write-token-0123456789", drainBody, "Content-Type: application/x-www-form-urlencoded", 415},
		{"plain text, as a page could send it", "POST", "/v1/orders", "write-token-0123456789", drainBody, "Content-Type: text/plain", 415},
		{"reload by a form", "POST", "/v1/reload", "write-token-0123456789", "a=b", "Content-Type: application/x-www-form-urlencoded", 413},
		{"a page's origin", "POST", "/v1/orders", "write-token-0123456789", drainBody, "Origin: http://evil.example", 403},
		{"a page's null origin", "GET", "/v1/status", "read-token-0123456789", "", "Origin: null", 403},
		{"our page", "GET", "/v1/status", "read-token-0123456789", "", "Sec-Fetch-Site: same-origin", 200},
		{"our page, with its origin", "GET", "/v1/status", "read-token-0123456789", "", "Sec-Fetch-Site: same-origin\nOrigin: http://127.0.0.1:8053", 200},
		{"our page without a token", "GET", "/v1/status", "", "", "Sec-Fetch-Site: same-origin", 401},
		{"our page, writing", "POST", "/v1/orders", "write-token-0123456789", drainBody, "Sec-Fetch-Site: same-origin", 403},
		{"our page, writing with its origin", "POST", "/v1/orders", "write-token-0123456789", drainBody, "Sec-Fetch-Site: same-origin\nOrigin: http://127.0.0.1:8053", 403},
		{"a page of another port", "GET", "/v1/status", "read-token-0123456789", "", "Sec-Fetch-Site: same-site", 403},
		{"another port as origin", "GET", "/v1/status", "read-token-0123456789", "", "Sec-Fetch-Site: same-origin\nOrigin: http://127.0.0.1:80", 403},
		{"a link to an answer", "GET", "/v1/status", "read-token-0123456789", "", "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document", 403},
		{"a frame", "GET", "/", "", "", "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: iframe", 403},
		{"a form sent to the page", "POST", "/", "", "", "Sec-Fetch-Site: cross-site\nSec-Fetch-Mode: navigate\nSec-Fetch-Dest: document", 403},
		{"the page of a name rebound to here", "GET", "/", "", "", "Host: evil.example:8053", 403},
		{"a name without a dot", "GET", "/v1/status", "read-token-0123456789", "", "Host: meridian", 403},
		{"a page's image", "GET", "/v1/status", "read-token-0123456789", "", "Sec-Fetch-Site: cross-site", 403},
		{"a name rebound to here", "GET", "/v1/status", "read-token-0123456789", "", "Host: evil.example:8053", 403},
		{"our name", "GET", "/v1/status", "read-token-0123456789", "", "Host: NS1.example.com:8053", 200},
		{"our address", "GET", "/v1/status", "read-token-0123456789", "", "Host: [2001:db8::53]:8053", 200},
		{"up and out", "GET", "/v1/zones/../../etc/passwd", "read-token-0123456789", "", "", 400},
		{"up and out, escaped", "GET", "/v1/zones/..%2f..%2fetc%2fpasswd", "read-token-0123456789", "", "", 400},
		{"up and out, twice escaped", "GET", "/v1/zones/%252e%252e%252fpasswd", "read-token-0123456789", "", "", 404},
		{"a file in the zones folder", "GET", "/v1/zones/secret.key", "read-token-0123456789", "", "", 404},
		{"two slashes", "GET", "//v1/status", "read-token-0123456789", "", "", 400},
		{"a slash behind", "POST", "/v1/orders/", "read-token-0123456789", drainBody, "", 400},
		{"an escaped letter", "GET", "/v1/%73tatus", "read-token-0123456789", "", "", 400},
		{"a backslash", "GET", "/v1\\status", "read-token-0123456789", "", "", 400},
		{"an end of string", "GET", "/v1/status%00", "read-token-0123456789", "", "", 400},
		{"a zone with a slash", "GET", "/v1/zones/0%2F25.2.0.192.in-addr.arpa", "read-token-0123456789", "", "", 200},
		{"another method", "DELETE", "/v1/status", "write-token-0123456789", "", "", 405},
		{"TRACE", "TRACE", "/v1/status", "write-token-0123456789", "", "", 405},
		{"nothing there", "GET", "/debug/pprof", "write-token-0123456789", "", "", 404},
	} {
		r := request(c.method, c.path, c.token, c.body, c.header)
		before := counts.Refused()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s: status %d, want %d: %s", c.name, w.Code, c.status, w.Body)
		}
		if c.status >= 405 || c.status == 401 || c.status == 403 {
			if counts.Refused() == before {
				t.Errorf("%s: refused and not counted", c.name)
			}
		}
		if strings.Contains(w.Body.String(), "token-0123456789") {
			t.Errorf("%s: tells a token: %s", c.name, w.Body)
		}
	}
	if want := []string{"ops: drain [ny]"}; !slices.Equal(src.did, want) {
		t.Errorf("did %q, want %q", src.did, want)
	}
}

func request(method, path, token, body, header string) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(
		fmt.Sprintf("%s %s HTTP/1.1\r\nHost: 127.0.0.1:8053\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body))))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for line := range strings.SplitSeq(header, "\n") {
		if name, value, ok := strings.Cut(line, ": "); ok {
			if r.Header.Set(name, value); name == "Host" {
				r.Host = value
			}
		}
	}
	return r
}

// TestWithoutTokens: whoever is on this host may read and nothing more.
func TestWithoutTokens(t *testing.T) {
	h := Handler(&operated{source: newSource(t)}, Options{Counts: new(Counts)})
	for path, want := range map[string]int{"GET /v1/status": 200, "POST /v1/orders": 403, "POST /v1/reload": 403, "POST /v1/readmit": 403} {
		method, path, _ := strings.Cut(path, " ")
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, request(method, path, "", "", "")); w.Code != want {
			t.Errorf("%s %s: %d, want %d", method, path, w.Code, want)
		}
	}
}

// TestSeveralErrors holds that a refused reload tells all of them.
func TestSeveralErrors(t *testing.T) {
	h := Handler(&operated{source: newSource(t)}, Options{Local: true, Counts: new(Counts)})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request("POST", "/v1/reload", "", "", ""))
	if w.Code != 409 || !strings.Contains(w.Body.String(), "a.toml:2: two") {
		t.Errorf("%d: %s", w.Code, w.Body)
	}
}

// service serves an operated source on loopback.
func service(t *testing.T, counts *Counts) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewService(l, Handler(&operated{source: newSource(t)}, Options{Counts: counts}), counts)
	done := make(chan error, 1)
	go func() { done <- s.Serve(context.Background()) }()
	t.Cleanup(func() {
		s.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// TestSlowAndMany holds slow senders, endless headers and too many connections off.
func TestSlowAndMany(t *testing.T) {
	counts := new(Counts)
	addr := service(t, counts)
	dial := func() net.Conn {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	endless := dial()
	fmt.Fprintf(endless, "GET /v1/status HTTP/1.1\r\nHost: 127.0.0.1\r\nX: %s", bytes.Repeat([]byte("x"), 2*maxHeader))
	if line, _ := bufio.NewReader(endless).ReadString('\n'); !strings.Contains(line, "431") {
		t.Errorf("an endless header: %q", line)
	}
	endless.Close()
	slow := dial()
	begin := time.Now()
	fmt.Fprint(slow, "GET /v1/status HT")
	_, _ = io.ReadAll(slow)
	if took := time.Since(begin); took > 4*headerTime {
		t.Errorf("a slow header held its connection for %v", took)
	}
	var open []net.Conn
	for range maxConnections + 20 {
		open = append(open, dial())
	}
	for end := time.Now().Add(30 * time.Second); counts.Connections.Load() < 20 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if n := counts.Connections.Load(); n < 20 || n > 21 { // the slow one's place is free a moment after its end
		t.Errorf("%d connections were refused, want 20", n)
	}
	for _, c := range open {
		c.Close()
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := http.Get("http://" + addr + "/v1/status")
		if err == nil {
			resp.Body.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatalf("after the storm: %v", err)
		}
	}
}

// TestDescription holds the description against the routes, and every answer against its schema.
func TestDescription(t *testing.T) {
	h := Handler(&operated{source: newSource(t)}, Options{Local: true, Metrics: someMetrics, Counts: new(Counts)})
	text := ask(t, h, request("GET", "/v1/openapi.json", "", "", ""))
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			Responses map[string]struct {
				Content map[string]struct{ Schema any }
			}
		}
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(text, &doc); err != nil || doc.OpenAPI != "3.1.0" {
		t.Fatal(err, doc.OpenAPI)
	}
	var described []string
	for path, methods := range doc.Paths {
		for method := range methods {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	served := Routes()
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described %q, served %q", described, served)
	}
	bodies := map[string]string{"/v1/orders": drainBody, "/v1/zones/example.com/check": "@ IN SOA", "/v1/heartbeat/ny": `{"load": 0.5}`, "/v1/readmit": `{"servers": ["ny"]}`,
		"/v1/log-level": `{"level": "debug"}`}
	failing := []string{"POST /v1/release", "POST /v1/reload"}
	for _, route := range served {
		method, path, _ := strings.Cut(route, " ")
		at := strings.NewReplacer("{zone}", "example.com", "{server}", "ny").Replace(path)
		header, code := "", "200"
		if strings.HasSuffix(at, "/check") {
			header = "Content-Type: text/dns"
		}
		if at == "/v1/targets" {
			at += "?server=ny"
		}
		if at == "/v1/explain" {
			at += "?name=ns1.example.com&client=192.0.2.1"
		}
		body := bodies[at]
		if method == "GET" {
			body = ""
		}
		if at == "/v1/release" {
			body = `{"id": "7"}`
		}
		token := ""
		if strings.HasPrefix(at, "/v1/heartbeat/") {
			token = "push-token-0123456789"
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(method, at, token, body, header))
		if slices.Contains(failing, route) {
			code = "default"
		} else if w.Code != 200 {
			t.Errorf("%s: %d %s", route, w.Code, w.Body)
		}
		var answer any
		kind, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		if kind != "application/json" {
			answer = w.Body.String()
		} else if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Errorf("%s: %v", route, err)
		}
		schema := doc.Paths[path][strings.ToLower(method)].Responses[code].Content[kind].Schema
		if why := fits(answer, schema, doc.Components.Schemas, "answer"); why != "" {
			t.Errorf("%s: %s\n%s", route, why, w.Body)
		}
	}
}

func ask(t *testing.T, h http.Handler, r *http.Request) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, r); w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	return w.Body.Bytes()
}

// fits says why a value does not fit a schema, of the words that the description uses.
func fits(v, schema any, named map[string]any, at string) string {
	s, _ := schema.(map[string]any)
	if ref, ok := s["$ref"].(string); ok {
		return fits(v, named[strings.TrimPrefix(ref, "#/components/schemas/")], named, at)
	}
	if len(s) == 0 {
		return at + ": no schema"
	}
	types := []any{s["type"]}
	if list, ok := s["type"].([]any); ok {
		types = list
	}
	kind := map[reflect.Kind]string{reflect.Bool: "boolean", reflect.String: "string", reflect.Slice: "array", reflect.Map: "object", reflect.Float64: "number"}[reflect.ValueOf(v).Kind()]
	if v == nil {
		kind = "null"
	}
	if f, ok := v.(float64); ok && f == float64(int64(f)) && slices.Contains(types, any("integer")) {
		kind = "integer"
	}
	if !slices.Contains(types, any(kind)) {
		return fmt.Sprintf("%s: is %s, described as %v", at, kind, types)
	}
	switch v := v.(type) {
	case []any:
		for i := range v {
			if why := fits(v[i], s["items"], named, fmt.Sprintf("%s[%d]", at, i)); why != "" {
				return why
			}
		}
	case map[string]any:
		properties, _ := s["properties"].(map[string]any)
		for _, name := range append([]any{}, list(required(s))...) {
			if _, ok := v[name.(string)]; !ok {
				return fmt.Sprintf("%s: lacks %s", at, name)
			}
		}
		for name, value := range v {
			p, ok := properties[name]
			if !ok && s["additionalProperties"] == false {
				return fmt.Sprintf("%s: %s is not described", at, name)
			}
			if ok {
				if why := fits(value, p, named, at+"."+name); why != "" {
					return why
				}
			}
		}
	}
	return ""
}

func required(s map[string]any) []any {
	names, _ := s["required"].([]any)
	return names
}
