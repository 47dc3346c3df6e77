package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestLogsPage runs the commands of the page on logs.
func TestLogsPage(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.serve()
	for _, b := range fencedIn(t, "docs/logs.md") {
		switch b.lang {
		case "toml":
			text := strings.NewReplacer("/var/log/meridian", h.dir, "/run/dnstap", h.dir).Replace(b.text)
			h.write("meridian.toml", h.config("")+text)
			if out, code := h.meridian("reload", "--config", "meridian.toml"); code != 0 {
				t.Errorf("%s\n%s", text, out)
			}
		case "json":
			var m map[string]any
			if err := json.Unmarshal([]byte(b.text), &m); err != nil {
				t.Errorf("%v:\n%s", err, b.text)
			}
		case "": // of logrotate
		case "bash":
			if strings.HasPrefix(b.text, "fstrm_capture ") {
				continue // TestDnstap runs these
			}
			for line := range strings.Lines(b.text) {
				args := append(strings.Fields(line), "--config", "meridian.toml")
				if out, code := h.meridian(args[1:]...); args[0] != "meridian" || code != 0 {
					t.Errorf("%q: exit code %d\n%s", line, code, out)
				}
			}
		default:
			t.Errorf("no test knows this block:\n%s", b.text)
		}
	}
}

// TestLogLevelChanges changes the level while a nameserver runs: what is below it stops, the change itself is told in
// the log and kept in the audit log.
func TestLogLevelChanges(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	p := h.serve()
	level := func(want string, wantCode int, args ...string) {
		t.Helper()
		out, code := h.meridian(append([]string{"log-level", "--config", "meridian.toml"}, args...)...)
		if code != wantCode || !strings.Contains(out, want) {
			t.Errorf("log-level %v: exit code %d, %q, want %q", args, code, out, want)
		}
	}
	reloads := func() int {
		if out, code := h.meridian("reload", "--config", "meridian.toml"); code != 0 {
			t.Fatal(out)
		}
		return strings.Count(p.output(), "zone loaded")
	}
	level("info\n", 0)
	level("error\n", 0, "error")
	level("error\n", 0)
	p.find(0, `"to":"error"`)
	before := strings.Count(p.output(), "zone loaded")
	h.replace("zones/example.com.zone", "hello", "hallo")
	if after := reloads(); after != before {
		t.Errorf("%d zones loaded in the log, %d before", after, before)
	}
	level("debug\n", 0, "debug")
	h.replace("zones/example.com.zone", "hallo", "hola")
	if reloads(); !eventually(func() bool { return strings.Count(p.output(), "zone loaded") > before }) {
		t.Errorf("the zone loaded is not in the log:\n%s", p.output())
	}
	level(`"loud" is none of debug, info, warn, error`, 2, "loud")
	level(`"fatal" is none of debug, info, warn, error`, 2, "fatal")
	level("debug\n", 0)
	if audit := h.mustRead("state/audit.log"); strings.Count(audit, `"action":"log level"`) != 2 {
		t.Errorf("audit log:\n%s", audit)
	}
}
