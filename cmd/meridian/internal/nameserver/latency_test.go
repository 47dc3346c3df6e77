package nameserver

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/healthcheck"
)

// TestLatencies holds what becomes of the probes of a target, minute by minute.
func TestLatencies(t *testing.T) {
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	target := func(ip string) healthcheck.Target {
		return healthcheck.Target{Check: healthcheck.Check{Type: "tcp", Port: 25}, Addr: netip.MustParseAddr(ip)}
	}
	l := latencies{start: start, seed: maphash.MakeSeed()}
	h := &healthcheck.Snapshot{Targets: []healthcheck.Target{target("192.0.2.1")}, States: make([]healthcheck.State, 1)}
	note := func(s, us int, bad string) {
		h.States[0].LastProbe, h.States[0].Latency, h.States[0].LastError = at(s), time.Duration(us)*time.Microsecond, bad
		l.note(h)
	}
	want := func(what string, s int, want ...int32) {
		t.Helper()
		if got := l.of(0, at(s)); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	note(-5, 7, "")
	want("of before the start", 10)
	note(61, 100, "")
	note(61, 100, "") // the same probe, seen again
	note(80, 300, "")
	want("a mean, from its minute on", 80, 200)
	note(200, 50, "timeout")
	note(210, 60, "")
	want("an empty minute, and one with a failure", 215, 200, 0, -1)
	want("nothing since", 301, 200, 0, -1, 0, 0)
	note(60*(latencyMinutes+2), 9, "")
	got := l.of(0, at(60*(latencyMinutes+2)))
	if len(got) != latencyMinutes || got[0] != -1 || got[latencyMinutes-1] != 9 || slices.Max(got[1:latencyMinutes-1]) != 0 {
		t.Errorf("three hours later: %v", got)
	}
	note(60*10000, 5, "")
	if got := l.of(0, at(60*10000)); len(got) != latencyMinutes || got[latencyMinutes-1] != 5 || slices.Max(got[:latencyMinutes-1]) != 0 {
		t.Errorf("a week later: %v", got)
	}
	h.Targets = []healthcheck.Target{target("192.0.2.2")}
	note(60*10000, 6, "")
	want("another target in its slot", 60*10000, 6)
}
