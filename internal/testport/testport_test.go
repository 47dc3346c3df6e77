package testport

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// TestFree has two processes take ports from the same place on: they get different ones, below those of the kernel.
func TestFree(t *testing.T) {
	const child = "TESTPORT_FROM"
	if from := os.Getenv(child); from != "" {
		_, _ = fmt.Sscan(from, &next)
		port, err := Free()
		fmt.Println("port", port, err)
		return
	}
	seen := map[int]bool{}
	first := 0
	for range 20 {
		port, err := Free()
		if err != nil || seen[port] || port < lowest || port >= ephemeral() {
			t.Fatalf("port %d again or out of place, %v", port, err)
		}
		seen[port], first = true, max(first, port-5)
	}
	if _, err := os.Stat("/proc/sys/net/ipv4"); err != nil {
		t.Skip("no abstract names here")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFree$", "-test.v")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%d", child, first))
	out, err := cmd.CombinedOutput()
	port := 0
	if _, after, ok := strings.Cut(string(out), "port "); ok {
		_, _ = fmt.Sscan(after, &port)
	}
	if err != nil || port == 0 || seen[port] {
		t.Errorf("another process got port %d, %v:\n%s", port, err, out)
	}
}

// TestFreeIsFree does not give a port at which somebody listens, at whatever address.
func TestFreeIsFree(t *testing.T) {
	port, err := Free()
	if err != nil {
		t.Fatal(err)
	}
	for _, network := range []string{"udp", "tcp"} {
		if !free(port) {
			t.Fatalf("port %d is not free", port)
		}
		at := fmt.Sprintf("127.0.0.1:%d", port)
		var c interface{ Close() error }
		if network == "udp" {
			c, err = net.ListenPacket("udp4", at)
		} else {
			c, err = net.Listen("tcp4", at)
		}
		if err != nil {
			t.Fatal(err)
		}
		if free(port) {
			t.Errorf("port %d is another's over %s", port, network)
		}
		c.Close()
	}
}
