// Package e2e runs the built program as its user does, beside real peers:
// other nameservers that serve the same zones, and the clients that people
// debug with. A test whose peer program is not installed skips with its name;
// with MERIDIAN_PEERS=required, as in continuous integration, it fails.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	// What the program is made of, so that a result is not taken from the
	// cache when any of it has changed.
	_ "github.com/meridian-dns/meridian/admin"
	_ "github.com/meridian-dns/meridian/config"
	_ "github.com/meridian-dns/meridian/server"
)

// meridian is the path of the program under test, built once.
var meridian string

func TestMain(m *testing.M) {
	if addr := os.Getenv(sickServer); addr != "" {
		fmt.Fprintln(os.Stderr, runSick(addr, os.Getenv(sickCerts)))
		os.Exit(1)
	}
	if os.Getenv(clockShim) != "" {
		fmt.Fprintln(os.Stderr, runShim(os.Args[1:]))
		os.Exit(1)
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "meridian-e2e-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	meridian = filepath.Join(dir, "meridian")
	out, err := exec.Command("go", "build", "-o", meridian, "../cmd/meridian").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("building meridian: %w\n%s", err, out)
	}
	return m.Run(), nil
}

// need gives the path of a peer program, or skips the test.
func need(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/sbin"} {
		if path, err := exec.LookPath(filepath.Join(dir, program)); err == nil {
			return path
		}
	}
	if os.Getenv("MERIDIAN_PEERS") == "required" {
		t.Fatalf("%s is not installed, and it is required here", program)
	}
	t.Skipf("%s is not installed", program)
	return ""
}
