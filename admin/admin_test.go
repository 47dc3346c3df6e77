package admin

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// source is a nameserver with one static zone, and one that failed.
type source struct {
	Source
	view *resolver.View
}

func (s source) View() *resolver.View { return s.view }
func (s source) Status() Status       { return Status{Version: "test", Zones: Zones(s.view.Zones())} }

func newSource(t *testing.T) source {
	t.Helper()
	text := "@ 300 IN SOA ns1 hostmaster 7 7200 3600 1209600 300\n@ 300 IN NS ns1\nns1 300 IN A 192.0.2.53\n"
	zone, problems := zones.Parse("example.com.zone", strings.NewReader(text), int64(len(text)), nil)
	if zone == nil {
		t.Fatal(problems)
	}
	set := zones.NewSet([]zones.Entry{
		{Origin: zone.Origin(), Zone: zone}, {Origin: "\x07example\x03org\x00"}, {Origin: "\x07example\x03net\x00", Loading: true},
	})
	return source{view: resolver.NewView(nil, set, (&steer.Set{}).With(nil, nil), &resolver.Options{})}
}

func TestHandler(t *testing.T) {
	h := Handler(newSource(t), Options{Local: true, Counts: new(Counts)})
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/v1/explain?name=ns1.example.com&client=192.0.2.1", 200, "the same answer for every client"},
		{"GET", "/v1/explain?name=example.org&type=aaaa&client=2001:db8::/32", 200, "SERVFAIL"},
		{"GET", "/v1/explain?name=example.info&client=192.0.2.1", 200, "REFUSED"},
		{"GET", "/v1/explain?client=192.0.2.1", 400, "is not a domain name"},
		{"GET", "/v1/explain?name=a..b&client=192.0.2.1", 400, "is not a domain name"},
		{"GET", "/v1/explain?name=a&type=WHAT&client=192.0.2.1", 400, "is not a record type"},
		{"GET", "/v1/explain?name=a&client=london", 400, "neither an address"},
		{"GET", "/v1/explain?name=a&client=fe80::1%25eth0", 400, "neither an address"},
		{"GET", "/v1/status", 200, `"version": "test"`},
		{"GET", "/nothing", 404, "there is no GET /nothing"},
		{"POST", "/v1/status", 405, "there is no POST /v1/status"},
		{"PATCH", "/v1/zones/example.com", 405, "there is no PATCH /v1/zones/example.com"},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(c.method, c.path, "", "", ""))
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s: status %d, want %d with %q:\n%s", c.method, c.path, w.Code, c.status, c.want, w.Body)
		}
		if got := w.Header().Get("Content-Type"); got != "application/json" {
			t.Errorf("%s: content type %s", c.path, got)
		}
		if got := w.Header().Get("Allow"); c.status == http.StatusMethodNotAllowed && got != "GET, HEAD" {
			t.Errorf("%s %s: allows %q", c.method, c.path, got)
		}
		if c.status == http.StatusOK && strings.Contains(w.Body.String(), `"error"`) {
			t.Errorf("%s: an error beside success", c.path)
		}
	}
}

func TestParseClient(t *testing.T) {
	addr := netip.MustParseAddr
	for text, want := range map[string]steer.Client{
		"81.2.69.7":        {Resolver: addr("81.2.69.7")},
		"::ffff:81.2.69.7": {Resolver: addr("81.2.69.7")},
		"81.2.69.7/24":     {Resolver: addr("81.2.69.0"), Subnet: addr("81.2.69.0"), Source: 24, HasSubnet: true},
		"2001:db8::1/56":   {Resolver: addr("2001:db8::"), Subnet: addr("2001:db8::"), Source: 56, HasSubnet: true},
		"0.0.0.0/0":        {Resolver: addr("0.0.0.0"), Subnet: addr("0.0.0.0"), HasSubnet: true},
	} {
		if got, err := ParseClient(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "1.2.3", "1.2.3.4/33", "london", "fe80::1%eth0"} {
		if c, err := ParseClient(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, c)
		}
	}
}

func TestZones(t *testing.T) {
	got := Zones(newSource(t).view.Zones())
	want := []Zone{
		{Name: "example.com.", Serial: 7, Names: 2, State: "serving"},
		{Name: "example.org.", State: "failed"},
		{Name: "example.net.", State: "loading"},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
}

func TestTargets(t *testing.T) {
	since := time.Unix(1000, 0)
	check := healthcheck.Check{Type: "tcp", Port: 25}
	got := Targets(&healthcheck.Snapshot{
		Targets: []healthcheck.Target{{Check: check, Addr: netip.MustParseAddr("192.0.2.1")}},
		States:  []healthcheck.State{{Status: healthcheck.Down, Since: since, LastError: "refused", Needed: 1}},
	})
	want := Target{Target: "tcp 192.0.2.1:25", State: "down", Since: since, LastError: "refused", Needed: 1}
	if len(got) != 1 || got[0] != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
