package healthcheck

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	four = netip.MustParseAddr("192.0.2.1")
	six  = netip.MustParseAddr("2001:db8::1")
)

func TestCheckDefaults(t *testing.T) {
	want := Check{
		Type: "http", Port: 80, Path: "/", Method: "GET", Status: "200-299", BodyLimit: 65536,
		Interval: 10 * time.Second, Timeout: 4 * time.Second, Rise: 2, Fall: 3, Jitter: 0.1, Failback: Auto,
	}
	if got := (Check{Type: "http"}).WithDefaults(); got != want {
		t.Errorf("http: %+v", got)
	}
	if got := want.WithDefaults(); got != want {
		t.Errorf("defaults do not stand still: %+v", got)
	}
	if got := (Check{Type: "https", Jitter: -0.5}).WithDefaults(); got.Port != 443 || got.Jitter != NoJitter {
		t.Errorf("https: %+v", got)
	}
	if got := (Check{Type: "tcp", Port: 25}).WithDefaults(); got.Path != "" || got.Status != "" || got.BodyLimit != 0 {
		t.Errorf("tcp: %+v", got)
	}
}

func TestCheckValidate(t *testing.T) {
	for _, c := range []struct {
		check Check
		want  []string // beginnings of the errors
	}{
		{Check{Type: "http"}, nil},
		{Check{Type: "https", Insecure: true, SNI: "a.example", Host: "b.example:8443"}, nil},
		{Check{Type: "tcp", Port: 25, Expect: "220 "}, nil},
		{Check{Type: "http", Interval: 100 * time.Millisecond, Timeout: time.Minute, Jitter: NoJitter}, nil},
		{Check{Type: "http", Status: "200, 301-308", Body: "ok", BodyRegexp: "^o"}, nil},
		{Check{Type: "http", Host: "[2001:db8::1]:8080"}, nil},
		{Check{}, []string{`type: ""`}},
		{Check{Type: "HTTP"}, []string{`type: "HTTP"`}},
		{Check{Type: "tcp"}, []string{"port: "}},
		{Check{Type: "http", Interval: 99 * time.Millisecond}, []string{"interval: 99ms is not within 100ms to 1h0m0s"}},
		{Check{Type: "http", Timeout: 2 * time.Minute}, []string{"timeout: "}},
		{Check{Type: "http", Rise: -1, Fall: 101}, []string{"rise: -1", "fall: 101"}},
		{Check{Type: "http", Jitter: 0.95}, []string{"jitter: "}},
		{Check{Type: "http", Path: "healthz"}, []string{"path: "}},
		{Check{Type: "http", Path: "/a b"}, []string{"path: "}},
		{Check{Type: "http", Path: "/\r\nX: y"}, []string{"path: "}},
		{Check{Type: "http", Host: "a\r\nX: y"}, []string{"host: "}},
		{Check{Type: "http", Host: "a:\r\nX"}, []string{"host: "}},
		{Check{Type: "http", Host: "http://a/"}, []string{"host: "}},
		{Check{Type: "https", SNI: "a b"}, []string{"sni: "}},
		{Check{Type: "http", Status: "2xx"}, []string{"status: "}},
		{Check{Type: "http", Status: "299-200"}, []string{"status: "}},
		{Check{Type: "http", Status: "200,"}, []string{"status: "}},
		{Check{Type: "http", Status: "99"}, []string{"status: "}},
		{Check{Type: "http", BodyRegexp: "("}, []string{"body_regexp: "}},
		{Check{Type: "http", BodyLimit: 2 << 20}, []string{"body_limit: "}},
		{Check{Type: "http", BodyLimit: 2, Body: "long"}, []string{"body: "}},
		{Check{Type: "http", Send: "x", Expect: "y"}, []string{"send: ", "expect: "}},
		{Check{Type: "http", SNI: "a.example", Insecure: true}, []string{"sni: ", "insecure: "}},
		{Check{Type: "tcp", Port: 1, Path: "/", Host: "a", Status: "200", Body: "x", BodyRegexp: "x", BodyLimit: 1},
			[]string{"path: ", "host: ", "status: ", "body: ", "body_regexp: ", "body_limit: "}},
		{Check{Type: "tcp", Port: 1, Send: strings.Repeat("x", 5000)}, []string{"send: "}},
	} {
		checkErrors(t, c.check.Validate(), c.want)
	}
}

