package report

import (
	"fmt"
	"math"

	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/plot"
	"github.com/meridian-dns/meridian/bench/internal/stats"
	"github.com/meridian-dns/meridian/bench/internal/trial"
)

// plots draws what there are results for, by file name.
func (s Set) plots() map[string]string {
	all := map[string]string{}
	if t := s.find("latency"); t != nil {
		all["performance-latency.svg"] = latencyPlot(t)
	}
	if t := s.find("geo"); t != nil {
		all["performance-cpu.svg"] = cpuPlot(t, "CPU time per geo answer")
	}
	if t := s.find("static"); t != nil {
		all["performance-static.svg"] = cpuPlot(t, "CPU time per static answer")
	}
	if t := s.find("load"); t != nil {
		all["performance-ready.svg"] = sizePlot(t, "Time to the first answer by zone size", "s", trial.ReadyMetric)
		all["performance-memory.svg"] = sizePlot(t, "Proportional memory by zone size", "MB", trial.MemoryMetric)
	}
	return all
}

func latencyPlot(t *trial.Trial) string {
	c := plot.Chart{Title: "Latency of geo answers as load rises", XLabel: "answers per second", YLabel: "µs", LogY: true}
	for color, name := range []string{peer.Meridian.Name, peer.Gdnsd.Name} {
		for _, p := range trial.Percentiles {
			s := plot.Series{Name: fmt.Sprintf("%s p%g", name, p), Color: color, Dashed: p > 50}
			s.X, s.Y = points(t, name, p)
			c.Series = append(c.Series, s)
		}
	}
	return c.SVG()
}

// points are the medians over the rounds at each load measured.
func points(t *trial.Trial, name string, percentile float64) (x, y []float64) {
	for load := 1; load <= 100; load++ {
		rate, latency := t.Metric(fmt.Sprintf("answers at %d %%", load)), t.Metric(trial.LatencyMetric(percentile, load))
		if rate == nil || latency == nil || len(rate.Values[name]) == 0 {
			continue
		}
		x = append(x, stats.Median(rate.Values[name]))
		y = append(y, stats.Median(latency.Values[name]))
	}
	return x, y
}

func cpuPlot(t *trial.Trial, title string) string {
	b := plot.Bars{Title: title, YLabel: "µs", Groups: []string{"under dnsperf", "saturated"}}
	for _, name := range peersOf(t) {
		bar := plot.Bar{Name: name}
		for _, metric := range []string{trial.CPUDnsperf, trial.CPUSaturated} {
			e := stats.Estimate{Median: math.NaN()}
			if m := t.Metric(metric); m != nil {
				e = stats.Estimated(m.Values[name])
			}
			bar.Mid, bar.Low, bar.High = append(bar.Mid, e.Median), append(bar.Low, e.Low), append(bar.High, e.High)
		}
		b.Bars = append(b.Bars, bar)
	}
	return b.SVG()
}

func sizePlot(t *trial.Trial, title, unit string, metric func(int) string) string {
	c := plot.Chart{Title: title, XLabel: "records", YLabel: unit, LogX: true, LogY: true}
	for color, name := range peersOf(t) {
		s := plot.Series{Name: name, Color: color}
		for size := 1000; size <= 10_000_000; size *= 10 {
			if m := t.Metric(metric(size)); m != nil && len(m.Values[name]) > 0 {
				s.X = append(s.X, float64(size))
				s.Y = append(s.Y, stats.Median(m.Values[name]))
			}
		}
		c.Series = append(c.Series, s)
	}
	return c.SVG()
}
