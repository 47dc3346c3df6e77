package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/admin"
)

func TestExplain(t *testing.T) {
	h := newHome(t)
	args := []string{"explain", "www.example.com", "--config", "meridian.toml", "--client", "81.2.69.0/24"}
	explain := func(first string) string {
		t.Helper()
		out, code := h.meridian(args...)
		head, lines, _ := strings.Cut(out, "\n")
		if code != 0 || !strings.Contains(head, first) {
			t.Fatalf("exit code %d, first line %q, want %q", code, head, first)
		}
		return lines
	}
	offline := explain("no server is running")
	for _, want := range []string{"web", "fr", "203.0.113.10", "198.51.100.10"} {
		if !strings.Contains(offline, want) {
			t.Errorf("no %q in:\n%s", want, offline)
		}
	}
	p := h.serve()
	online := explain("asked the running server")
	unknown := "health   not known; every check counts as up\n"
	if !strings.Contains(offline, unknown) || strings.Contains(online, unknown) {
		t.Error("only without a server the health is not known")
	}
	if online != strings.Replace(offline, unknown, "", 1) {
		t.Errorf("without checks the running server says the same, not:\n%s\nbut:\n%s", offline, online)
	}
	p.kill() // its socket stays behind
	explain("no server is running")
}

func TestExplainStatic(t *testing.T) {
	h := newHome(t)
	for name, want := range map[string]string{
		"text.example.com": "same answer for every client", "example.org": "REFUSED", "none.example.com": "no such name",
	} {
		out, code := h.meridian("explain", name, "--config", "meridian.toml", "--client", "192.0.2.1")
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d, no %q in:\n%s", name, code, want, out)
		}
	}
}

func TestControlSocket(t *testing.T) {
	h := newHome(t)
	h.replace("meridian.toml", "198.51.100.10", "127.0.12.1")
	h.replace("meridian.toml", "203.0.113.10", "127.0.12.2")
	h.replace("meridian.toml", "[pools.web]", "[pools.web]\ncheck = \"tcp://:1\"")
	h.write("zones/example.org.zone", "@ IN SOA broken\n")
	h.serve()
	info, err := os.Stat(h.path("state/control.sock"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("control socket: %v, %v", info, err)
	}
	var s admin.Status
	if err := json.Unmarshal(h.get("/v1/status", http.StatusOK), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Zones) != 2 || len(s.Targets) != 2 || len(s.Geo) != 1 || len(s.Problems) == 0 || s.Generation == 0 {
		t.Errorf("status: %+v", s)
	}
	if len(s.Listen) != 1 || s.Listen[0] != h.listen.String() {
		t.Errorf("listen: %v, want %v", s.Listen, h.listen)
	}
	h.get("/v1/explain?name=www.example.com&client=nowhere", http.StatusBadRequest)
	h.get("/v2", http.StatusNotFound)
}

// get asks the control socket.
func (h *home) get(path string, status int) []byte {
	h.t.Helper()
	c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", h.path("state/control.sock"))
		}}}
	resp, err := c.Get("http://meridian" + path)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	var body json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || resp.StatusCode != status {
		h.t.Errorf("%s: status %d, want %d; %s, %v", path, resp.StatusCode, status, body, err)
	}
	return body
}
