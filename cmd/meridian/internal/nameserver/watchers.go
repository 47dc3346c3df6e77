package nameserver

import (
	"cmp"
	"context"
	"os"
	"slices"
	"sync"

	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/dnstap"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/querylog"
	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/server"
)

// watchers are the query log and dnstap.
type watchers struct {
	change    sync.Mutex // held while they change; guards what follows
	queryCfg  config.QueryLog
	dnstapCfg config.Dnstap
	query     *watcher
	dnstap    *watcher

	mu    sync.Mutex // guards what follows
	now   []*watcher
	old   []*watcher // stopped; queries whose workers do not know that yet are counted
	ended admin.Logs // counts of those that are gone
}

// watcher is one of them, running.
type watcher struct {
	tap  server.Tap
	stop func() // waits a moment for it to end
	counted
}

// counted adds what a watcher counted, and tells whether it will count no more.
type counted func(*admin.Logs) bool

// openQueryLog opens what the configuration wants of a query log that is not open; nil: nothing.
func (n *Nameserver) openQueryLog(cfg *config.Config) (*querylog.File, error) {
	n.watchers.change.Lock()
	defer n.watchers.change.Unlock()
	q := cfg.QueryLog
	if !q.On || q.File == "" || q == n.watchers.queryCfg {
		return nil, nil
	}
	return querylog.OpenFile(q.File)
}

// watch makes the watchers those of a configuration, of which openQueryLog gave the file. Those that stay go on.
func (n *Nameserver) watch(cfg *config.Config, file *querylog.File) {
	w := &n.watchers
	w.change.Lock()
	defer w.change.Unlock()
	if cfg.QueryLog != w.queryCfg {
		w.query.end()
		w.queryCfg, w.query = cfg.QueryLog, n.startQueryLog(&cfg.QueryLog, file)
	}
	if cfg.Dnstap != w.dnstapCfg {
		w.dnstap.end()
		w.dnstapCfg, w.dnstap = cfg.Dnstap, n.startDnstap(&cfg.Dnstap)
	}
	var taps []server.Tap
	var now []*watcher
	for _, one := range []*watcher{w.query, w.dnstap} {
		if one != nil {
			taps, now = append(taps, one.tap), append(now, one)
		}
	}
	n.server.SetTaps(taps...)
	w.become(now)
}

// end stops a watcher, if there is one. It goes on counting what is handed to it.
func (one *watcher) end() {
	if one != nil {
		one.stop()
	}
}

// become makes these the watchers that the server knows.
func (w *watchers) become(now []*watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.now {
		if !slices.Contains(now, one) {
			w.old = append(w.old, one)
		}
	}
	w.now = now
	w.settle()
}

// settle lets those go that will count no more. mu is held.
func (w *watchers) settle() {
	w.old = slices.DeleteFunc(w.old, func(one *watcher) bool {
		sum := w.ended
		final := one.counted(&sum)
		if final {
			w.ended = sum
		}
		return final
	})
}

// counts are those of all watchers since the start.
func (w *watchers) counts() admin.Logs {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settle()
	sum := w.ended
	for _, one := range slices.Concat(w.old, w.now) {
		one.counted(&sum)
	}
	return sum
}

func (n *Nameserver) startQueryLog(cfg *config.QueryLog, file *querylog.File) *watcher {
	n.ops.alarms.set("query_log", "")
	if !cfg.On {
		return nil
	}
	o := querylog.Options{Sample: cfg.Sample, Console: n.o.Console, Failing: func(err error) {
		n.ops.alarms.setError("query_log", "queries are not logged", err)
	}}
	o.Write = func(lines []byte) error {
		if n.o.Lines == nil {
			return nil
		}
		_, err := n.o.Lines.Write(lines)
		return err
	}
	if file != nil {
		o.Write = file.Write
	}
	l := querylog.New(o)
	return runWatcher(l.Tap(), func(ctx context.Context) {
		if l.Run(ctx) && file != nil {
			file.Close()
		}
	}, func(c *admin.Logs) bool {
		written, dropped, final := l.Counts()
		c.Queries, c.QueriesDropped = c.Queries+written, c.QueriesDropped+dropped
		return final
	})
}

func (n *Nameserver) startDnstap(cfg *config.Dnstap) *watcher {
	n.ops.alarms.set("dnstap", "")
	if cfg.Socket == "" {
		return nil
	}
	host, _ := os.Hostname()
	d := dnstap.New(dnstap.Options{
		Socket: cfg.Socket, Sample: cfg.Sample, Identity: cmp.Or(cfg.Identity, host), Version: cmp.Or(cfg.Version, "meridian "+n.o.Version),
		State: func(err error) {
			n.ops.alarms.setError("dnstap", "dnstap messages are dropped", err)
			if err != nil {
				n.log.Warn("dnstap messages are dropped", zap.Error(err))
			} else {
				n.log.Info("dnstap messages are sent", zap.String("socket", cfg.Socket))
			}
		},
	})
	return runWatcher(d.Tap(), d.Run, func(c *admin.Logs) bool {
		sent, dropped, final := d.Counts()
		c.Dnstap, c.DnstapDropped = c.Dnstap+sent, c.DnstapDropped+dropped
		return final
	})
}

// runWatcher starts run.
func runWatcher(tap server.Tap, run func(context.Context), c counted) *watcher {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		run(ctx)
	}()
	return &watcher{tap, func() { cancel(); <-ended }, c}
}

// closeWatchers lets them write what they hold.
func (n *Nameserver) closeWatchers() {
	n.watchers.change.Lock()
	defer n.watchers.change.Unlock()
	n.watchers.query.end()
	n.watchers.dnstap.end()
	n.watchers.query, n.watchers.dnstap = nil, nil
	n.watchers.become(nil)
}
