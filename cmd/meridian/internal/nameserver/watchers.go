package nameserver

import (
	"cmp"
	"context"
	"os"
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
	now   []counted
	ended admin.Logs // counts of those that are gone
}

// watcher is one of them, running.
type watcher struct {
	tap  server.Tap
	stop func() // waits a moment for it to end
	counted
}

// counted adds what a watcher counted.
type counted func(*admin.Logs)

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
		w.query.end(w)
		w.queryCfg, w.query = cfg.QueryLog, n.startQueryLog(&cfg.QueryLog, file)
	}
	if cfg.Dnstap != w.dnstapCfg {
		w.dnstap.end(w)
		w.dnstapCfg, w.dnstap = cfg.Dnstap, n.startDnstap(&cfg.Dnstap)
	}
	var taps []server.Tap
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = nil
	for _, one := range []*watcher{w.query, w.dnstap} {
		if one != nil {
			taps, w.now = append(taps, one.tap), append(w.now, one.counted)
		}
	}
	n.server.SetTaps(taps...)
}

// end stops a watcher, if there is one, and keeps its counts.
func (one *watcher) end(w *watchers) {
	if one == nil {
		return
	}
	one.stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	one.counted(&w.ended)
}

// counts are those of all watchers since the start.
func (w *watchers) counts() admin.Logs {
	w.mu.Lock()
	defer w.mu.Unlock()
	sum := w.ended
	for _, add := range w.now {
		add(&sum)
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
	}, func(c *admin.Logs) {
		written, dropped := l.Counts()
		c.Queries, c.QueriesDropped = c.Queries+written, c.QueriesDropped+dropped
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
	return runWatcher(d.Tap(), d.Run, func(c *admin.Logs) {
		sent, dropped := d.Counts()
		c.Dnstap, c.DnstapDropped = c.Dnstap+sent, c.DnstapDropped+dropped
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
	n.watchers.query.end(&n.watchers)
	n.watchers.dnstap.end(&n.watchers)
	n.watchers.query, n.watchers.dnstap = nil, nil
}
