package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFreeze cuts three sites off at one instant, for two nameservers at once: to the one the only canary is cut off too,
// so it freezes, says so, and keeps answering the nearest; the other still has its canary, so it takes all three out.
func TestFreeze(t *testing.T) {
	ip := need(t, "ip")
	if os.Getuid() != 0 {
		t.Skip("no right to make a network namespace: this is not root")
	}
	space := fmt.Sprintf("frz%d", os.Getpid())
	cut := linkTo(t, ip, space, "198.18.78")
	port := fmt.Sprint(freePort(t))
	newPatient(t, "0.0.0.0:"+port, "", ip, "netns", "exec", space)
	near, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer near.Close()
	lost := newThreeSites(t, port, "198.18.78.5:"+port)
	watched := newThreeSites(t, port, near.Addr().String())
	for _, n := range []*threeSites{lost, watched} {
		n.await("up up up", false)
	}
	cut("down")
	watched.await("down down down", false)
	lost.await("up up up", true)
	time.Sleep(2 * outHung) // states stay though every probe fails
	lost.await("up up up", true)
	cut("up")
	for _, n := range []*threeSites{lost, watched} {
		n.await("up up up", false)
	}
}

// linkTo makes a network namespace behind a link of its own, with addresses .2 to .5 of a net, and returns what brings the
// link down and up.
func linkTo(t *testing.T, ip, space, net string) func(state string) {
	t.Helper()
	near, far := space+"a", space+"b"
	command(t, "network namespaces", ip, "netns", "add", space)
	t.Cleanup(func() { _ = exec.Command(ip, "netns", "del", space).Run() })
	command(t, "veth devices", ip, "link", "add", near, "type", "veth", "peer", "name", far, "netns", space)
	t.Cleanup(func() { _ = exec.Command(ip, "link", "del", near).Run() })
	steps := []string{"addr add " + net + ".1/29 dev " + near, "link set " + near + " up"}
	for host := 2; host <= 5; host++ {
		steps = append(steps, fmt.Sprintf("-n %s addr add %s.%d/29 dev %s", space, net, host, far))
	}
	for _, step := range append(steps, "-n "+space+" link set "+far+" up") {
		command(t, "network namespaces", append([]string{ip}, strings.Fields(step)...)...)
	}
	return func(state string) {
		t.Helper()
		command(t, "links", ip, "-n", space, "link", "set", far, state)
	}
}

// threeSites is a Meridian with a server at each of three sites.
type threeSites struct {
	t      *testing.T
	socket string
}

func newThreeSites(t *testing.T, port, canary string) *threeSites {
	t.Helper()
	dir, err := os.MkdirTemp("", "meridian-sites-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listen := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	write(t, filepath.Join(dir, "zones", "freeze.test.zone"),
		"$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\nwww 60 IN GEO web\n")
	write(t, filepath.Join(dir, "meridian.toml"), fmt.Sprintf(`listen = [%q]
zones = "zones"
state = "state"
[servers]
a = { ip = "198.18.78.2" }
b = { ip = "198.18.78.3" }
c = { ip = "198.18.78.4" }
[checks.web]
%s[pools.web]
order = "listed"
check = "web"
[freeze]
canaries = [%q]
sites = 3
`, listen, timing("type = \"tcp\"\nport = "+port), canary))
	p := start(t, meridian, "serve", "--config", filepath.Join(dir, "meridian.toml"))
	p.answering(t, listen, "freeze.test.")
	return &threeSites{t, filepath.Join(dir, "state", "control.sock")}
}

// await waits until the servers are in these states, and the states frozen or not, with an alarm that says so.
func (n *threeSites) await(states string, frozen bool) {
	n.t.Helper()
	got := ""
	want := fmt.Sprintf("%s, frozen %v, alarm %v", states, frozen, frozen)
	for deadline := time.Now().Add(time.Minute); got != want; time.Sleep(50 * time.Millisecond) {
		if got = n.stand(); time.Now().After(deadline) {
			n.t.Fatalf("stands at %q, want %q", got, want)
		}
	}
}

func (n *threeSites) stand() string {
	n.t.Helper()
	var s struct {
		Frozen  bool
		Servers []struct{ State string }
		Alarms  []struct{ Key string }
	}
	readStatus(n.t, n.socket, &s)
	var states []string
	for _, server := range s.Servers {
		states = append(states, server.State)
	}
	alarm := false
	for _, a := range s.Alarms {
		alarm = alarm || a.Key == "freeze"
	}
	return fmt.Sprintf("%s, frozen %v, alarm %v", strings.Join(states, " "), s.Frozen, alarm)
}
