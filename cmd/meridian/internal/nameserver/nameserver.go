package nameserver

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/build"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/metrics"
	"github.com/meridian-dns/meridian/config"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/server"
	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// Options say what to run.
type Options struct {
	Config  string // path of the configuration
	Version string // told on the control socket
	Log     *zap.Logger
	Level   *zap.AtomicLevel // of Log; nil: it cannot be changed
	Lines   io.Writer        // gets the lines of a query log without a file, whole; nil: nobody does
	Console bool             // these lines are for people, not JSON
	First   Builder          // for the plan of the start; nil: in this process
	Later   Builder          // for all others, beside queries; nil: in this process
}

// Nameserver is one running nameserver.
type Nameserver struct {
	o        Options
	log      *zap.Logger
	started  time.Time
	first    *config.Config // that of the start, for what only a start changes
	state    *stateFolder
	monitor  *healthcheck.Monitor
	folder   *zones.Folder
	keys     *keyrings
	server   *server.Server
	control  *control
	ops      operations
	signing  signing
	metrics  *metrics.Metrics
	labels   labels
	maps     cartographer
	watchers watchers
	view     atomic.Pointer[resolver.View]

	change sync.Mutex // held while a new plan is made ready and installed, which may take long

	mu         sync.Mutex // orders publications; guards the fields below
	plan       *Plan
	slots      []healthcheck.Slot // the monitor's, by index into plan.Targets
	answers    *steer.State
	zones      *zones.Set
	held       bool       // new zones wait for the plan that they are checked against
	waiting    *zones.Set // the newest of them
	told       *resolver.Options
	generation uint64
}

// Start loads everything, probes everything once, and opens the listeners last. Zones that fail are answered with
// SERVFAIL; everything else that fails is an error. Run must follow, or Close.
func Start(ctx context.Context, o Options) (*Nameserver, error) {
	cfg, err := LoadConfig(o.Config)
	if err != nil {
		return nil, err
	}
	if o.First == nil {
		o.First = build.Here{}
	}
	if o.Later == nil {
		o.Later = build.Here{}
	}
	n := &Nameserver{o: o, log: o.Log, started: time.Now(), first: cfg, signing: newSigning()}
	n.ops.latencies = latencies{start: n.started, seed: maphash.MakeSeed()}
	n.metrics = metrics.New(n.snapshot)
	if n.state, err = openState(cfg.State); err != nil {
		return nil, err
	}
	if err := n.start(ctx, cfg); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// start reads zones while it makes the plan ready: both may take seconds, and a zone that names a pool waits for the
// plan only at the end of its own checks.
func (n *Nameserver) start(ctx context.Context, cfg *config.Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	told, err := n.identity(cfg)
	if err != nil {
		return err
	}
	n.monitor = healthcheck.New(healthcheck.Options{
		Log: n.log.Named("health"), Publish: func(*healthcheck.Snapshot) { n.healthChanged() },
		Alarm: n.hostFault,
	})
	if err := n.openOperations(cfg); err != nil {
		return err
	}
	if n.keys, err = openKeyrings(cfg); err != nil {
		return err
	}
	n.zones = zones.NewSet(nil)
	n.hold()
	pools := &promise{made: make(chan struct{}), ended: ctx.Done()}
	if n.folder, err = zones.NewFolder(n.folderOptions(cfg, pools.find)); err != nil {
		return err
	}
	loaded := make(chan []zones.Problem, 1)
	go func() { loaded <- n.folder.Load(ctx) }()
	plan, err := Prepare(ctx, n.o.First, cfg, nil)
	if err != nil {
		cancel()
		<-loaded
		return err
	}
	n.install(plan, told)
	pools.keep(geoInfo(plan.Set))
	n.restoreHealth()
	n.monitor.Start(context.WithoutCancel(ctx)) // until Close
	n.tell(plan, <-loaded)
	n.monitor.FirstRound(ctx)
	n.catchUp()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	n.metrics.Built(metrics.CauseStart, n.started)
	releaseMemory()
	return n.listen(cfg)
}

// promise answers what pools there are when the plan is ready; until then askers wait.
type promise struct {
	made  chan struct{}
	ended <-chan struct{} // there will be no plan
	pools zones.FindGeo   // read when made is closed
}

func (p *promise) keep(pools zones.FindGeo) {
	p.pools = pools
	close(p.made)
}

func (p *promise) find(ref string) (zones.GeoInfo, error) {
	select {
	case <-p.made:
	case <-p.ended:
	}
	select {
	case <-p.made:
		return p.pools(ref)
	default:
		return zones.GeoInfo{}, context.Canceled
	}
}

// listen opens the control socket and then, last of all, the listeners.
func (n *Nameserver) listen(cfg *config.Config) (err error) {
	if n.control, err = openControl(n.state.file(socketName), n); err != nil {
		return err
	}
	if err := n.openAPI(cfg); err != nil {
		return err
	}
	n.server, err = server.Listen(server.Options{
		Listen: cfg.Listen, View: n.View, Workers: cfg.Workers, Log: n.log.Named("server"),
		TCP: server.TCPLimits{
			Connections: cfg.Limits.TCPConnections, PerClient: cfg.Limits.TCPPerClient, Idle: cfg.Limits.TCPIdle,
		},
	})
	if err != nil {
		return err
	}
	file, err := n.openQueryLog(cfg)
	if err == nil {
		n.watch(cfg, file)
	}
	return err
}

// Run serves until ctx ends, answers what was received by then, and stops everything.
func (n *Nameserver) Run(ctx context.Context) error {
	defer n.Close()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var all sync.WaitGroup
	for name, run := range map[string]func(context.Context) error{
		"zones": n.folder.Run, "geo": n.watchGeo, "control": n.control.serve, "server": n.server.Serve,
		"api": n.serveAPI, "latencies": n.watchLatencies, "operate": n.operate, "keys": n.watchKeys, "signatures": n.keepSigned, "parents": n.watchParents,
	} {
		all.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	<-ctx.Done()
	all.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// Close stops probing and gives the state folder back.
func (n *Nameserver) Close() {
	n.closeWatchers()
	if n.monitor != nil {
		n.monitor.Stop()
	}
	if n.control != nil {
		n.control.close()
	}
	n.closeOperations()
	if n.keys != nil {
		if err := n.keys.cache.Close(); err != nil {
			n.log.Warn("signatures are not kept for the next start", zap.Error(err))
		}
	}
	n.state.close()
}

// View is what answers at this moment.
func (n *Nameserver) View() *resolver.View { return n.view.Load() }

// tell logs what is wrong with zones, and what may surprise in a configuration that comes into force.
func (n *Nameserver) tell(plan *Plan, problems []zones.Problem) {
	for _, hint := range plan.Hints() {
		n.log.Warn(hint)
	}
	log := n.log.Named("zones")
	for _, p := range problems {
		if p.Warning {
			log.Warn(p.String())
		} else {
			log.Error(p.String())
		}
	}
}

// Plan is the configuration in force.
func (n *Nameserver) Plan() *Plan {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.plan
}
