package nameserver

import (
	"runtime/debug"
	"time"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/metrics"
	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// publish makes the newest of everything the view. mu is held.
func (n *Nameserver) publish() {
	n.publishAfter(n.view.Load())
}

// publishAfter is publish with what a view holds that was built aside. mu is held.
func (n *Nameserver) publishAfter(prev *resolver.View) {
	n.generation++
	v := resolver.NewView(prev, n.zones, n.answers, n.told)
	n.view.Store(v)
	n.signing.look(v)
}

// zonesChanged takes over a new set of zones.
func (n *Nameserver) zonesChanged(set *zones.Set) {
	begun := time.Now()
	ahead := n.ahead(set)
	n.signing.build.Lock()
	defer n.signing.build.Unlock()
	if ahead != nil && ahead.Steer().Set() != n.View().Steer().Set() {
		ahead = n.ahead(set) // other pools came meanwhile
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.held {
		n.waiting = set
		return
	}
	n.zones = set
	n.publishAfter(resolver.Join(n.view.Load(), ahead))
	n.metrics.Built(metrics.CauseZones, begun)
}

// healthChanged takes over the states of this moment. It asks for them under the lock, because a snapshot handed over
// may be older than the plan.
func (n *Nameserver) healthChanged() {
	defer n.metrics.Built(metrics.CauseHealth, time.Now())
	n.judge()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers = n.combine(n.plan)
	n.publish()
}

// health is the table of states that count, in the order of the plan's targets, and behind them its groups. mu is held.
func (n *Nameserver) health() *healthcheck.Snapshot {
	h := n.probed()
	n.ops.freeze.apply(h)
	for _, g := range n.plan.Groups {
		h.States = append(h.States, g.State(h))
	}
	return h
}

// probed is the table of states as the probes found them, without groups. mu is held.
func (n *Nameserver) probed() *healthcheck.Snapshot {
	now := n.monitor.Snapshot()
	h := &healthcheck.Snapshot{
		Generation: now.Generation, Targets: n.plan.Targets, States: make([]healthcheck.State, len(n.slots)),
	}
	for i, slot := range n.slots {
		h.States[i] = now.State(slot)
	}
	return h
}

// install puts a plan in force: probes, pools and the zones that waited for them become one new view.
func (n *Nameserver) install(plan *Plan, told *resolver.Options) {
	n.signPlan(plan, told)
	n.signing.build.Lock()
	defer n.signing.build.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	probed := n.monitor.Set(plan.Targets)
	n.slots = n.slots[:0:0]
	for _, t := range plan.Targets {
		slot, _ := probed.Find(t) // it was just set
		n.slots = append(n.slots, slot)
	}
	n.plan, n.told = plan, told
	n.answers = n.combine(plan)
	n.unhold()
	n.publish()
}

// hold keeps zones back: they are being checked against pools that are not in force yet.
func (n *Nameserver) hold() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.held = true
}

// release lets the zones go that were kept back for a plan that came to nothing.
func (n *Nameserver) release() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unhold()
	n.publish()
}

// unhold takes over what was kept back. mu is held.
func (n *Nameserver) unhold() {
	if n.waiting != nil {
		n.zones = n.waiting
	}
	n.held, n.waiting = false, nil
}

// identity is what a configuration lets the server tell of itself.
func (n *Nameserver) identity(cfg *config.Config) (*resolver.Options, error) {
	secrets := cfg.CookieSecrets
	if len(secrets) == 0 {
		own, err := n.state.cookieSecret()
		if err != nil {
			return nil, err
		}
		secrets = [][16]byte{own}
	}
	return &resolver.Options{
		NSID: []byte(cfg.Identity.NSID), Version: cfg.Identity.Version,
		Hostname: cfg.Identity.Hostname, ID: cfg.Identity.ID,
		CookieSecrets: secrets, Debug: cfg.Debug,
		IdleTimeout: uint16(min(n.first.Limits.TCPIdle.Milliseconds()/100, 1<<16-1)),
	}, nil
}

// geoInfo tells zones what pools there are.
func geoInfo(set *steer.Set) func(ref string) (zones.GeoInfo, error) {
	return func(ref string) (zones.GeoInfo, error) {
		r, err := set.Find(ref)
		if err != nil {
			return zones.GeoInfo{}, err
		}
		i := set.Info(r)
		return zones.GeoInfo{
			A: i.A, AAAA: i.AAAA, CNAME: i.CNAME, OnlyCNAME: i.OnlyCNAME, NoData: i.NoData, Variants: set.Variants(r),
		}, nil
	}
}

// releaseMemory gives back what building took: several times of what serving needs.
func releaseMemory() { debug.FreeOSMemory() }
