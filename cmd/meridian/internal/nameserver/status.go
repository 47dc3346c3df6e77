package nameserver

import (
	"cmp"
	"os"
	"strings"
	"time"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/metrics"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/server"
)

// Status tells how everything stands.
func (n *Nameserver) Status() admin.Status {
	n.mu.Lock()
	health, plan, set, generation := n.health(), n.plan, n.zones, n.generation
	n.mu.Unlock()
	stand := standing{plan, health, n.ops.book.Duties(plan.Pools)}
	s := admin.Status{
		Version: n.o.Version, PID: os.Getpid(), Now: time.Now(), Started: n.started, Generation: generation,
		Listen: []string{}, Geo: []admin.Geo{}, Problems: []string{},
		Alarms: n.ops.alarms.list(), Servers: stand.servers(), Pools: stand.pools(),
		Orders: n.ops.book.List(plan.Pools), Frozen: n.ops.freeze.frozen(),
		Targets: admin.Targets(health), Zones: admin.Zones(set),
		Reload: n.ops.reload.get(), GeoReload: n.ops.geo.get(), Probes: probes(n.monitor.Stats()),
		Signing: n.signing.status(n.View(), n.keys.failures()), Logs: n.watchers.counts(),
		API: admin.APICounts{Requests: n.ops.counts.Requests.Load(), Refused: n.ops.counts.Refused()},
	}
	if n.server != nil {
		for _, a := range n.server.Addrs() {
			s.Listen = append(s.Listen, a.String())
		}
		st := n.server.Stats()
		s.DNS = traffic(st)
		stand.tellAnswers(s.Pools, st.Servers)
	}
	for _, g := range plan.sources() {
		s.Geo = append(s.Geo, admin.Geo{File: g.Path, Type: g.Type, Built: g.Built, Attribution: g.Attribution})
	}
	for i := range s.Targets {
		s.Targets[i].Server = plan.owner(i).Name
	}
	n.addProblems(&s)
	s.Verdict = admin.Judge(&s)
	return s
}

// addProblems tells what is wrong with zone files, in all and zone by zone.
func (n *Nameserver) addProblems(s *admin.Status) {
	first := map[string]string{}
	for _, p := range n.folder.Problems() {
		s.Problems = append(s.Problems, p.String())
		if !p.Warning && first[p.Zone] == "" {
			first[p.Zone] = p.String()
		}
	}
	for i := range s.Zones {
		s.Zones[i].Problem = first[cmp.Or(strings.TrimSuffix(s.Zones[i].Name, "."), ".")]
	}
}

func traffic(s server.Stats) admin.Traffic {
	t := admin.Traffic{
		UDPQueries: s.UDP.Queries, UDPDropped: s.UDP.Dropped, UDPUnsent: s.UDP.Unsent, TCPQueries: s.TCP.Queries,
		TCPConnections: s.Connections.Open, TCPRefused: s.Connections.Refused, Panics: s.Panics, RCodes: map[string]uint64{},
	}
	for code := range s.UDP.RCodes {
		if n := s.UDP.RCodes[code] + s.TCP.RCodes[code]; n > 0 {
			t.RCodes[metrics.RCode(code)] = n
		}
	}
	return t
}

func probes(s healthcheck.Stats) admin.Probes {
	p := admin.Probes{Probes: s.Probes, Failures: s.Failures, InFlight: s.InFlight, Faults: map[string]uint64{}}
	for f, c := range s.Faults {
		if c.Count > 0 {
			p.Faults[healthcheck.Fault(f).String()] = c.Count
		}
	}
	return p
}

// Health is the table of states at this moment, in the order of Plan().Targets.
func (n *Nameserver) Health() *healthcheck.Snapshot {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.health()
}
