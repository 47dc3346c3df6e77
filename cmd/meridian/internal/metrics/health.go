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

func (p *page) health(s *Snapshot) {
	count := map[healthcheck.Status]int{}
	for i := range s.Health.Targets {
		count[s.Health.States[i].Status]++
	}
	p.targets(s)
	for _, status := range statuses {
		p.gauge(targets, float64(count[status]), status.String())
	}
	p.counter(probes, float64(s.Probes.Probes-s.Probes.Failures), "good")
	p.counter(probes, float64(s.Probes.Failures), "bad")
	late := &s.Probes.Lateness
	p.histogram(lateness, late.Counts[:], func(i int) float64 {
		if i == len(late.Counts)-1 {
			return math.Inf(1)
		}
		return late.Bound(i).Seconds()
	}, late.Sum.Seconds())
	p.gauge(inFlight, float64(s.Probes.InFlight))
	for f, c := range s.Probes.Faults {
		p.counter(faults, float64(c.Count), healthcheck.Fault(f).String())
	}
	p.gauge(frozen, oneIf(s.Frozen))
}

// targets has series for every target. They are many, so their labels are written once.
func (p *page) targets(s *Snapshot) {
	for i, labels := range s.Labels {
		p.told(targetUp, oneIf(s.Health.States[i].Status == healthcheck.Up), labels)
	}
	for i, labels := range s.Labels {
		p.told(targetStreak, float64(s.Health.States[i].Streak), labels)
	}
	for i, labels := range s.Labels {
		p.told(targetLatency, s.Health.States[i].Latency.Seconds(), labels)
	}
}

// Labels writes the labels of targets, each with the server that it stands for, "" if none is known.
func Labels(targets []healthcheck.Target, behind []string) []string {
	texts := make([]string, len(targets))
	seen := map[string]int{}
	for i := range targets {
		texts[i] = string(targetUp.labels(nil, []string{distinct(seen, targets[i].String()), behind[i]}))
	}
	return texts
}

// distinct numbers targets that read alike, such as those of two checks that differ in a header.
func distinct(seen map[string]int, name string) string {
	if seen[name]++; seen[name] > 1 {
		return name + " #" + strconv.Itoa(seen[name])
	}
	return name
}

func (p *page) pools(s *Snapshot) {
	for i := range s.Servers {
		v := &s.Servers[i]
		well := v.State == "up" || v.State == "unchecked" || v.State == "unused"
		p.gauge(serverUp, oneIf(well), v.Name, v.Site)
	}
	for i := range s.Servers {
		v := &s.Servers[i]
		p.gauge(serverDrained, oneIf(v.Order == "drained" || v.Order == "partly drained"), v.Name, v.Site)
	}
	for i := range s.Pools {
		o := &s.Pools[i]
		p.gauge(poolServers, float64(o.Up), o.Name, "up")
		p.gauge(poolServers, float64(o.Servers-o.Up-o.Drained), o.Name, "down")
		p.gauge(poolServers, float64(o.Drained), o.Name, "drained")
	}
	for i := range s.Pools {
		for _, a := range s.Pools[i].Answers {
			p.counter(poolAnswers, float64(a.Answers), s.Pools[i].Name, a.Server)
		}
	}
	p.orders(s)
}

func (p *page) orders(s *Snapshot) {
	kinds := map[string]int{}
	for i := range s.Orders {
		if !s.Orders[i].Planned {
			kinds[s.Orders[i].Kind]++
		}
	}
	for _, kind := range []string{"drain", "up", "down"} {
		p.gauge(orders, float64(kinds[kind]), kind)
	}
}
