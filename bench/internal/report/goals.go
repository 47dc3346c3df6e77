package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/stats"
	"github.com/meridian-dns/meridian/bench/internal/trial"
)

// goal is what a figure should be: at most limit times the same figure of a peer, or, without one, at most limit.
type goal struct {
	trial, metric, peer string
	limit               float64
}

func goals() []goal {
	all := []goal{
		{"geo", trial.CPUDnsperf, "gdnsd", 1}, {"geo", trial.CPUSaturated, "gdnsd", 1},
		{"geo", trial.CPUDnsperf, "knot", 0.8}, {"geo", trial.CPUSaturated, "knot", 0.8},
		{"geo", trial.CPUDnsperf, "pdns", 0.35}, {"geo", trial.CPUSaturated, "pdns", 0.35},
	}
	for _, load := range []int{20, 50, 80} {
		for _, p := range trial.Percentiles {
			all = append(all, goal{"latency", trial.LatencyMetric(p, load), "gdnsd", 1.25})
		}
	}
	all = append(all, goal{"loss", "lost of a burst of 500", "", 0}, goal{"loss", "lost at 90 %", "", 0})
	for _, p := range []string{"nsd", "knot"} {
		all = append(all, goal{"static", trial.CPUDnsperf, p, 0.95}, goal{"static", trial.CPUSaturated, p, 0.95})
	}
	return append(all,
		goal{"tcp", trial.CPUDnsperf, "knot", 1}, goal{"tcp", trial.CPUSaturated, "knot", 1},
		goal{"load", trial.ReadyMetric(1_000_000), "nsd", 1}, goal{"load", trial.MemoryMetric(1_000_000), "knot", 1},
		goal{"sign", trial.SignedMetric(1_000_000), "knot", 1},
		goal{"sign", trial.SignedEditMetric(100_000, false), "", 500}, goal{"sign", trial.SignedEditMetric(1_000_000, false), "", 1500},
		goal{"sign", trial.SignedEditMetric(100_000, true), "", 500}, goal{"sign", trial.SignedEditMetric(1_000_000, true), "", 1500},
		goal{"rebuild", "CPU of a rebuild", "", 12}, goal{"rebuild", trial.TablesMetric, "", 400},
		goal{"rebuild", "lost during a rebuild", "", 0},
		goal{"rebuild", trial.RebuildMetric(50), "", 1.25}, goal{"rebuild", trial.RebuildMetric(90), "", 1.25},
		goal{"observe", trial.CountedMetric(trial.CPUDnsperf), "", 1.02}, goal{"observe", trial.CountedMetric(trial.CPUSaturated), "", 1.02},
		goal{"observe", trial.LoggedMetric(trial.CPUDnsperf), "", 1.03}, goal{"observe", trial.LoggedMetric(trial.CPUSaturated), "", 1.03},
		goal{"labels", trial.SeriesMetric, "", 0},
		goal{"micro", trial.MicroMetric("geo", "CPU per answer"), "", 300},
		goal{"micro", trial.MicroMetric("static/hits", "CPU per answer"), "", 200},
		goal{"micro", trial.MicroMetric("geo", "allocations per batch"), "", 0},
		goal{"micro", trial.MicroMetric("static/mixed", "allocations per batch"), "", 0},
		goal{"churn", "lost while changing", "", 0}, goal{"churn", trial.ChurnLost, "", 0},
		goal{"churn", "answers with an error", "", 0},
		goal{"churn", "answers of mixed versions", "", 0},
		goal{"storm", trial.Publications, "", 1}, goal{"storm", "lost in a storm", "", 0},
		goal{"storm", trial.StormMetric(50), "", 1.25}, goal{"storm", trial.StormMetric(90), "", 1.25},
		goal{"health", trial.CoresMetric("tcp"), "", 0.7}, goal{"health", trial.CoresMetric("http"), "", 1},
		goal{"health", trial.CoresMetric("http kept"), "", 0.4},
		goal{"health", trial.LateMetric("tcp"), "", 100}, goal{"health", trial.LateMetric("http"), "", 100},
		goal{"health", trial.LateMetric("http kept"), "", 100},
		goal{"health", trial.ScrapedMetric("tcp"), "", 100}, goal{"health", trial.ScrapedMetric("http"), "", 100},
		goal{"health", trial.ScrapedMetric("http kept"), "", 100})
}

// goalTable writes each goal with what was measured. Goals of trials on a busy machine are left open.
func (s Set) goalTable() string {
	var b strings.Builder
	b.WriteString("| goal | at most | measured | met |\n|---|---|---|---|\n")
	for _, g := range goals() {
		name := fmt.Sprintf("%s: %s", g.trial, g.metric)
		limit := figure(g.limit)
		if g.peer != "" {
			limit = fmt.Sprintf("%s of %s", limit, g.peer)
		}
		measured, met := s.judge(g)
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, limit, measured, met)
	}
	return b.String()
}

func (s Set) judge(g goal) (measured, met string) {
	t := s.find(g.trial)
	if t == nil {
		return "not measured", ""
	}
	m := t.Metric(g.metric)
	if m == nil || len(m.Values[peer.Meridian.Name]) == 0 {
		return "not measured", ""
	}
	if _, disturbed := busy(t); disturbed {
		return "not on a quiet machine", ""
	}
	if g.peer == "" {
		return verdictAlone(m, g.limit)
	}
	return verdict(ratio(m, g.peer), g.limit)
}

func verdictAlone(m *trial.Metric, limit float64) (measured, met string) {
	values := m.Values[peer.Meridian.Name]
	if counts(m) {
		return total(values), yes(slices.Max(values) <= limit)
	}
	return fmt.Sprintf("%s %s", figure(stats.Median(values)), m.Unit), yes(stats.Median(values) <= limit)
}

// verdict is open where the interval holds the limit.
func verdict(e stats.Estimate, limit float64) (measured, met string) {
	switch {
	case e.N == 0:
		return "not measured", ""
	case e.Low <= limit && limit < e.High && e.Median <= limit:
		return interval(e), "yes, within the noise"
	case e.Low <= limit && limit < e.High:
		return interval(e), "no, within the noise"
	}
	return interval(e), yes(e.Median <= limit)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "**no**"
}
