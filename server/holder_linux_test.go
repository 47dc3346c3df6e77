package server

import (
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A proc file system of a little-endian machine: a resolver on 127.0.0.53, a web server on all of IPv6, a
// connection and a connected UDP socket that stand in nobody's way.
func fakeProc(t *testing.T) procfs {
	dir := t.TempDir()
	const heading = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	row := func(local, state, inode string) string {
		return " 1: " + local + " 00000000:0000 " + state + " 00000000:00000000 00:00000000 00000000   0        0 " + inode + " 2 0 0\n"
	}
	write("net/udp", heading+row("3500007F:0035", "07", "101")+row("0100007F:0035", "01", "102")+"short\n")
	write("net/tcp", heading+row("3500007F:0035", "0A", "103")+row("0100007F:0035", "06", "104"))
	write("net/udp6", heading+row("00000000000000000000000001000000:0035", "07", "105")+row("zz:0035", "07", "1"))
	write("net/tcp6", heading+row("00000000000000000000000000000000:0050", "0A", "106"))
	write("612/comm", "systemd-resolve\n")
	write("700/comm", "nginx\n")
	for link, target := range map[string]string{
		"612/fd/3": "socket:[101]", "612/fd/4": "socket:[103]", "612/fd/5": "/dev/null", "700/fd/9": "socket:[106]",
	} {
		path := filepath.Join(dir, link)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
	}
	return procfs(dir)
}

func TestHolders(t *testing.T) {
	if b, ok := parseLocal("0100007F:0035"); !ok || b.Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Skip("the tables written here are those of a little-endian machine")
	}
	p := fakeProc(t)
	for _, tc := range []struct {
		network, addr string
		want          []string
	}{
		{"udp", "0.0.0.0:53", []string{"systemd-resolve (pid 612) on 127.0.0.53:53"}},
		{"tcp", "0.0.0.0:53", []string{"systemd-resolve (pid 612) on 127.0.0.53:53"}},
		{"udp", "127.0.0.53:53", []string{"systemd-resolve (pid 612) on 127.0.0.53:53"}},
		{"udp", "127.0.0.1:53", nil},
		{"udp", "0.0.0.0:54", nil},
		{"udp", "[::]:53", []string{"a process of user root on [::1]:53 (root may see which)"}},
		{"tcp", "192.0.2.1:80", []string{"nginx (pid 700) on [::]:80"}},
		{"tcp", "[2001:db8::1]:80", []string{"nginx (pid 700) on [::]:80"}},
	} {
		var got []string
		for _, h := range p.holders(tc.network, netip.MustParseAddrPort(tc.addr)) {
			got = append(got, h.String())
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s %s: %q, want %q", tc.network, tc.addr, got, tc.want)
		}
	}
	if got := procfs(t.TempDir()).holders("udp", netip.MustParseAddrPort("0.0.0.0:53")); got != nil {
		t.Errorf("without /proc: %v", got)
	}
}
