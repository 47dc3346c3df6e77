package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/internal/testport"
)

// program is the path of the program under test, built once.
var program string

func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "meridian-test-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "meridian")
	args := append([]string{"build", "-o", program}, buildFlags()...)
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("building meridian: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// home is a folder with a configuration, a zone and what they need to be served.
type home struct {
	t      *testing.T
	dir    string
	listen netip.AddrPort
}

const goodZone = `$TTL 300
@    IN SOA ns1 hostmaster 1 7200 3600 1209600 300
@    IN NS  ns1
ns1  IN A   192.0.2.53
www  60 IN GEO web
ny   60 IN GEO web/ny
text IN TXT "hello"
`

// newHome makes a home whose servers are not probed, and whose world has three networks: it starts in no time.
func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{t: t, dir: t.TempDir(), listen: freeAddr(t)}
	h.write("zones/example.com.zone", goodZone)
	h.write("city.mmdb", database(t, world()))
	h.write("meridian.toml", h.config(""))
	return h
}

// config is a configuration with more text at its end.
func (h *home) config(more string) string {
	return fmt.Sprintf(`listen = [%q]
zones = "zones"
state = "state"
workers = 1
geo.city = "city.mmdb"
[servers]
ny = { at = "New York", ip = ["198.51.100.10"] }
fr = { at = "Paris", ip = ["203.0.113.10"] }

[pools.web]
%s`, h.listen, more)
}

func (h *home) path(name string) string { return filepath.Join(h.dir, name) }

// write writes a file that looks old, so that nothing waits for it to stand still, and renames it into place.
func (h *home) write(name, text string) {
	h.t.Helper()
	path := h.path(name)
	old := time.Now().Add(-time.Hour)
	for _, err := range []error{
		os.MkdirAll(filepath.Dir(path), 0o755),
		os.WriteFile(path+".new", []byte(text), 0o644),
		os.Chtimes(path+".new", old, old),
		os.Rename(path+".new", path),
	} {
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

// replace edits a file.
func (h *home) replace(name, old, new string) {
	h.t.Helper()
	text, err := os.ReadFile(h.path(name))
	if err != nil || !strings.Contains(string(text), old) {
		h.t.Fatalf("%s does not hold %q (%v)", name, old, err)
	}
	h.write(name, strings.ReplaceAll(string(text), old, new))
}

// meridian runs a command to its end.
func (h *home) meridian(args ...string) (output string, code int) {
	h.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Dir = h.dir
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		h.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// freeAddr finds a port on loopback that is free for UDP and TCP.
func freeAddr(t *testing.T) netip.AddrPort {
	t.Helper()
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(testport.Port(t)))
}

// backend is a web server for health checks on a loopback address of its own; port 0 is one that is free on all.
func backend(t *testing.T, ip string, port int) (*httptest.Server, int) {
	t.Helper()
	if port == 0 {
		port = int(freeAddr(t).Port())
	}
	l, err := net.Listen("tcp4", fmt.Sprintf("%s:%d", ip, port))
	if err != nil {
		t.Skipf("this system has no %s: %v", ip, err)
	}
	s := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") },
	)}}
	s.Start()
	t.Cleanup(s.Close)
	return s, l.Addr().(*net.TCPAddr).Port
}

func (h *home) read(name string) (string, error) {
	text, err := os.ReadFile(h.path(name))
	return string(text), err
}
