package trial

import (
	"fmt"
	"math"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/load"
	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/stats"
)

// Percentiles are those printed.
var Percentiles = []float64{50, 90, 99}

// LatencyMetric names the metric of a percentile at a load in percent of saturation.
func LatencyMetric(percentile float64, load int) string {
	return fmt.Sprintf("p%g at %d %%", percentile, load)
}

// latency offers both servers the same rates: parts of the lower of their two saturations.
func latency(r *Rig, t *Trial) error {
	set, _, err := r.geoQueries()
	if err != nil {
		return err
	}
	w := r.geoWorkload()
	w.Buffer = true // what cannot wait is lost, and hides how late it would have been
	running, stop, err := r.start(t.Name, w, peer.Meridian, peer.Gdnsd)
	if err != nil {
		return err
	}
	defer stop()
	full := math.Inf(1)
	for _, p := range running {
		rate, err := r.saturation(set, p)
		if err != nil {
			return err
		}
		full = min(full, rate)
	}
	t.note("a lost query counts as answered after half a second; gdnsd has a receive buffer of 1 MiB, the most it takes, Meridian its usual 4 MiB")
	t.note("100 %% is %.0f queries a second, the lower of the saturations of Meridian and gdnsd", full)
	loads := []int{10, 20, 30, 40, 50, 60, 70, 80, 90}
	if r.Quick {
		loads = []int{20, 50, 80}
	}
	var steps []step
	for _, percent := range loads {
		steps = append(steps, func(round int, p *peer.Running) error {
			res, err := load.Paced(p.Addr, set, full*float64(percent)/100, r.Length/2, uint64(round))
			if err == nil {
				t.latencies(p.Peer.Name, percent, res)
			}
			return err
		})
	}
	return r.turns(t, running, steps...)
}

func (t *Trial) latencies(name string, percent int, res load.Result) {
	for _, p := range Percentiles {
		t.add(name, LatencyMetric(p, percent), "µs", percentileMicros(res, p))
	}
	t.add(name, fmt.Sprintf("answers at %d %%", percent), "1/s", res.Rate())
	t.add(name, fmt.Sprintf("lost at %d %%", percent), "queries", float64(res.Lost()))
}

func percentileMicros(res load.Result, p float64) float64 {
	return float64(stats.Percentile(res.Latencies, p)) / 1e3
}

// loss sends bursts to servers that have been quiet, and then nine tenths of what each can answer.
func loss(r *Rig, t *Trial) error {
	set, _, err := r.geoQueries()
	if err != nil {
		return err
	}
	const burst = 500
	peers := []peer.Peer{peer.Meridian, peer.Gdnsd, peer.Knot, peer.PowerDNS}
	running, stop, err := r.start(t.Name, r.geoWorkload(), peers...)
	if err != nil {
		return err
	}
	defer stop()
	return r.turns(t, running, func(round int, p *peer.Running) error {
		rate, err := r.saturation(set, p)
		if err != nil {
			return err
		}
		res, err := load.Burst(p.Addr, set, burst, uint64(round))
		if err != nil {
			return err
		}
		t.add(p.Peer.Name, fmt.Sprintf("lost of a burst of %d", burst), "queries", float64(res.Lost()))
		time.Sleep(50 * time.Millisecond)
		res, err = load.Paced(p.Addr, set, 0.9*rate, r.Length, uint64(round))
		t.add(p.Peer.Name, "offered at 90 %", "1/s", 0.9*rate)
		t.add(p.Peer.Name, "lost at 90 %", "queries", float64(res.Lost()))
		return err
	})
}
