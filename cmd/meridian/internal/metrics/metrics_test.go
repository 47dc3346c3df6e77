package metrics

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// scrape gives the lines of the metrics whose names begin with a word.
func scrape(t *testing.T, s *Snapshot, begin string) []string {
	t.Helper()
	w := httptest.NewRecorder()
	New(func() *Snapshot { return s }).Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != 200 {
		t.Fatalf("%d: %s", w.Code, w.Body)
	}
	var lines []string
	for line := range strings.Lines(w.Body.String()) {
		if strings.HasPrefix(line, begin) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

func snapshot(n int) *Snapshot {
	entries := make([]zones.Entry, n)
	for i := range entries {
		label := fmt.Sprintf("z%07d", i)
		entries[i].Origin = "\x08" + label + "\x07example\x00"
	}
	view := resolver.NewView(nil, zones.NewSet(entries), (&steer.Set{}).With(nil, nil), &resolver.Options{})
	return &Snapshot{Now: time.Now(), View: view, Health: &healthcheck.Snapshot{}, API: new(admin.Counts)}
}

// TestManyZones holds that zones beyond a number have series only if something is wrong with them.
func TestManyZones(t *testing.T) {
	problems := []zones.Problem{
		{Zone: "z0000007.example", Text: "wrong"}, {Zone: "z0000007.example", Text: "too"},
		{Zone: "z0000008.example", Text: "odd", Warning: true}, {Text: "no zone"},
	}
	for n, want := range map[int]int{mostZones: mostZones, mostZones + 1: 1} {
		s := snapshot(n)
		s.Problems = problems
		got := scrape(t, s, "meridian_zone_load_errors{")
		if len(got) != want {
			t.Errorf("%d zones: %d series, want %d", n, len(got), want)
		}
		if all := strings.Join(got, "\n"); !strings.Contains(all, `{zone="z0000007.example"} 2`) {
			t.Errorf("%d zones: %.300s", n, all)
		}
		if got := scrape(t, s, "meridian_zone_file_errors "); len(got) != 1 || got[0] != "meridian_zone_file_errors 1" {
			t.Errorf("%q", got)
		}
	}
}

// TestTargetsThatReadAlike holds that a scrape does not fail at two targets that are told by the same words, nor at
// words that are no text.
func TestTargetsThatReadAlike(t *testing.T) {
	s := snapshot(0)
	at := netip.MustParseAddr("192.0.2.1")
	s.Health.Targets = []healthcheck.Target{
		{Check: healthcheck.Check{Type: "http", Port: 80, Path: "/"}, Addr: at},
		{Check: healthcheck.Check{Type: "http", Port: 80, Path: "/", Host: "example.com"}, Addr: at},
		{Check: healthcheck.Check{Type: "http", Port: 80, Path: "/\xff"}, Addr: at},
	}
	s.Health.States = []healthcheck.State{{Status: healthcheck.Up}, {Status: healthcheck.Down, Streak: 2}, {}}
	s.Labels = Labels(s.Health.Targets, []string{"ny", "ny", ""})
	want := []string{
		`meridian_health_target_up{server="ny",target="http 192.0.2.1:80/"} 1`,
		`meridian_health_target_up{server="ny",target="http 192.0.2.1:80/ #2"} 0`,
		`meridian_health_target_up{server="",target="http 192.0.2.1:80/?"} 0`,
	}
	if got := scrape(t, s, "meridian_health_target_up{"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestNumbersThatRaced holds that counts read one after the other never come out below zero.
func TestNumbersThatRaced(t *testing.T) {
	s := snapshot(0)
	s.DNS.UDP.Types[1], s.DNS.UDP6.Types[1] = 5, 6
	s.DNS.UDP.Dropped, s.DNS.UDP.Short = 1, 2
	for _, line := range scrape(t, s, "meridian_dns_") {
		if value := line[strings.LastIndexByte(line, ' ')+1:]; strings.HasPrefix(value, "-") || strings.Contains(value, "e+19") {
			t.Error(line)
		}
	}
}
