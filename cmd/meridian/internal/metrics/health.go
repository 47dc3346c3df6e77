package metrics

import (
	"math"
	"strconv"

	"github.com/meridian-dns/meridian/healthcheck"
)

var (
	targetUp      = desc("health_target_up", "1 if the target is up, 0 in every other state.", "target", "server")
	targetStreak  = desc("health_target_streak", "Results in a row against the state of the target.", "target", "server")
	targetLatency = desc("health_target_latency_seconds", "Time that the last probe with a result took.", "target", "server")
	targets       = desc("health_targets", "Targets by state.", "state")
	probes        = desc("health_probes_total", "Probes by result.", "result")
	lateness      = desc("health_probe_lateness_seconds", "Time from when a probe was due to its begin. First probes, which go out in a burst, are left out.")
	inFlight      = desc("health_probes_in_flight", "Probes under way now.")
	faults        = desc("health_faults_total", "Probes that came to nothing by a fault of this host.", "fault")
	frozen        = desc("health_frozen", "1 while states are kept as they were, because the fault is here.")

	serverUp      = desc("server_up", "1 if the server is up, or nothing checks it; 0 if it or one of its addresses is down or not yet known.", "server", "site")
	serverDrained = desc("server_drained", "1 if the server is drained in some pool.", "server", "site")
	poolServers   = desc("pool_servers", "Servers of the pool: up, down, or drained.", "pool", "state")
	poolAnswers   = desc("pool_answers_total", "Answers of the pool that held the server.", "pool", "server")
	orders        = desc("orders", "Orders of operators that are in force.", "kind")
)

var statuses = []healthcheck.Status{healthcheck.Unknown, healthcheck.Up, healthcheck.Down, healthcheck.Unprobed, healthcheck.Pending}

func (e emitter) health(s *Snapshot) {
	count := map[healthcheck.Status]int{}
	seen := map[string]int{}
	for i, t := range s.Health.Targets {
		st := s.Health.State(healthcheck.Slot(i))
		count[st.Status]++
		labels := []string{distinct(seen, t.String()), s.Behind[i]}
		e.gauge(targetUp, oneIf(st.Status == healthcheck.Up), labels...)
		e.gauge(targetStreak, float64(st.Streak), labels...)
		e.gauge(targetLatency, st.Latency.Seconds(), labels...)
	}
	for _, status := range statuses {
		e.gauge(targets, float64(count[status]), status.String())
	}
	e.counter(probes, float64(s.Probes.Probes-s.Probes.Failures), "good")
	e.counter(probes, float64(s.Probes.Failures), "bad")
	late := &s.Probes.Lateness
	e.histogram(lateness, late.Counts[:], func(i int) float64 {
		if i == len(late.Counts)-1 {
			return math.Inf(1)
		}
		return late.Bound(i).Seconds()
	}, late.Sum.Seconds())
	e.gauge(inFlight, float64(s.Probes.InFlight))
	for f, c := range s.Probes.Faults {
		e.counter(faults, float64(c.Count), healthcheck.Fault(f).String())
	}
	e.gauge(frozen, oneIf(s.Frozen))
}

// distinct numbers targets that read alike, such as those of two checks that differ in a header.
func distinct(seen map[string]int, name string) string {
	if seen[name]++; seen[name] > 1 {
		return name + " #" + strconv.Itoa(seen[name])
	}
	return name
}

func (e emitter) pools(s *Snapshot) {
	for i := range s.Servers {
		v := &s.Servers[i]
		well := v.State == "up" || v.State == "unchecked" || v.State == "unused"
		e.gauge(serverUp, oneIf(well), v.Name, v.Site)
		e.gauge(serverDrained, oneIf(v.Order == "drained" || v.Order == "partly drained"), v.Name, v.Site)
	}
	for i := range s.Pools {
		p := &s.Pools[i]
		e.gauge(poolServers, float64(p.Up), p.Name, "up")
		e.gauge(poolServers, float64(p.Servers-p.Up-p.Drained), p.Name, "down")
		e.gauge(poolServers, float64(p.Drained), p.Name, "drained")
		for _, a := range p.Answers {
			e.counter(poolAnswers, float64(a.Answers), p.Name, a.Server)
		}
	}
	kinds := map[string]int{}
	for i := range s.Orders {
		if !s.Orders[i].Planned {
			kinds[s.Orders[i].Kind]++
		}
	}
	for _, kind := range []string{"drain", "up", "down"} {
		e.gauge(orders, float64(kinds[kind]), kind)
	}
}
