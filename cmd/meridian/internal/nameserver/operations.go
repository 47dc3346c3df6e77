package nameserver

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/journal"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/metrics"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/orders"
	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
)

const (
	journalName = "state.journal"
	auditName   = "audit.log"
)

// operations is what a nameserver remembers and what its operators want of it.
type operations struct {
	journal *journal.Journal
	audit   *journal.Audit
	book    *orders.Book
	history history
	saver   saver

	latencies latencies
	freeze    *freezer
	alarms    alarms
	reload    attempt
	geo       attempt
	api       api
	alerts    alerting
	well      uint64 // the last generation in which no server was found down; operate's own
	counts    admin.Counts
	fixed     []string // what the last reload could not change; Nameserver.change guards it
}

// openOperations reads what lasted.
func (n *Nameserver) openOperations(cfg *config.Config) (err error) {
	o := &n.ops
	if o.journal, err = journal.Open(n.state.file(journalName)); err != nil {
		return err
	}
	if o.audit, err = journal.OpenAudit(n.state.file(auditName)); err != nil {
		return err
	}
	if d := o.journal.Damaged(); d > 0 {
		n.log.Error("some of the state is damaged and was passed over", zap.Int("lines", d))
		o.alarms.set("state", "some of the state kept was damaged and was passed over")
	}
	start := time.Now()
	o.book = orders.New(orders.Options{
		Wall: time.Now, Uptime: func() time.Duration { return time.Since(start) },
		Keep:  func(values map[string]any) error { return o.journal.Put(values, true) },
		Audit: func(e orders.Entry) error { return o.audit.Add(e) },
	})
	var errs []error
	o.journal.Each(orders.Prefix, func(key string, value []byte) { errs = append(errs, o.book.Load(key, value)) })
	o.journal.Each(historyPrefix, func(_ string, value []byte) { errs = append(errs, o.history.load(value)) })
	o.history.sort()
	o.freeze = newFreezer(cfg.Freeze)
	o.saver.wake = make(chan struct{}, 1)
	alerts, bad := n.newAlerts(&cfg.Alerts)
	o.alerts.current = alerts
	errs = append(errs, bad)
	return errors.Join(errs...)
}

func (n *Nameserver) closeOperations() {
	o := &n.ops
	o.api.close()
	if o.journal != nil {
		if n.server != nil { // it served, so the states are worth keeping
			n.save()
		}
		o.journal.Close()
	}
	if o.audit != nil {
		o.audit.Close()
	}
}

// combine joins a plan's pools with health and orders. mu is held.
func (n *Nameserver) combine(plan *Plan) *steer.State {
	select {
	case n.ops.saver.wake <- struct{}{}:
	default:
	}
	return plan.Set.WithDuties(n.answers, n.health(), n.ops.book.Duties(plan.Pools))
}

// ordersChanged publishes what the orders in force make of the pools.
func (n *Nameserver) ordersChanged() {
	defer n.metrics.Built(metrics.CauseOrders, time.Now())
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers = n.combine(n.plan)
	n.publish()
}

// operate does what is due by the clock until ctx ends.
func (n *Nameserver) operate(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	sending := make(chan struct{})
	go func() {
		defer close(sending)
		n.ops.alerts.run(ctx)
	}()
	defer func() { <-sending }()
	planned := n.plannedOrders()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.ops.saver.wake:
			n.save()
			continue
		case <-tick.C:
		}
		ended, err := n.ops.book.Expire()
		n.ops.alarms.setError("orders", "an order cannot be ended", err)
		for i := range ended {
			n.noteOrder(&ended[i], ended[i].Kind, "over")
		}
		if now := n.plannedOrders(); len(ended) > 0 || now != planned {
			planned = now
			n.ordersChanged()
		}
		n.thaw(ctx)
		n.keepAlive()
		n.lookAround()
		n.observe()
	}
}

// plannedOrders counts the orders that have yet to begin.
func (n *Nameserver) plannedOrders() int {
	planned := 0
	for _, o := range n.ops.book.List(nil) {
		if o.Planned {
			planned++
		}
	}
	return planned
}

// noteReload remembers how a reload of the configuration went.
func (n *Nameserver) noteReload(err error) {
	n.ops.reload.note(err)
	n.ops.alarms.setError("reload", "the last reload was refused", err)
	if err == nil {
		err = n.loadTokens(n.Plan().Config)
		n.ops.alarms.setError("api", "the tokens in force stay", err)
	}
}

// noteGeo remembers how the last change of a geo database went; what is "" for well.
func (n *Nameserver) noteGeo(what string, err error) {
	if err != nil {
		n.log.Error(what, zap.Error(err))
		n.ops.geo.note(err)
	}
	n.ops.alarms.setError("geo", what, err)
}

// hostFault tells of a fault of this host. lookAround takes the alarm back.
func (n *Nameserver) hostFault(a healthcheck.Alarm) {
	text := "health checks are impaired by this host: " + a.Fault.String()
	if a.Err != nil {
		text += ": " + a.Err.Error()
	}
	n.ops.alarms.set("health", text)
}

// faultsLast is how long a fault of this host counts as lasting.
const faultsLast = 2 * time.Minute

// lookAround raises the alarms that follow from how things stand, and takes back those that no longer do.
func (n *Nameserver) lookAround() {
	recent := false
	for _, f := range n.monitor.Stats().Faults {
		recent = recent || time.Since(f.Last) < faultsLast
	}
	if !recent {
		n.ops.alarms.set("health", "")
	}
	n.ops.alarms.setError("journal", "states are not kept", n.ops.journal.Failed())
	bad, first := 0, ""
	for _, p := range n.folder.Problems() {
		if !p.Warning {
			if bad++; bad == 1 {
				first = p.String()
			}
		}
	}
	n.ops.alarms.set("zones", first)
}
