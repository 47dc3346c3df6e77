package nameserver

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
)

// watched is the slot of what is known of an address: that of its check, of several checks together, or none. Groups
// are numbered below NoCheck until all targets are known.
func (b *builder) watched(pos string, w config.Watch, at healthcheck.Target) healthcheck.Slot {
	g := healthcheck.Group{Need: w.Need}
	for i := range w.Checks {
		check, err := translate(&w.Checks[i])
		if err == nil && check.Type == "icmp" && at.Name == "" {
			err = b.canPing(at.Addr)
		}
		if err != nil {
			b.fail(pos, fmt.Errorf("check %q: %w", w.Refs[i], err))
			continue
		}
		slot := b.slot(pos, target(check, at))
		if !slices.Contains(g.Slots, slot) {
			g.Slots = append(g.Slots, slot)
		}
	}
	switch len(g.Slots) {
	case 0:
		return healthcheck.NoCheck
	case 1:
		return g.Slots[0]
	}
	g.Need = min(g.Need, len(g.Slots))
	i := slices.IndexFunc(b.groups, func(o healthcheck.Group) bool { return o.Need == g.Need && slices.Equal(o.Slots, g.Slots) })
	if i < 0 {
		i = len(b.groups)
		b.groups = append(b.groups, g)
	}
	return healthcheck.NoCheck - 1 - healthcheck.Slot(i)
}

// slot numbers a target. Pools with the same check share those of their common servers.
func (b *builder) slot(pos string, t healthcheck.Target) healthcheck.Slot {
	if slot, known := b.slots[t]; known {
		return slot
	}
	if err := t.Validate(); err != nil {
		b.fail(pos, err)
	}
	slot := healthcheck.Slot(len(b.targets))
	b.slots[t] = slot
	b.targets = append(b.targets, t)
	return slot
}

// target is what a check probes of an address. Only one that is pushed tells servers apart.
func target(c healthcheck.Check, at healthcheck.Target) healthcheck.Target {
	if c.Type == "push" {
		return healthcheck.Target{Check: c, Server: at.Server}
	}
	return healthcheck.Target{Check: c, Addr: at.Addr, Name: at.Name}
}

// translate turns the check of a configuration into one to probe by.
func translate(c *config.Check) (healthcheck.Check, error) {
	h := healthcheck.Check{
		Type: c.Type, Port: c.Port,
		Path: c.Path, Method: c.Method, Headers: c.Headers, Host: c.Host, Status: c.Status,
		Body: c.Body, BodyRegexp: c.BodyRegexp, BodyLimit: c.BodyLimit, HTTP2: c.HTTP2, KeepAlive: c.KeepAlive,
		TLS: c.TLS, SNI: c.SNI, Insecure: c.Insecure, CertDays: c.CertDays,
		Send: c.Send, Expect: c.Expect,
		Query: c.Query, QueryType: c.QueryType, Rcode: c.Rcode, Answer: c.Answer, Network: c.Network,
		Service: c.Service, Command: c.Command, Token: c.Token,
		Interval: c.Interval, Timeout: c.Timeout, Rise: c.Rise, Fall: c.Fall, Jitter: c.Jitter, Silence: c.Silence,
		Recheck: c.Recheck, Cooldown: c.Cooldown, Failback: c.Failback, FailbackAfter: c.FailbackAfter,
	}
	if h.Jitter == 0 {
		h.Jitter = healthcheck.NoJitter
	}
	if err := h.Validate(); err != nil {
		return h, err
	}
	if h.Type == "exec" {
		return h, h.CanExec()
	}
	return h, nil
}

// canPing tells whether this process may ping an address.
func (b *builder) canPing(addr netip.Addr) error {
	err, known := b.pings[addr.Is6()]
	if !known {
		err = healthcheck.CanPing(addr)
		b.pings[addr.Is6()] = err
	}
	return err
}

// number gives groups their slots: behind those of all targets.
func (b *builder) number(servers []steer.Server) {
	place := func(slot *healthcheck.Slot) {
		if *slot < healthcheck.NoCheck {
			*slot = healthcheck.NoCheck - 1 - *slot + healthcheck.Slot(len(b.targets))
		}
	}
	for i := range servers {
		place(&servers[i].Slot)
		for j := range servers[i].Addrs {
			place(&servers[i].Addrs[j].Slot)
		}
	}
}
