package main

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/admin"
)

// disagreement says how the command's text and exit code differ from the verdict that the status page shows; "" if they
// do not.
func disagreement(v *admin.Verdict, text string, code int) string {
	wrong := v.Level == admin.Bad || v.Level == admin.Warn
	if first, _, _ := strings.Cut(text, "\n"); first != v.Text {
		return fmt.Sprintf("the command begins with %q", first)
	}
	if wrong != (code == 1) {
		return fmt.Sprintf("exit code %d", code)
	}
	return ""
}

// stands waits until the verdict holds a finding with a text, "" for none, and the command says the same as the page.
func (h *home) stands(level, finding string) {
	h.t.Helper()
	var v admin.Verdict
	text, why := "", ""
	if !eventually(func() bool {
		var code int
		out, _ := h.meridian("status", "--json", "--config", "meridian.toml")
		text, code = h.meridian("status", "--config", "meridian.toml")
		var st admin.Status
		if why = "no JSON"; json.Unmarshal([]byte(out), &st) != nil {
			return false
		}
		v = st.Verdict
		if why = disagreement(&v, text, code); why != "" {
			return false
		}
		found := finding == ""
		for _, f := range v.Findings {
			found = found || strings.Contains(f.Text, finding)
		}
		return v.Level == level && found
	}) {
		h.t.Errorf("want %s %q; %s: the page has %+v, the command\n%s", level, finding, why, v, text)
	}
}

// TestStatusSaysWhatThePageSays puts a nameserver into trouble of every kind and reads both: the command in its text, the
// page in the JSON that it is made from.
func TestStatusSaysWhatThePageSays(t *testing.T) {
	if testing.Short() {
		t.Skip("runs the command dozens of times")
	}
	t.Parallel()
	h := newHome(t)
	ny, port := backend(t, "127.0.15.1", 0)
	fr, _ := backend(t, "127.0.15.2", port)
	de, _ := backend(t, "127.0.15.3", port)
	h.replace("meridian.toml", `"198.51.100.10"`, `"127.0.15.1"`)
	h.replace("meridian.toml", `fr = { at = "Paris", ip = ["203.0.113.10"] }`, `fr = { at = "Paris", ip = ["127.0.15.2"], site = "europe" }
de = { at = "Berlin", ip = ["127.0.15.3"], site = "europe" }`)
	h.replace("meridian.toml", "[pools.web]", fmt.Sprintf(`[checks.fast]
type = "http"
port = %d
interval = "100ms"
timeout = "2s"
[freeze]
canaries = ["127.0.15.4:%[1]d"]
sites = 2
[pools.web]
check = "fast"`, port))
	h.serve()
	h.stands(admin.Well, "")
	h.run(0, "drain", "ny", "--reason", "kernel")
	h.stands(admin.Note, "1 drained: ny")
	h.run(0, "undrain", "ny")

	h.write("zones/example.com.zone", "@ IN SOA broken\n")
	h.stands(admin.Warn, "zone example.com did not load: the version before is served")
	h.write("zones/other.example.zone", "@ IN A 192.0.2.1\n")
	h.stands(admin.Bad, "zone other.example did not load")
	h.write("zones/example.com.zone", goodZone)
	h.write("zones/other.example.zone", strings.ReplaceAll(goodZone, "web/ny", "web"))
	h.stands(admin.Well, "")

	h.write("city.mmdb", "no database")
	h.stands(admin.Warn, "geo database refused; the one loaded serves on")
	h.write("city.mmdb", database(t, world()))
	h.stands(admin.Well, "")

	fr.Close()
	h.stands(admin.Bad, "1 server down: fr")
	de.Close()
	h.stands(admin.Bad, "site europe down: all 2 servers")
	h.run(0, "drain", "ny")
	h.stands(admin.Bad, "1 drained: ny")
	h.run(0, "undrain", "ny")
	fr, _ = backend(t, "127.0.15.2", port)
	de, _ = backend(t, "127.0.15.3", port)
	h.stands(admin.Well, "")
	for _, s := range []*httptest.Server{fr, de, ny} { // at one instant, and there is no canary
		s.Close()
	}
	h.stands(admin.Warn, "frozen")
}
