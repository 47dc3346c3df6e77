package nameserver

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/dnssec"
)

// flushEvery is after how many seconds new signatures are written to their folder, and it is told if that fails.
const flushEvery = 10

// watchKeys looks once a second whether keys have changed, and does for the zones that have roll = true what is due,
// until ctx ends.
func (n *Nameserver) watchKeys(ctx context.Context) error {
	told, clock := complaints{}, newClock()
	return everySecond(ctx, func(i int) {
		if by := clock.jumped(); by != 0 {
			n.log.Warn("the clock was set; keys and signatures are judged anew", zap.Duration("by", by))
			n.folder.Resign()
			n.signing.poke()
		}
		n.signedZones(func(zone string, d *config.DNSSEC) {
			keys, changed := n.keys.sign(zone)
			if changed {
				n.keysChanged(zone, keys)
			}
			if d.Roll && keys.ring != nil && keys.err == nil {
				told.tell(n.log, zone, n.step(zone, d, keys.ring, nil))
			}
		})
		n.ops.alarms.set("signatures", n.signing.overdue())
		if i%flushEvery == flushEvery-1 {
			told.tell(n.log, "", n.keys.cache.Flush())
		}
	})
}

// asking is how many parents are asked at a time.
const asking = 16

// watchParents asks the parents of zones that have roll = true for DS that are waited for, until ctx ends. An answer may
// take long, so it does nothing else, and no zone waits for another's parent unless many are slow.
func (n *Nameserver) watchParents(ctx context.Context) error {
	var mu sync.Mutex // guards told and busy
	told, busy := complaints{}, map[string]bool{}
	asked, places := map[string]time.Time{}, make(chan struct{}, asking)
	var all sync.WaitGroup
	defer all.Wait()
	return everySecond(ctx, func(int) {
		n.signedZones(func(zone string, d *config.DNSSEC) {
			now := time.Now()
			if !d.Roll || !asksParent(d) || now.Sub(asked[zone]) < askEvery(TimingOf(d)) {
				return
			}
			ring := n.keys.last(zone)
			mu.Lock()
			defer mu.Unlock()
			if ring == nil || !ring.Waits(now) || busy[zone] {
				return
			}
			select {
			case places <- struct{}{}:
			default:
				return // in a second, then
			}
			asked[zone], busy[zone] = now, true
			all.Go(func() {
				err := n.askParent(ctx, zone, d, ring)
				<-places
				mu.Lock()
				defer mu.Unlock()
				delete(busy, zone)
				if ctx.Err() == nil {
					told.tell(n.log, zone, err)
				}
			})
		})
	})
}

// askParent asks the parent of a zone, and does what follows.
func (n *Nameserver) askParent(ctx context.Context, zone string, d *config.DNSSEC, ring *dnssec.Ring) error {
	seen, err := dnssec.AskParent(ctx, zone, d.Parent)
	if err != nil {
		return err
	}
	return n.step(zone, d, ring, seen)
}

func everySecond(ctx context.Context, do func(i int)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			do(i)
		}
	}
}

// signedZones goes through the zones that are signed here.
func (n *Nameserver) signedZones(do func(zone string, d *config.DNSSEC)) {
	all := n.Plan().Config.ZoneOptions
	for _, zone := range slices.Sorted(maps.Keys(all)) {
		if d := all[zone].DNSSEC; d != nil {
			do(zone, d)
		}
	}
}

// complaints are what was logged last, by zone: each is logged once.
type complaints map[string]string

func (c complaints) tell(log *zap.Logger, zone string, err error) {
	switch {
	case err == nil:
		delete(c, zone)
	case err.Error() != c[zone]:
		c[zone] = err.Error()
		log.Error("keys", zap.String("zone", zone), zap.Error(err))
	}
}

// keysChanged puts changed keys in force.
func (n *Nameserver) keysChanged(zone string, keys keyread) {
	if keys.err != nil {
		n.log.Error("keys of "+zone+" refused; those read before stay in force", zap.Error(keys.err))
		return
	}
	n.log.Info("keys of " + zone + " have changed")
	for _, line := range keys.ring.Warnings(time.Now()) {
		n.log.Warn("keys of " + zone + ": " + line)
	}
	n.folder.Resign(zoneWire(zone))
}

// step does what is due for the keys of a zone. What it decides stands in the key files before anything follows it.
func (n *Nameserver) step(zone string, d *config.DNSSEC, ring *dnssec.Ring, seen *dnssec.Parent) error {
	now, timing := time.Now(), TimingOf(d)
	_, due, err := ring.Step(now, seen, timing)
	if err != nil || len(due) == 0 {
		return err
	}
	_, err = dnssec.Edit(KeyFolder(n.keys.state, zone), zone, func(ring *dnssec.Ring) (*dnssec.Ring, error) {
		if ring == nil {
			return nil, nil
		}
		next, done, err := ring.Step(now, seen, timing)
		if err != nil || len(done) == 0 {
			return nil, err
		}
		for _, line := range done {
			n.log.Info("keys of " + zone + ": " + line)
		}
		return next, nil
	})
	return err
}

// asksParent tells whether the configuration allows to ask the parent of a zone.
func asksParent(d *config.DNSSEC) bool { return d.FindParent || len(d.Parent) > 0 }

// askEvery is how long to wait between two looks at the parent.
func askEvery(t dnssec.Timing) time.Duration {
	return min(max(t.Propagation/4, time.Second), 10*time.Minute)
}
