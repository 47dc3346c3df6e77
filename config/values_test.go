package config

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestStatus(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{int64(200), "200"},
		{"200-299", "200-299"},
		{"204", "204"},
		{[]any{int64(404), "200-204", int64(205)}, "200-205,404"},
		{[]any{"200-299", int64(250)}, "200-299"},
		{[]any{"200-250", "240-260", int64(599)}, "200-260,599"},
		{[]any{int64(301), int64(301)}, "301"},
	} {
		if got, err := parseStatus(c.value); err != nil || got != c.want {
			t.Errorf("%v: %q, %v; want %q", c.value, got, err, c.want)
		}
	}
	for _, value := range []any{int64(199), int64(600), int64(-200), "20", "0200", "+200", "200-", "-299", "200-299-300", true, 200.0, []any{}, int64(1) << 62} {
		if got, err := parseStatus(value); err == nil {
			t.Errorf("%v is taken as %q", value, got)
		}
	}
}

func TestBytes(t *testing.T) {
	for value, want := range map[any]int{int64(1): 1, "1KiB": 1024, "64 KiB": 65536, "1MiB": 1 << 20, int64(4096): 4096} {
		if got, err := parseBytes(value); err != nil || got != want {
			t.Errorf("%v: %d, %v; want %d", value, got, err, want)
		}
	}
	for _, value := range []any{"64", "64KB", "KiB", "-1KiB", "1.5KiB", "99999999999MiB", 1.5, true} {
		if got, err := parseBytes(value); err == nil {
			t.Errorf("%v is taken as %d", value, got)
		}
	}
}

func TestCheckURLs(t *testing.T) {
	for _, c := range []struct {
		url             string
		kind            string
		port            uint16
		path, host, sni string
	}{
		{"http://example.com", "http", 80, "/", "example.com", ""},
		{"http://example.com/healthz", "http", 80, "/healthz", "example.com", ""},
		{"http://example.com?full", "http", 80, "/?full", "example.com", ""},
		{"http://Example.COM.:8080/a%20b?c=d", "http", 8080, "/a%20b?c=d", "example.com", ""},
		{"http://:8080/up", "http", 8080, "/up", "", ""},
		{"http:///up", "http", 80, "/up", "", ""},
		{"https://example.com/healthz", "https", 443, "/healthz", "example.com", "example.com"},
		{"HTTPS://example.com:8443/", "https", 8443, "/", "example.com", "example.com"},
		{"https:///healthz", "https", 443, "/healthz", "", ""},
		{"tcp://:25", "tcp", 25, "", "", ""},
	} {
		want := newCheck(c.kind)
		want.Port, want.Path, want.Host, want.SNI = c.port, c.path, c.host, c.sni
		if got, err := parseCheckURL(c.url); err != nil || got != want {
			t.Errorf("%s: %+v, %v", c.url, got, err)
		}
	}
	for _, url := range []string{"://", "udp://:53", "tcp://:0", "tcp://:65536", "tcp://:25/", "tcp://:25?", "tcp://me@:25",
		"http://[2001:db8::1]/", "http://exämple.com/", "http://example.com:http/", "mailto://a", "http://a..b/"} {
		if got, err := parseCheckURL(url); err == nil {
			t.Errorf("%s is taken as %+v", url, got)
		}
	}
}

func TestHostAndSNIStandInForEachOther(t *testing.T) {
	for _, c := range []struct{ host, sni, wantHost, wantSNI string }{
		{"", "", "", ""},
		{"a.example", "", "a.example", "a.example"},
		{"", "b.example", "b.example", "b.example"},
		{"a.example", "b.example", "a.example", "b.example"},
	} {
		check := Check{Host: c.host, SNI: c.sni}
		if check.named(); check.Host != c.wantHost || check.SNI != c.wantSNI {
			t.Errorf("host %q, sni %q: %q, %q", c.host, c.sni, check.Host, check.SNI)
		}
	}
}

func TestTokens(t *testing.T) {
	for _, s := range []string{"default", "net:0.0.0.0/0", "net:192.0.2.0/24", "net:::/0", "net:2001:db8::/56", "net:2000::/3",
		"net:2001::/32", "asn:1", "asn:4294967295", "subdivision:US-CA", "subdivision:GB-ENG", "subdivision:CZ-1", "country:DE", "continent:NA"} {
		token, err := parseToken(s)
		if err != nil || token.String() != s {
			t.Errorf("%s: %s, %v", s, token, err)
		}
	}
	for _, s := range []string{"", "default:", "net:", "net:2001:db8::1%eth0/56", "net:192.0.2.0/024", "net:192.0.2.0/-1", "asn:", "asn:-1",
		"asn:+1", "asn: 1", "subdivision:US", "subdivision:US-", "subdivision:us-ca", "subdivision:US-CA-X", "country:", "country:D1",
		"country: DE", "continent:", "continent:XX", "group:a", "Country:DE"} {
		if token, err := parseToken(s); err == nil {
			t.Errorf("%q is taken as %s", s, token)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	known := []string{"listen", "zones", "state", "debug"}
	for word, want := range map[string]string{
		"lisen": "listen", "lsiten": "listen", "LISTEN": "listen", "listne": "listen", "zone": "zones", "stat": "state",
		"colour": "", "x": "", "": "", "ebdug": "debug", strings.Repeat("listen", 20): "",
	} {
		if want != "" {
			want = fmt.Sprintf("; did you mean %q?", want)
		}
		if got := didYouMean(word, known); got != want {
			t.Errorf("%q: %q, want %q", word, got, want)
		}
	}
}

func TestEdits(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "axc", 1}, {"abcd", "acd", 1}, {"kitten", "sitting", 3}} {
		if got := edits(c.a, c.b); got != c.want {
			t.Errorf("%q, %q: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestBrief(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", time.Minute: "1m", time.Hour: "1h", 24 * time.Hour: "24h", 90 * time.Second: "1m30s",
		90 * time.Minute: "1h30m", 10 * time.Minute: "10m", time.Hour + 10*time.Second: "1h0m10s", 1500 * time.Millisecond: "1.5s",
	} {
		if got := brief(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}
