package report

import (
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/stats"
	"github.com/meridian-dns/meridian/bench/internal/trial"
)

// busy tells the share that other programs had, and whether the trial's figures do not count for that.
func busy(t *trial.Trial) (float64, bool) {
	share := stats.Median(t.Others)
	return share, math.IsNaN(share) || share > trial.TooBusy
}

// Print writes all tables as plain text.
func (r Results) Print(w io.Writer) {
	for _, t := range r.Trials {
		fmt.Fprintf(w, "\n## %s\n\n%s", t.Title, table(t))
	}
}

// table writes the metrics of a trial in Markdown: a line for each metric, a column for each peer. Behind the medians of
// peers stands the median ratio of Meridian to them, with its interval.
func table(t *trial.Trial) string {
	var b strings.Builder
	for _, n := range t.Notes {
		fmt.Fprintf(&b, "- %s\n", n)
	}
	names := peersOf(t)
	if len(names) == 0 {
		return b.String()
	}
	fmt.Fprintf(&b, "\n| figure | unit | %s |\n|---|---|%s\n", strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	for _, m := range t.Metrics {
		fmt.Fprintf(&b, "| %s | %s |", m.Name, m.Unit)
		for _, name := range names {
			fmt.Fprintf(&b, " %s |", cell(m, name))
		}
		b.WriteString("\n")
	}
	return b.String()
}

func peersOf(t *trial.Trial) []string {
	var names []string
	seen := map[string]bool{}
	for _, m := range t.Metrics {
		for _, p := range m.Peers {
			if !seen[p] {
				seen[p] = true
				names = append(names, p)
			}
		}
	}
	return names
}

// cell gives the median of a peer and, for others than Meridian and figures that are ratios by nature, the ratio.
func cell(m *trial.Metric, name string) string {
	values := m.Values[name]
	if len(values) == 0 {
		return ""
	}
	if counts(m) {
		return total(values)
	}
	text := figure(stats.Median(values))
	if e := ratio(m, name); name != peer.Meridian.Name && e.N > 0 && m.Unit != "%" {
		text += fmt.Sprintf(" (%s)", interval(e))
	}
	return text
}

// counts tells metrics of which the sum over all rounds matters, not the middle.
func counts(m *trial.Metric) bool {
	return m.Unit == "queries" || m.Unit == "answers"
}

func total(values []float64) string {
	sum, worst := 0.0, 0.0
	for _, v := range values {
		sum, worst = sum+v, max(worst, v)
	}
	if sum == 0 {
		return "0"
	}
	return fmt.Sprintf("%.0f in all, at most %.0f a round", sum, worst)
}

// ratio estimates Meridian's figure divided by that of a peer in the same round.
func ratio(m *trial.Metric, name string) stats.Estimate {
	return stats.Estimated(stats.Ratios(m.Values[peer.Meridian.Name], m.Values[name]))
}

// interval writes a ratio with its interval.
func interval(e stats.Estimate) string {
	return fmt.Sprintf("%.2f, %.2f to %.2f", e.Median, e.Low, e.High)
}

// figure writes three significant digits, and whole numbers from a thousand up.
func figure(v float64) string {
	switch {
	case math.IsNaN(v):
		return "–"
	case v >= 1000:
		return fmt.Sprintf("%.0f", v)
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
