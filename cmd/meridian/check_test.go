package main

import (
	"strings"
	"testing"
)

func TestCheckGood(t *testing.T) {
	h := newHome(t)
	h.replace("meridian.toml", "[pools.web]", "[pools.web]\ncheck = \"http://example.com/healthz\"")
	out, code := h.meridian("check", "--config", "meridian.toml")
	if code != 0 || !strings.Contains(out, "0 errors, 0 warnings") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	for _, want := range []string{"1 zone with 5 names", "1 pool", "2 servers", "2 targets to probe", "geo: city.mmdb of "} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if _, err := h.read("state/lock"); err == nil {
		t.Error("check wrote into the state folder")
	}
}

// TestCheckBad breaks one thing at a time: what check says of it, and whether that is an error.
func TestCheckBad(t *testing.T) {
	for _, c := range []struct {
		name, file, old, new string
		code                 int
		want                 string
	}{
		{"unknown key", "meridian.toml", "workers = 1", "worker = 1", 1, "meridian.toml:4: worker: "},
		{"unknown city", "meridian.toml", `"Paris"`, `"Pariss"`, 1, "meridian.toml:8: servers.fr.at: "},
		{"no such country", "meridian.toml", "[pools.web]", "[pools.web.rules]\n\"country:ZZ\" = [\"ny\"]", 1,
			"meridian.toml:11: pools.web.rules.\"country:ZZ\": country:ZZ: no such country"},
		{"rule by AS number without data", "meridian.toml", "[pools.web]", "[pools.web.rules]\n\"asn:64500\" = [\"ny\"]", 1,
			"meridian.toml:11: pools.web.rules.\"asn:64500\": asn:64500: no geo database that tells AS numbers"},
		{"check that no server can pass", "meridian.toml", "[pools.web]",
			"[pools.web]\ncheck = \"nonesuch\"", 1, "meridian.toml:11: pools.web.check: "},
		{"geo file", "meridian.toml", "city.mmdb", "none.mmdb", 1, "none.mmdb"},
		{"zone syntax", "zones/example.com.zone", "192.0.2.53", "192.0.2.533", 1, "zones/example.com.zone:4: "},
		{"unknown pool", "zones/example.com.zone", "GEO web/ny", "GEO wbe", 1, "zones/example.com.zone:6: "},
		{"unknown server", "zones/example.com.zone", "GEO web/ny", "GEO web/la", 1, "zones/example.com.zone:6: "},
		{"long TTL", "zones/example.com.zone", "www  60", "www  3600", 0, "zones/example.com.zone:5: warning: "},
		{"pool without a check", "meridian.toml", "", "", 0, "meridian.toml:10: warning: pools.web: no check"},
		{"server that is not used", "meridian.toml", "[pools.web]", "[pools.web]\nservers = [\"ny\"]", 0,
			"meridian.toml:8: warning: servers.fr.at: no pool uses server fr"},
		{"AAAA withheld", "meridian.toml", `"203.0.113.10"]`, `"203.0.113.10", "2001:db8::1"]`, 0,
			"meridian.toml:10: warning: pools.web: AAAA is withheld because server ny has no such address"},
		{"options without a zone", "meridian.toml", "[pools.web]", "[zone.\"example.net\"]\nserial = \"auto\"\n[pools.web]", 0,
			"no file for the zone example.net"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t)
			if c.old != "" {
				h.replace(c.file, c.old, c.new)
			}
			out, code := h.meridian("check", "--config", "meridian.toml")
			if code != c.code || !strings.Contains(out, c.want) {
				t.Errorf("exit code %d, want %d and %q in:\n%s", code, c.code, c.want, out)
			}
		})
	}
}

// TestCheckTellsAll holds that errors of configuration and of zones show at once.
func TestCheckTellsAll(t *testing.T) {
	h := newHome(t)
	h.replace("meridian.toml", `"Paris"`, `"Pariss"`)
	h.replace("zones/example.com.zone", "192.0.2.53", "192.0.2.533")
	h.write("zones/example.org.zone", goodZone)
	out, code := h.meridian("check", "--config", "meridian.toml")
	for _, want := range []string{"meridian.toml:8", "zones/example.com.zone:4", "2 errors, 0 warnings"} {
		if code != 1 || !strings.Contains(out, want) {
			t.Errorf("exit code %d, no %q in:\n%s", code, want, out)
		}
	}
}

func TestCommandLine(t *testing.T) {
	h := newHome(t)
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"", 0, []string{"Usage:", "serve", "check", "explain", "demo", "version", "completion", "Examples:"}},
		{"serve --help", 0, []string{"SIGHUP", "SIGTERM", "--config file", "/etc/meridian/meridian.toml"}},
		{"check --help", 0, []string{"Exit code 0"}},
		{"explain --help", 0, []string{"--client address", "RFC 7871"}},
		{"demo --help", 0, []string{"127.0.0.1:5300", "--duration"}},
		{"version", 0, []string{"meridian ", "go1.", "embedded world of 20", "DB-IP", "CC BY 4.0"}},
		{"completion bash", 0, []string{"bash completion"}},
		{"sevre", 2, []string{`unknown command "sevre"`}},
		{"serve now", 2, []string{`unexpected argument "now"`}},
		{"serve --confg x", 2, []string{"unknown flag: --confg"}},
		{"serve --log-level loud", 2, []string{"--log-level", "loud"}},
		{"serve --log-format xml", 2, []string{"--log-format", "xml"}},
		{"serve --config none.toml", 1, []string{"no configuration at none.toml", "meridian demo"}},
		{"check --config none.toml", 1, []string{"no configuration at none.toml"}},
		{"explain", 2, []string{"needs a name"}},
		{"explain www.example.com", 2, []string{"client"}},
		{"explain www.example.com AAAAA --client 192.0.2.1", 2, []string{"AAAAA", "record type"}},
		{"explain www.example.com --client london", 2, []string{"london", "81.2.69.0/24"}},
		{"explain www..example.com --client 192.0.2.1", 2, []string{"not a domain name"}},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			out, code := h.meridian(strings.Fields(c.args)...)
			if code != c.code {
				t.Errorf("exit code %d, want %d", code, c.code)
			}
			for _, want := range c.want {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in:\n%s", want, out)
				}
			}
		})
	}
}
