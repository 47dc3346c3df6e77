package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/admin"
)

// run runs a command with the home's configuration and holds its exit code.
func (h *home) run(want int, args ...string) string {
	h.t.Helper()
	out, code := h.meridian(append(args, "--config", "meridian.toml")...)
	if code != want {
		h.t.Fatalf("%q: exit code %d, want %d\n%s", args, code, want, out)
	}
	return out
}

const nyClient = "8.8.8.0/24"

// TestDrainAndForce drains and forces as a person would, and looks at the answers at once: a command that has returned
// is in force.
func TestDrainAndForce(t *testing.T) {
	h := newHome(t)
	h.serve()
	const ny, fr = "198.51.100.10", "203.0.113.10"
	for _, c := range []struct {
		args   string
		want   int
		says   string
		answer string
	}{
		{"drain ny --for 1h --reason kernel", 0, "ny drained until ", fr},
		{"drain", 0, ": kernel", fr},
		{"status", 0, "drained (no check)", fr},
		{"explain www.example.com --client " + nyClient, 0, `, "kernel", until `, fr},
		{"drain *", 0, "(ny, fr)", ny}, // all candidates: nobody is
		{"undrain fr", 1, "fr is in order 2, drain *: name that, or --id", ny},
		{"undrain --id 2", 0, "ended: order 2: * drained until it is released", fr},
		{"undrain ny", 0, "ended: order 1: ny drained", ny},
		{"undrain ny", 1, "no such order", ny},
		{"drain ny --for banana", 2, `--for: "banana" is not a length of time`, ny},
		{"history ny fr", 2, "history takes one server, not 2", ny},
		{"log-level loud", 2, `"loud" is none of debug, info, warn, error`, ny},
		{"drain", 0, "no server is drained or forced", ny},
		{"force down ny --pool web", 0, "ny in web forced down", fr},
		{"force up ny", 0, "ny forced up", ny}, // the newer counts
		{"force auto n*", 0, "ended: ", ny},
		{"drain site:fr --at 2099-01-01T00:00 --for 2h", 0, "from 2099-01-01 00:00 until 2099-01-01 02:00", ny},
		{"status", 0, "planned", ny},
		{"drain nobody", 1, "nobody fits no server; there are ny, fr", ny},
		{"drain ny --pool mail", 1, `no pool is named "mail"; there are web`, ny},
		{"drain ny --at yesterday", 2, `"yesterday" is not a time`, ny},
		{"force sideways ny", 2, `"sideways" is none of up, down, auto`, ny},
		{"undrain", 2, "which?", ny},
		{"drain --reason x", 2, "which?", ny},
	} {
		out := h.run(c.want, strings.Fields(c.args)...)
		if !strings.Contains(out, c.says) {
			t.Errorf("%s: does not say %q:\n%s", c.args, c.says, out)
		}
		if got := h.ask("udp", "www.example.com", 1, nyClient); got != c.answer {
			t.Errorf("after %s: %s, want %s", c.args, got, c.answer)
		}
		if got := h.ask("udp", "ny.example.com", 1, nyClient); got != ny {
			t.Errorf("after %s: the pinned name has %s", c.args, got)
		}
	}
	var actions []string
	for line := range strings.Lines(h.mustRead("state/audit.log")) {
		var e struct{ Action, Server, Reason, By string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.By == "" {
			t.Errorf("%v: %s", err, line)
		}
		actions = append(actions, e.Action+" "+e.Server)
	}
	want := "drain ny, drain *, release *, release ny, force down ny, force up ny, release ny, release ny, drain site:fr"
	if got := strings.Join(actions, ", "); got != want {
		t.Errorf("audit log: %s\nwant %s", got, want)
	}
}

func (h *home) mustRead(name string) string {
	h.t.Helper()
	text, err := h.read(name)
	if err != nil {
		h.t.Fatal(err)
	}
	return text
}

// TestDrainExpires holds that a drain ends by itself, and begins by itself.
func TestDrainExpires(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.serve()
	h.run(0, "drain", "ny", "--for", "5s")
	h.becomes("www.example.com", 1, nyClient, "203.0.113.10")
	h.becomes("www.example.com", 1, nyClient, "198.51.100.10")
	if log := h.mustRead("state/audit.log"); !strings.Contains(log, `"action":"expire"`) {
		t.Errorf("not in the audit log:\n%s", log)
	}
	h.run(0, "drain", "ny", "--at", time.Now().Add(2*time.Second).Format(time.RFC3339), "--for", "1h")
	h.becomes("www.example.com", 1, nyClient, "203.0.113.10")
}

// TestReloadCommand holds that reload returns when its change is visible, and fails with all errors if it is refused.
func TestReloadCommand(t *testing.T) {
	h := newHome(t)
	h.serve()
	for i := range 10 {
		ip := fmt.Sprintf("198.51.100.%d", 20+i)
		h.write("meridian.toml", strings.Replace(h.config(""), "198.51.100.10", ip, 1))
		h.write("zones/example.com.zone", strings.Replace(goodZone, "hello", ip, 1))
		h.run(0, "reload")
		if got := h.ask("udp", "www.example.com", 1, nyClient); got != ip {
			t.Fatalf("right after the reload: %s, want %s", got, ip)
		}
		if got := h.ask("tcp", "text.example.com", 16, ""); got != `"`+ip+`"` {
			t.Fatalf("right after the reload: %s, want %s", got, ip)
		}
	}
	good := h.mustRead("meridian.toml")
	h.write("meridian.toml", good+"[api]\nlisten = [\"127.0.0.1:1\"]\n")
	if out := h.run(0, "reload"); !strings.Contains(out, "api has changed; it takes effect at the next start") {
		t.Errorf("what a reload cannot change:\n%s", out)
	}
	h.write("meridian.toml", good+"check = \"nope\"\ncolour = 1\n")
	if out := h.run(1, "reload"); !strings.Contains(out, "colour") || !strings.Contains(out, "nope") {
		t.Errorf("not all errors:\n%s", out)
	}
	if out := h.run(1, "status"); !strings.Contains(out, "! reload: the last reload was refused: ") {
		t.Errorf("not in the status:\n%s", out)
	}
	h.write("meridian.toml", "state = \"state\"\nthis is no TOML\n")
	h.run(1, "reload")
	h.write("meridian.toml", good)
	h.run(0, "reload")
	h.run(0, "status")
	h.write("zones/example.com.zone", "@ IN SOA broken\n")
	if out := h.run(1, "reload"); !strings.Contains(out, "example.com.zone:1: ") || !strings.Contains(out, "last good version") {
		t.Errorf("a refused zone:\n%s", out)
	}
	if got := h.ask("udp", "www.example.com", 1, nyClient); got != "198.51.100.29" {
		t.Errorf("the last good version: %s", got)
	}
}

// TestNoServer: commands say that none runs.
func TestNoServer(t *testing.T) {
	h := newHome(t)
	for _, args := range []string{"status", "reload", "drain", "drain ny", "undrain ny", "force up ny", "history"} {
		if out := h.run(1, strings.Fields(args)...); !strings.Contains(out, "no server is running") {
			t.Errorf("%s: %s", args, out)
		}
	}
}

// TestStatusTable holds what a person sees, at 80 columns and without colours.
func TestStatusTable(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	long := strings.Repeat("connection refused ", 10)
	st := admin.Status{
		Version: "1.0", Now: now, Started: now.Add(-75 * time.Hour), Zones: []admin.Zone{{State: "serving"}},
		DNS:    admin.Traffic{UDPQueries: 1234567},
		Alarms: []admin.Alarm{{Key: "reload", Text: "refused\nmore", Since: now.Add(-2 * time.Minute)}},
		Pools:  []admin.Pool{{Name: "web", Servers: 3, Up: 1, Drained: 1, State: "reduced"}, {Name: "mail", Servers: 1, State: "down"}},
		Servers: []admin.Server{
			{Name: "ny", Site: "us", State: "up", Since: now.Add(-72 * time.Hour)},
			{Name: "fr", Site: "europe", State: "down", Since: now.Add(-90 * time.Second), Reason: long},
			{Name: "de", Site: "europe", State: "up", Order: "drained", Reason: "ann"},
		},
	}
	st.Verdict = admin.Judge(&st)
	want := `No server up in pool mail · 1 server down: fr · refused · 1 drained: de
meridian 1.0, up 3d 3h, 1 zone, 1 234 567 queries
! reload: refused (2m)

SERVER  STATE         SINCE  WHY
fr      DOWN          1m     connection refused connection refused connection
                             refused connection refused connection refused
                             connection refused connection refused connection...
de      drained (up)         ann
ny      up            3d

POOL  UP   STATE
web   1/3  reduced, 1 drained
mail  0/1  DOWN
`
	if got := statusPage(&st, painter{}, 80); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if got := statusPage(&st, painter{}, 120); !strings.Contains(got, "\nde      europe  drained (up)         ann\n") {
		t.Errorf("no sites at 120 columns:\n%s", got)
	}
	if got := statusPage(&st, painter{on: true}, 80); !strings.Contains(got, "\x1b[31mfr ") {
		t.Errorf("no colours:\n%q", got)
	}
}

// TestHistoryTable holds how events read: why stands whole, and orders are no changes of state.
func TestHistoryTable(t *testing.T) {
	at := time.Date(2026, 11, 21, 12, 0, 0, 0, time.Local)
	table := &table{width: 80}
	for _, e := range []admin.Event{
		{At: at, What: "http 192.0.2.1:80/healthz", Server: "fr", From: "up", To: "down", Reason: "connect: connection refused"},
		{At: at, What: "http 192.0.2.1:80/healthz", Server: "fr", From: "down", To: "up"},
		{At: at, What: "order 1, fr", Server: "fr", From: "drain", To: "begun", Reason: "ann: kernel"},
		{At: at, What: "order 2, fr", Server: "fr", From: "down", To: "released", Reason: "ann"},
	} {
		table.row(historyRow(&e))
	}
	want := `2026-11-21 12:00:00  fr  up > down             connect: connection refused (http
                                               192.0.2.1:80/healthz)
2026-11-21 12:00:00  fr  down > up             http 192.0.2.1:80/healthz
2026-11-21 12:00:00  fr  drain begun           ann: kernel (order 1, fr)
2026-11-21 12:00:00  fr  forced down released  ann (order 2, fr)
`
	if got := table.String(); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// TestStatusJSON holds that the status is for machines, too.
func TestStatusJSON(t *testing.T) {
	h := newHome(t)
	h.serve()
	h.ask("udp", "www.example.com", 1, "")
	later := new(dns.Msg).SetQuestion("www.example.com.", dns.TypeA).SetEdns0(1232, false)
	later.IsEdns0().SetVersion(1)
	if _, err := dns.Exchange(later, h.listen.String()); err != nil {
		t.Fatal(err)
	}
	var st admin.Status
	if !eventually(func() bool { // a worker counts after it has answered
		err := json.Unmarshal([]byte(h.run(0, "status", "--json")), &st)
		return err == nil && st.DNS.RCodes["BADVERS"] > 0
	}) {
		t.Errorf("%+v", st)
	}
	if len(st.Servers) != 2 || st.Servers[0].State != "unchecked" || st.DNS.UDPQueries == 0 || st.DNS.RCodes["NOERROR"] == 0 || st.DNS.RCodes["BADVERS"] != 1 {
		t.Errorf("%+v", st)
	}
	if _, err := os.Stat(h.path("state/state.journal")); err != nil {
		t.Error(err)
	}
}
