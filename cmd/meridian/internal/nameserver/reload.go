package nameserver

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/metrics"
	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/zones"
)

// Reload reads the configuration and all zones again. A configuration with anything wrong in it is refused as a whole:
// nothing changes, and the error lists what is wrong, a line each. Zones fail one by one, as ever.
func (n *Nameserver) Reload(ctx context.Context) (err error) {
	n.change.Lock()
	defer n.change.Unlock()
	begun := time.Now()
	defer func() { n.noteReload(err) }()
	cfg, err := LoadConfig(n.o.Config)
	if err != nil {
		return err
	}
	old := n.Plan()
	plan, err := Prepare(ctx, n.o.Later, cfg, old)
	if err != nil {
		return err
	}
	told, err := n.identity(cfg)
	if err != nil {
		return err
	}
	file, err := n.openQueryLog(cfg)
	if err != nil {
		return err
	}
	n.hold()
	if err := n.enter(old, plan); err != nil {
		n.release()
		file.Close()
		return err
	}
	n.watch(cfg, file)
	n.folder.SetZones(zoneOptions(cfg))
	n.tell(plan, n.folder.Reload(ctx))
	n.install(plan, told)
	n.realert(&old.Config.Alerts, &cfg.Alerts)
	n.refreeze(cfg.Freeze)
	n.metrics.Built(metrics.CauseConfig, begun)
	n.ops.fixed = n.fixed(cfg)
	for _, text := range n.ops.fixed {
		n.log.Warn(text)
	}
	releaseMemory()
	return nil
}

// enter takes the steps of a reload that may still fail. The listeners go before the zones: zones that were loaded for
// new pools cannot go back.
func (n *Nameserver) enter(old, plan *Plan) error {
	if err := joined(n.folder.Misfits(geoInfo(plan.Set))); err != nil {
		return err
	}
	if err := n.server.SetListen(plan.Config.Listen); err != nil {
		return err
	}
	if err := n.meet(plan); err != nil { // a zone was edited this moment
		return errors.Join(err, n.server.SetListen(old.Config.Listen))
	}
	return nil
}

// meet holds all zones against the pools of a plan; from then on new ones are too.
func (n *Nameserver) meet(plan *Plan) error {
	return joined(n.folder.Recheck(geoInfo(plan.Set)))
}

// joined is what is wrong with zones as one error.
func joined(problems []zones.Problem) error {
	var errs []error
	for _, p := range problems {
		if !p.Warning {
			errs = append(errs, errors.New(p.String()))
		}
	}
	return errors.Join(errs...)
}

// fixed tells which settings stay as they were at the start.
func (n *Nameserver) fixed(now *config.Config) (texts []string) {
	old := n.first
	for _, s := range []struct {
		name    string
		changed bool
	}{
		{"zones", old.Zones != now.Zones},
		{"limits.zone_*", old.Limits.ZoneRecords != now.Limits.ZoneRecords ||
			old.Limits.ZoneGenerate != now.Limits.ZoneGenerate},
		{"state", old.State != now.State},
		{"api", !reflect.DeepEqual(old.API, now.API)},
		{"workers", old.Workers != now.Workers},
		{"limits.tcp_*", old.Limits.TCPConnections != now.Limits.TCPConnections ||
			old.Limits.TCPPerClient != now.Limits.TCPPerClient || old.Limits.TCPIdle != now.Limits.TCPIdle},
	} {
		if s.changed {
			texts = append(texts, s.name+" has changed; it takes effect at the next start")
		}
	}
	return texts
}

// reloadGeo reads changed geo databases under the configuration in force.
func (n *Nameserver) reloadGeo(ctx context.Context) error {
	n.change.Lock()
	defer n.change.Unlock()
	begun := time.Now()
	old := n.Plan()
	plan, err := Prepare(ctx, n.o.Later, old.Config, old)
	if err != nil {
		return err
	}
	n.hold()
	if err := n.meet(plan); err != nil { // else the zones would keep the old pools in memory, tables and all
		n.release()
		return err
	}
	n.mu.Lock()
	told := n.told
	n.mu.Unlock()
	n.install(plan, told)
	n.metrics.Built(metrics.CauseGeo, begun)
	releaseMemory()
	return nil
}

// watchGeo looks once a second whether a geo database has changed, until ctx ends.
func (n *Nameserver) watchGeo(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	w := geoWatch{before: n.Plan().files}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			n.lookAtGeo(ctx, &w)
		}
	}
}

// geoWatch is what watching remembers between looks.
type geoWatch struct {
	before  fileMarks // of the last look
	refused fileMarks // what was reported already
}

func (n *Nameserver) lookAtGeo(ctx context.Context, w *geoWatch) {
	loaded := n.Plan().files
	now := loaded.again()
	before := w.before
	w.before = now
	switch {
	case now.same(loaded):
		w.refused = nil
		n.noteGeo("", nil)
	case w.refused != nil && now.same(w.refused):
	case now.missing() != "":
		w.refused = now
		n.noteGeo("geo database is gone; the one loaded serves on", errors.New(now.missing()))
	case len(before) == len(now) && now.settled(loaded, before):
		if err := n.reloadGeo(ctx); err != nil {
			if ctx.Err() != nil {
				return
			}
			w.refused = now
			n.noteGeo("geo database refused; the one loaded serves on", err)
			return
		}
		n.noteGeo("", nil)
		n.log.Info("geo database loaded: " + describeGeo(n.Plan()))
	}
}

// folderOptions are those of the zones folder with these pools.
func (n *Nameserver) folderOptions(cfg *config.Config, pools zones.FindGeo) zones.FolderOptions {
	o := folderOptions(cfg, pools)
	o.Log = n.log.Named("zones")
	o.Signer = n.keys.signer
	o.Publish = func(set *zones.Set, _ []zones.Problem) { n.zonesChanged(set) }
	return o
}

func folderOptions(cfg *config.Config, info zones.FindGeo) zones.FolderOptions {
	return zones.FolderOptions{
		Dir: cfg.Zones, Zones: zoneOptions(cfg), Geo: info,
		Limits: zones.Limits{Records: cfg.Limits.ZoneRecords, Generate: cfg.Limits.ZoneGenerate},
	}
}

func zoneOptions(cfg *config.Config) map[string]zones.ZoneOptions {
	all := map[string]zones.ZoneOptions{}
	for name, z := range cfg.ZoneOptions {
		o := zones.ZoneOptions{SerialAuto: z.SerialAuto}
		if z.DNSSEC != nil {
			o.Sign, o.Signing = true, signingOptions(z.DNSSEC)
		}
		all[name] = o
	}
	return all
}
