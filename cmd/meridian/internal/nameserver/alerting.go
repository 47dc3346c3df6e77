package nameserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/alert"
	"github.com/meridian-dns/meridian/config"
)

// alerting is the alerts in force, which a reload replaces. Safe for concurrent use.
type alerting struct {
	mu      sync.Mutex // guards what follows
	current *alert.Alerts
	ctx     context.Context // of all that run; nil: none do yet
	stop    func()          // ends those that run, and returns when they have
}

// run has the alerts in force sent until ctx ends.
func (a *alerting) run(ctx context.Context) {
	a.mu.Lock()
	a.ctx = ctx
	a.begin()
	a.mu.Unlock()
	<-ctx.Done()
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stop()
}

// begin runs the alerts in force. mu is held.
func (a *alerting) begin() {
	ctx, cancel := context.WithCancel(a.ctx)
	ended := make(chan struct{})
	current := a.current
	go func() {
		defer close(ended)
		current.Run(ctx)
	}()
	a.stop = func() {
		cancel()
		<-ended
	}
}

// replace ends the alerts in force and puts in their place what is made then, of what they left.
func (a *alerting) replace(next func() *alert.Alerts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.ctx != nil {
		a.stop()
	}
	a.current = next()
	if a.ctx != nil {
		a.begin()
	}
}

func (a *alerting) observe(wrong []alert.Condition) {
	a.mu.Lock()
	defer a.mu.Unlock()
	_ = a.current.Observe(wrong) // lookAround tells of the journal
}

func (a *alerting) get() *alert.Alerts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.current
}

// realert puts the alerts of a reloaded configuration in force. Incidents go on, and so does what waits for receivers
// that stay.
func (n *Nameserver) realert(old, now *config.Alerts) {
	if reflect.DeepEqual(old, now) {
		return
	}
	n.ops.alerts.replace(func() *alert.Alerts {
		for _, r := range old.To {
			n.ops.alarms.set("alerts/"+r.Name, "")
		}
		next, err := n.newAlerts(now)
		if err != nil {
			n.log.Error("some of the alerts that were kept cannot be read", zap.Error(err))
		}
		return next
	})
}

// newAlerts makes the alerts that a configuration wants, with what of them lasted.
func (n *Nameserver) newAlerts(cfg *config.Alerts) (*alert.Alerts, error) {
	host, _ := os.Hostname()
	o := alert.Options{
		Name: cmp.Or(cfg.Name, host), After: cfg.After, Clear: cfg.Clear, Repeat: cfg.Repeat,
		PingURL: cfg.Ping.URL, PingEvery: cfg.Ping.Every, Log: n.log.Named("alert"),
		Keep: func(values map[string]any) error { return n.ops.journal.Put(values, true) },
		Failing: func(receiver string, err error) {
			n.ops.alarms.setError("alerts/"+receiver, "alerts do not reach "+receiver, err)
		},
	}
	for _, r := range cfg.To {
		o.Receivers = append(o.Receivers, alert.Receiver{
			Name: r.Name, Type: r.Type, URL: r.URL, TokenFile: r.TokenFile, Server: r.Server, From: r.From, To: r.To,
			User: r.User, PasswordFile: r.PasswordFile, TLS: r.TLS,
		})
	}
	a := alert.New(o)
	var errs []error
	n.ops.journal.Each(alert.Prefix, func(key string, value []byte) { errs = append(errs, a.Load(key, value)) })
	return a, errors.Join(errs...)
}

// observe tells the alerts what is wrong at this moment.
func (n *Nameserver) observe() {
	wrong := n.wrong()
	for _, a := range n.ops.alarms.list() {
		if !strings.HasPrefix(a.Key, "alerts/") { // who does not listen cannot be told so
			wrong = append(wrong, alert.Condition{Key: "self/" + a.Key, Title: "nameserver: " + a.Key, Detail: a.Text})
		}
	}
	n.ops.alerts.observe(wrong)
}

// wrong lists what is down. Where nothing was, and nothing has been published since, nothing is: with ten thousand
// servers looking takes long enough to delay probes.
func (n *Nameserver) wrong() []alert.Condition {
	n.mu.Lock()
	if n.ops.well == n.generation {
		n.mu.Unlock()
		return nil
	}
	generation, plan, health := n.generation, n.plan, n.health()
	n.mu.Unlock()
	s := standing{plan, health, n.ops.book.Duties(plan.Pools)}
	wrong := s.wrong()
	if len(wrong) == 0 {
		n.ops.well = generation
	}
	return wrong
}

// wrong lists the pools, sites and servers that are down, each under what explains it. What an operator drained is not.
func (s *standing) wrong() []alert.Condition {
	servers := s.servers()
	reasons := map[string]string{}
	sites := map[string][]admin.Server{}
	for _, v := range servers {
		reasons[v.Name] = v.Reason
		sites[v.Site] = append(sites[v.Site], v)
	}
	var wrong []alert.Condition
	for i, p := range s.pools() {
		if p.State == "down" && p.Drained < p.Servers {
			var names []string
			for _, m := range s.plan.Pools[i].Servers {
				names = append(names, withReason(m.Name, reasons[m.Name]))
			}
			wrong = append(wrong, alert.Condition{Key: "pool/" + p.Name, Title: "pool " + p.Name + ": no server is up", Detail: strings.Join(names, "\n")})
		}
	}
	for name, members := range sites {
		if len(members) < 2 {
			continue
		}
		var names []string
		for _, v := range members {
			if v.State == "down" && v.Order == "" {
				names = append(names, withReason(v.Name, v.Reason))
			}
		}
		if len(names) == len(members) {
			wrong = append(wrong, alert.Condition{
				Key: "site/" + name, Title: fmt.Sprintf("site %s is down, all %d servers", name, len(names)), Detail: strings.Join(names, "\n"), Under: pools(members[0]),
			})
		}
	}
	for _, v := range servers {
		if v.Order != "" || v.State != "down" && v.State != "part" {
			continue
		}
		word := map[string]string{"down": "down", "part": "partly down"}[v.State]
		wrong = append(wrong, alert.Condition{
			Key: "server/" + v.Name, Title: "server " + v.Name + " is " + word, Detail: v.Reason, Under: append(pools(v), "site/"+v.Site),
		})
	}
	return wrong
}

// withReason is a server with why it is down.
func withReason(name, reason string) string {
	if reason == "" {
		return name
	}
	return name + ": " + reason
}

// pools are the keys of a server's pools.
func pools(v admin.Server) []string {
	var keys []string
	for _, p := range v.Pools {
		keys = append(keys, "pool/"+p)
	}
	return keys
}

// TestAlerts sends every receiver a test message.
func (n *Nameserver) TestAlerts(ctx context.Context) []admin.AlertResult {
	list := []admin.AlertResult{}
	for _, r := range n.ops.alerts.get().Test(ctx) {
		one := admin.AlertResult{Receiver: r.Receiver}
		if r.Err != nil {
			one.Error = r.Err.Error()
		}
		list = append(list, one)
	}
	return list
}
