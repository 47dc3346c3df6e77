package nameserver

import (
	"sync"
	"time"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/metrics"
	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
)

// snapshot is how everything stands, for metrics.
func (n *Nameserver) snapshot() *metrics.Snapshot {
	n.mu.Lock()
	health, plan, generation, view := n.health(), n.plan, n.generation, n.View()
	n.mu.Unlock()
	stand := standing{plan, health, n.ops.book.Duties(plan.Pools)}
	s := &metrics.Snapshot{
		Now: time.Now(), Version: n.o.Version, Generation: generation, View: view,
		Health: health, Labels: n.labels.of(&stand), Probes: n.monitor.Stats(),
		Servers: stand.servers(), Pools: stand.pools(), Orders: n.ops.book.List(plan.Pools), Frozen: n.ops.freeze.frozen(),
		Alarms: n.ops.alarms.list(), Problems: n.folder.Problems(), Reload: n.ops.reload.get(), Geo: plan.sources(),
		Signing: n.signatures(), Waiting: n.ops.alerts.get().Waiting(), Logs: n.watchers.counts(), API: &n.ops.counts,
	}
	if n.server != nil {
		s.DNS = n.server.Stats()
		stand.tellAnswers(s.Pools, s.DNS.Servers)
	}
	return s
}

// labels keeps what a scrape says of each target of a plan, as long as the plan is in force. Safe for concurrent use.
type labels struct {
	mu    sync.Mutex // guards what follows
	plan  *Plan
	texts []string
}

func (l *labels) of(stand *standing) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.plan != stand.plan {
		l.plan, l.texts = stand.plan, metrics.Labels(stand.plan.Targets, stand.behind())
	}
	return l.texts
}

// behind names the server for which each target is probed.
func (s *standing) behind() []string {
	names := make([]string, len(s.health.Targets))
	note := func(slot healthcheck.Slot, name string) {
		if slot >= 0 && int(slot) < len(names) && names[slot] == "" {
			names[slot] = name
		}
	}
	s.each(func(_ *steer.Pool, m *steer.Server, _ steer.Duty, _ bool) {
		eachSlot(m, func(slot healthcheck.Slot) {
			note(slot, m.Name)
			if group := int(slot) - len(names); group >= 0 && group < len(s.plan.Groups) {
				for _, member := range s.plan.Groups[group].Slots {
					note(member, m.Name)
				}
			}
		})
	})
	return names
}

// signatures tells of all that is signed here.
func (n *Nameserver) signatures() metrics.Signing {
	work := n.keys.cache.Work()
	s := metrics.Signing{
		KeyEvents: map[string]time.Time{}, Made: work.Made, Reused: work.Reused, Took: work.Took,
		Late: n.signing.late.Load(), Failed: int64(n.keys.failures()),
	}
	s.Names, s.Variants = n.View().Signatures()
	if since := n.signing.behind.Load(); since != 0 {
		s.Since = time.Unix(0, since)
	}
	n.signedZones(func(zone string, _ *config.DNSSEC) {
		if ring := n.keys.ring(zone); ring != nil {
			s.KeyEvents[zone] = ring.Plan(time.Now()).Next
		}
	})
	return s
}