// checkErrors compares a joined error with the beginnings of its lines.
func checkErrors(t *testing.T, err error, want []string) {
	t.Helper()
	var got []string
	if err != nil {
		got = strings.Split(err.Error(), "\n")
	}
	if !slices.EqualFunc(got, want, strings.HasPrefix) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestTargetValidate(t *testing.T) {
	for _, c := range []struct {
		target Target
		want   []string
	}{
		{Target{Check: Check{Type: "http"}, Addr: four}, nil},
		{Target{Check: Check{Type: "https"}, Name: "cdn.example.net."}, nil},
		{Target{Check: Check{Type: "https", Host: "www.example.com"}, Addr: six}, nil},
		{Target{Check: Check{Type: "https", Insecure: true}, Addr: six}, nil},
		{Target{Check: Check{Type: "https"}, Addr: six}, []string{"host: https to 2001:db8::1 needs a host name"}},
		{Target{Check: Check{Type: "http"}}, []string{"target: neither"}},
		{Target{Check: Check{Type: "http"}, Name: "a b"}, []string{"target: "}},
		{Target{Check: Check{Type: "nonsense"}}, []string{"type: ", "target: "}},
	} {
		checkErrors(t, c.target.Validate(), c.want)
	}
}

func TestTargetNames(t *testing.T) {
	for _, c := range []struct {
		target                Target
		text, host, certified string
	}{
		{Target{Check: Check{Type: "http", Path: "/healthz"}, Addr: four},
			"http 192.0.2.1:80/healthz", "192.0.2.1", ""},
		{Target{Check: Check{Type: "http"}, Addr: six},
			"http [2001:db8::1]:80/", "[2001:db8::1]", ""},
		{Target{Check: Check{Type: "http", Port: 8080}, Addr: six},
			"http [2001:db8::1]:8080/", "[2001:db8::1]:8080", ""},
		{Target{Check: Check{Type: "https", Host: "www.example.com:444"}, Addr: four},
			"https 192.0.2.1:443/", "www.example.com:444", "www.example.com"},
		{Target{Check: Check{Type: "https", SNI: "a.example"}, Addr: four},
			"https 192.0.2.1:443/", "a.example", "a.example"},
		{Target{Check: Check{Type: "https", SNI: "a.example", Host: "b.example"}, Name: "C.Example."},
			"https c.example:443/", "b.example", "a.example"},
		{Target{Check: Check{Type: "https"}, Name: "C.Example."},
			"https c.example:443/", "c.example", "c.example"},
		{Target{Check: Check{Type: "tcp", Port: 25}, Addr: netip.MustParseAddr("::ffff:192.0.2.1")},
			"tcp 192.0.2.1:25", "192.0.2.1:25", ""},
	} {
		done := c.target.complete()
		if got := c.target.String(); got != c.text {
			t.Errorf("text %q, want %q", got, c.text)
		}
		if got := done.hostHeader(); got != c.host {
			t.Errorf("%v: host %q, want %q", done, got, c.host)
		}
		if got := done.serverName(); got != c.certified {
			t.Errorf("%v: server name %q, want %q", done, got, c.certified)
		}
	}
}

func TestSnapshot(t *testing.T) {
	a, b := Target{Check: Check{Type: "http"}, Addr: four}, Target{Check: Check{Type: "http"}, Addr: six}
	s := &Snapshot{Targets: []Target{a, b}, States: []State{{Status: Down}, {Status: Up}}}
	if slot, ok := s.Find(b); !ok || slot != 1 {
		t.Errorf("found %v, %v", slot, ok)
	}
	if _, ok := s.Find(Target{Addr: four}); ok {
		t.Error("found another check's target")
	}
	for slot, want := range map[Slot]Status{NoCheck: Up, 0: Down, 1: Up, 2: Unknown, -7: Unknown} {
		if got := s.State(slot); got.Status != want || got.Needed != 0 {
			t.Errorf("slot %d: %+v", slot, got)
		}
	}
	later := &Snapshot{States: []State{{Status: Down, LastError: "x"}, {Status: Up, Streak: 1, Needed: 1}, {}}}
	if got := later.Changed(s); !slices.Equal(got, []Slot{1, 2}) {
		t.Errorf("changed: %v", got)
	}
}
