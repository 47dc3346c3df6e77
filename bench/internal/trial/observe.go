package trial

import (
	"github.com/meridian-dns/meridian/bench/internal/peer"
)

// CountedMetric and LoggedMetric name what an answer costs with counters, and with a query log besides, in parts of what
// it costs without either, under a load.
func CountedMetric(load string) string { return "counted, of uncounted: " + load }
func LoggedMetric(load string) string  { return "with a query log, of uncounted: " + load }

// observe compares Meridian made without counters, as it is, and with a query log of one answer in a hundred.
func observe(r *Rig, t *Trial) error {
	set, file, err := r.geoQueries()
	if err != nil {
		return err
	}
	running, stop, err := r.start(t.Name, r.geoWorkload(), peer.Uncounted, peer.Meridian, peer.Logged)
	if err != nil {
		return err
	}
	defer stop()
	if err := r.turns(t, running, r.udp(t, set, file)...); err != nil {
		return err
	}
	for _, load := range []string{CPUDnsperf, CPUSaturated} {
		m := t.Metric(load)
		for i, base := range m.Values[peer.Uncounted.Name] {
			t.add(peer.Meridian.Name, CountedMetric(load), "", m.Values[peer.Meridian.Name][i]/base)
			t.add(peer.Meridian.Name, LoggedMetric(load), "", m.Values[peer.Logged.Name][i]/base)
		}
	}
	return nil
}
