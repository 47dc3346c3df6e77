package main

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestReloadedAlerts moves the alerts to another receiver while an incident is open: the new one is
// told when it is over, once, and the old one hears nothing more.
func TestReloadedAlerts(t *testing.T) {
	t.Parallel()
	first, second := &inbox{}, &inbox{}
	one, two := httptest.NewServer(first), httptest.NewServer(second)
	defer one.Close()
	defer two.Close()
	alerts := func(name, url string) string {
		return fmt.Sprintf("[alerts]\nafter = \"1s\"\nclear = \"1s\"\n[alerts.to.%s]\nurl = %q\n", name, url)
	}
	h := newBeating(t, "", alerts("one", one.URL))
	h.serve()
	h.beat("ny", beatToken, `{"down": "disk full"}`)
	if !eventually(func() bool { return first.list() == "firing server/ny" }) {
		t.Fatalf("the first receiver got %q", first.list())
	}
	h.replace("meridian.toml", alerts("one", one.URL), alerts("two", two.URL)+"[freeze]\ncanaries = [\"192.0.2.1:443\"]\n")
	if out := h.run(0, "reload"); strings.Contains(out, "next start") {
		t.Errorf("reload:\n%s", out)
	}
	if out := h.run(0, "alert", "test"); out != "two: sent\n" {
		t.Errorf("alert test:\n%s", out)
	}
	h.beat("ny", beatToken, `{}`)
	if !eventually(func() bool { return second.list() == "test test, resolved server/ny" }) {
		t.Errorf("the second receiver got %q", second.list())
	}
	h.beat("fr", beatToken, `{"down": "on fire"}`)
	if !eventually(func() bool { return second.list() == "test test, resolved server/ny, firing server/fr" }) {
		t.Errorf("the second receiver got %q", second.list())
	}
	if first.list() != "firing server/ny" {
		t.Errorf("the first receiver got %q", first.list())
	}
}
