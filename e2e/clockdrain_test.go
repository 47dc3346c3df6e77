package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const drainJumpConfig = `
listen = [%q]
state  = "state"
[servers]
a = { ip = "127.0.0.11" }
b = { ip = "127.0.0.12" }
c = { ip = "127.0.0.13" }
[checks.self]
type = "push"
token = "0123456789abcdef"
silence = "1h"
[pools.web]
order = "listed"
pick = "first"
check = "self"
`

// answers waits until the name has an address.
func (j *jumping) answers(when, want string) {
	j.t.Helper()
	got := ""
	for deadline := time.Now().Add(30 * time.Second); got != want; time.Sleep(50 * time.Millisecond) {
		r, err := dns.Exchange(new(dns.Msg).SetQuestion("www.drain.test.", dns.TypeA), j.addr)
		if got = fmt.Sprint(err); err == nil {
			got = address(r)
		}
		if time.Now().After(deadline) {
			j.t.Fatalf("%s: %s, want %s\n%s", when, got, want, j.server.out)
		}
	}
}

// set sets the clock and waits until the server has noticed.
func (j *jumping) set(by time.Duration) {
	j.t.Helper()
	seen := len(j.server.out.String())
	j.clock.forward(by)
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(j.server.out.String()[seen:], "the clock was set"); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			j.t.Fatalf("the jump by %v was not noticed\n%s", by, j.server.out)
		}
	}
}

// control asks over the control socket.
func (j *jumping) control(method, path, body string, to any) {
	j.t.Helper()
	req, err := http.NewRequest(method, "http://meridian"+path, strings.NewReader(body))
	if err != nil {
		j.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer 0123456789abcdef")
	req.Header.Set("Content-Type", "application/json")
	resp, err := controlClient(filepath.Join(j.dir, "state", "control.sock")).Do(req)
	if err != nil {
		j.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		j.t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
	if to != nil {
		if err := json.NewDecoder(resp.Body).Decode(to); err != nil {
			j.t.Fatal(err)
		}
	}
}

// TestClockJumpsOverDrains sets the clock forward and back under drains and a check that waits for reports. A length is
// measured by a clock that does not jump, times of day come when the clock jumps past them, and no state changes; over a
// restart the time of day counts.
func TestClockJumpsOverDrains(t *testing.T) {
	t.Parallel()
	const a, b, c = "127.0.0.11", "127.0.0.12", "127.0.0.13"
	j := &jumping{t: t, dir: shortDir(t), addr: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	write(t, filepath.Join(j.dir, "zones", "drain.test.zone"),
		"$TTL 60\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 60\n@ IN NS ns1\nns1 IN A 127.0.0.1\nwww IN GEO web\n")
	config := filepath.Join(j.dir, "meridian.toml")
	write(t, config, fmt.Sprintf(drainJumpConfig, j.addr))
	serve := func() {
		t.Helper()
		j.server = j.begin(meridian, "serve", "--config", config)
		j.server.answering(t, j.addr, "drain.test.")
	}
	drain := func(args ...string) {
		t.Helper()
		if out, err := exec.Command(meridian, append(append([]string{"drain"}, args...), "--config", config)...).CombinedOutput(); err != nil {
			t.Fatalf("drain %v: %v\n%s", args, err, out)
		}
	}
	up := func(when string) {
		t.Helper()
		var s struct {
			Servers []struct{ Name, State string }
		}
		j.control("GET", "/v1/status", "", &s)
		for _, server := range s.Servers {
			if server.State != "up" {
				t.Errorf("%s: %+v", when, s.Servers)
			}
		}
	}
	serve()
	for _, server := range []string{"a", "b", "c"} {
		for range 2 {
			j.control("POST", "/v1/heartbeat/"+server, "{}", nil)
		}
	}
	j.answers("at the start", a)
	drain("a", "--for", "1h")
	drain("b", "--at", j.clock.now().Add(time.Hour).Format(time.RFC3339), "--for", "1h")
	j.answers("a drained", b)
	j.set(90 * time.Minute)
	j.answers("in the midst of the times of day", c) // and the length of an hour is not over
	j.set(time.Hour)
	j.answers("past the times of day", b)
	j.set(-3 * time.Hour)
	time.Sleep(2 * time.Second) // two looks at the orders
	j.answers("back before them: what is over stays over", b)
	up("after the jumps, with a silence of an hour")
	j.server.cmd.Process.Kill()
	j.server.done <- <-j.server.done
	j.clock.forward(5 * time.Hour)
	serve()
	j.answers("after a restart past the hour", a)
	if err := j.clock.failure(); err != nil {
		t.Error(err)
	}
}
