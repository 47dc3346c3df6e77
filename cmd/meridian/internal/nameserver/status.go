package nameserver

import (
	"os"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/healthcheck"
)

// Status tells how everything stands.
func (n *Nameserver) Status() admin.Status {
	n.mu.Lock()
	health, plan, set, generation := n.health(), n.plan, n.zones, n.generation
	n.mu.Unlock()
	s := admin.Status{
		Version: n.o.Version, PID: os.Getpid(), Started: n.started, Generation: generation,
		Targets: admin.Targets(health), Zones: admin.Zones(set),
	}
	if n.server != nil {
		for _, a := range n.server.Addrs() {
			s.Listen = append(s.Listen, a.String())
		}
	}
	for _, g := range plan.sources() {
		s.Geo = append(s.Geo, admin.Geo{File: g.Path, Type: g.Type, Built: g.Built, Attribution: g.Attribution})
	}
	for _, p := range n.folder.Problems() {
		s.Problems = append(s.Problems, p.String())
	}
	return s
}

// Health is the table of states at this moment, in the order of Plan().Targets.
func (n *Nameserver) Health() *healthcheck.Snapshot {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.health()
}
