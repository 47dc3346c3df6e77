package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/bench/internal/stats"
	"github.com/meridian-dns/meridian/bench/internal/trial"
)

// sample is a geo trial in which Meridian costs 0.9 of gdnsd, while other programs used a share of the machine.
func sample(others float64) Results {
	m := &trial.Metric{Name: trial.CPUDnsperf, Unit: "µs", Peers: []string{"meridian", "gdnsd"}, Values: map[string][]float64{}}
	t := &trial.Trial{Name: "geo", Title: "Geo", Metrics: []*trial.Metric{m}}
	for i := range 11 {
		base := 3 + float64(i)/10
		m.Values["gdnsd"] = append(m.Values["gdnsd"], base)
		m.Values["meridian"] = append(m.Values["meridian"], 0.9*base)
		t.Others = append(t.Others, others)
	}
	return Results{Trials: []*trial.Trial{t}}
}

func TestVerdict(t *testing.T) {
	for _, c := range []struct {
		e    stats.Estimate
		want string
	}{
		{stats.Estimate{Median: 0.9, Low: 0.8, High: 0.95, N: 11}, "yes"},
		{stats.Estimate{Median: 1.2, Low: 1.1, High: 1.3, N: 11}, "**no**"},
		{stats.Estimate{Median: 0.99, Low: 0.9, High: 1.1, N: 11}, "yes, within the noise"},
		{stats.Estimate{Median: 1.01, Low: 0.9, High: 1.1, N: 11}, "no, within the noise"},
		{stats.Estimate{}, ""},
	} {
		if _, met := verdict(c.e, 1); met != c.want {
			t.Errorf("%+v: %q, want %q", c.e, met, c.want)
		}
	}
}

func TestGoalsOfABusyMachineStayOpen(t *testing.T) {
	g := goal{"geo", trial.CPUDnsperf, "gdnsd", 1}
	if measured, met := (Set{sample(0.01)}).judge(g); met != "yes" || !strings.HasPrefix(measured, "0.90") {
		t.Errorf("quiet: %q, %q", measured, met)
	}
	if measured, met := (Set{sample(0.5)}).judge(g); met != "" || strings.Contains(measured, "0.9") {
		t.Errorf("busy: %q, %q", measured, met)
	}
	if _, met := (Set{}).judge(g); met != "" {
		t.Errorf("nothing measured, and the goal is met: %q", met)
	}
}

func TestSectionHidesDisturbedFigures(t *testing.T) {
	if s := sample(0.01).section(); !strings.Contains(s, "| CPU per answer, dnsperf | µs | 3.15 | 3.5 (0.90, 0.90 to 0.90) |") {
		t.Errorf("quiet: %s", s)
	}
	if s := sample(0.5).section(); strings.Contains(s, "3.15") || !strings.Contains(s, "Not shown") {
		t.Errorf("busy: %s", s)
	}
}

func TestLossesAreSums(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   string
	}{{[]float64{0, 0}, "0"}, {[]float64{0, 3, 4}, "7 in all, at most 4 a round"}} {
		if got := total(c.values); got != c.want {
			t.Errorf("%v: %q", c.values, got)
		}
	}
}

func TestSaveLoadWrite(t *testing.T) {
	dir := t.TempDir()
	if err := sample(0.01).Save(dir); err != nil {
		t.Fatal(err)
	}
	all, err := Load(dir)
	if err != nil || len(all) != 1 || all.find("geo") == nil || all.find("tcp") != nil {
		t.Fatalf("%d trials: %v", len(all), err)
	}
	if err := all.Write(dir); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(dir, "performance.md"))
	if err != nil {
		t.Fatal(err)
	}
	if limits, results := strings.Index(string(page), "## Limits"), strings.Index(string(page), "## Results"); limits < 0 || limits > results {
		t.Error("the limits do not come first")
	}
	if _, err := os.Stat(filepath.Join(dir, "performance-cpu.svg")); err != nil {
		t.Error(err)
	}
}

// Every metric that a goal names must be one that some trial makes; a typing error would leave the goal open forever.
func TestGoalsNameTrials(t *testing.T) {
	known := map[string]bool{}
	for _, e := range trial.All {
		known[e.Name] = true
	}
	for _, g := range goals() {
		if !known[g.trial] {
			t.Errorf("a goal of the unknown trial %q", g.trial)
		}
	}
}
