package nameserver

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/healthcheck"
)

const (
	latencyMinutes = 180             // kept, 4 bytes each: 7 MB for 10,000 targets
	latencyEvery   = 5 * time.Second // how often the states are looked at
	failedMinute   = -1
)

// latencies are those of the last hours, by slot of the monitor. Probes know nothing of it: the table of states is looked
// at now and then, so of probes less than latencyEvery apart some are not seen. Safe for concurrent use.
type latencies struct {
	start time.Time // of minute 0
	seed  maphash.Seed

	mu     sync.Mutex // guards what follows
	series []series
}

// series is one target's. It has no pointers, so that the garbage collector does not look through it.
type series struct {
	of      uint64        // hash of the target
	live    bool          // it is being probed
	seen    time.Duration // end of the last probe counted, since the start
	minute  int           // the newest
	first   int           // the oldest there is anything of
	sum, n  int64         // of the newest
	minutes [latencyMinutes]int32
}

// note takes a table of states.
func (l *latencies) note(h *healthcheck.Snapshot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(h.Targets) - len(l.series); n > 0 {
		l.series = append(l.series, make([]series, n)...)
	}
	for i := range l.series {
		l.series[i].live = false
	}
	for slot, t := range h.All() {
		s, of := &l.series[slot], maphash.Comparable(l.seed, t)
		if s.of != of {
			*s = series{of: of, first: -1}
		}
		s.live = true
		st := &h.States[slot]
		if ended := st.LastProbe.Sub(l.start); ended > s.seen {
			s.seen = ended
			s.note(int(ended/time.Minute), st.LastError == "", st.Latency)
		}
	}
	for i := range l.series {
		if s := &l.series[i]; !s.live {
			s.of = 0
		}
	}
}

// note takes a probe that ended in a minute.
func (s *series) note(minute int, well bool, took time.Duration) {
	s.advance(minute)
	if s.first < 0 {
		s.first = minute
	}
	at := &s.minutes[minute%latencyMinutes]
	switch {
	case !well:
		*at = failedMinute
	case *at != failedMinute && took > 0:
		s.sum += took.Microseconds()
		s.n++
		*at = int32(max(1, s.sum/s.n))
	}
}

// advance makes a minute the newest; those in between are empty.
func (s *series) advance(minute int) {
	if minute > s.minute+latencyMinutes {
		s.minute = minute - latencyMinutes
	}
	for s.minute < minute {
		s.minute++
		s.minutes[s.minute%latencyMinutes] = 0
		s.sum, s.n = 0, 0
	}
}

// list gives the minutes until now from the first that something is known of.
func (s *series) list(now int) []int32 {
	list := []int32{}
	if s.first < 0 {
		return list
	}
	for m := max(s.first, now-latencyMinutes+1, 0); m <= now; m++ {
		if m > s.minute || m <= s.minute-latencyMinutes {
			list = append(list, 0)
			continue
		}
		list = append(list, s.minutes[m%latencyMinutes])
	}
	return list
}

// of gives the latencies of a target that is being probed.
func (l *latencies) of(slot healthcheck.Slot, now time.Time) []int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if int(slot) >= len(l.series) || !l.series[slot].live {
		return []int32{}
	}
	return l.series[slot].list(int(now.Sub(l.start) / time.Minute))
}

// watchLatencies looks at the states until ctx ends.
func (n *Nameserver) watchLatencies(ctx context.Context) error {
	tick := time.NewTicker(latencyEvery)
	defer tick.Stop()
	for {
		n.ops.latencies.note(n.monitor.Snapshot())
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Vitals lists the targets of servers.
func (n *Nameserver) Vitals(servers []string) []admin.Vital {
	n.mu.Lock()
	health, plan, slots := n.health(), n.plan, n.slots
	n.mu.Unlock()
	now := time.Now()
	list := []admin.Vital{}
	wanted := map[string]bool{}
	for _, name := range servers {
		wanted[name] = true
	}
	for i := range plan.Targets {
		if name := plan.owner(i).Name; wanted[name] {
			t := admin.TargetOf(health.Targets[i], health.States[i])
			t.Server = name
			list = append(list, admin.Vital{Target: t, Latencies: n.ops.latencies.of(slots[i], now)})
		}
	}
	return list
}

// Stamp is another number whenever Status may tell something else.
func (n *Nameserver) Stamp() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.generation + n.ops.alarms.changes.Load()
}
