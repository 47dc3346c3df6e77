package admin

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

var someMetrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintln(w, "meridian_panics_total 0")
})

// TestMetricsTakeTheRightToRead holds that metrics are guarded as everything else is.
func TestMetricsTakeTheRightToRead(t *testing.T) {
	for _, c := range []struct {
		name, token, header string
		o                   Options
		status              int
	}{
		{"no token", "", "", Options{Tokens: tokens, Metrics: someMetrics}, 401},
		{"a wrong token", "read-token-9876543210", "", Options{Tokens: tokens, Metrics: someMetrics}, 401},
		{"a token to read", "read-token-0123456789", "", Options{Tokens: tokens, Metrics: someMetrics}, 200},
		{"no tokens configured", "", "", Options{Metrics: someMetrics}, 200},
		{"the socket", "", "", Options{Local: true, Metrics: someMetrics}, 200},
		{"a page elsewhere", "read-token-0123456789", "Origin: http://example.org", Options{Tokens: tokens, Metrics: someMetrics}, 403},
		{"another host's name", "read-token-0123456789", "Host: example.org", Options{Tokens: tokens, Metrics: someMetrics}, 403},
		{"none", "", "", Options{Local: true}, 404},
	} {
		c.o.Counts = new(Counts)
		r := request("GET", "/metrics", c.token, "", c.header)
		if name, ok := strings.CutPrefix(c.header, "Host: "); ok {
			r.Host = name
		}
		w := httptest.NewRecorder()
		Handler(newSource(t), c.o).ServeHTTP(w, r)
		if told := strings.Contains(w.Body.String(), "meridian_"); w.Code != c.status || told != (c.status == 200) {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", c.name, w.Header())
		}
	}
}
