package healthcheck

import (
	"context"
	"crypto/x509"
	"net/netip"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"
)

const (
	longestFirstRound = 5 * time.Second
	firstRoundSlack   = 50 * time.Millisecond // for probes that ended by their timeout to be counted
)

// Options of a Monitor. All may be left at zero.
type Options struct {
	// Log gets changes of status and alarms.
	Log *zap.Logger

	// Publish gets a snapshot after every change that answers depend on; several
	// close together are one. Calls never overlap, and the last state is always
	// handed over. A Set may have made the snapshot old before it arrives: ignore
	// one whose Generation is below the last used. Publish may call Set and
	// Snapshot, but not Stop.
	Publish func(*Snapshot)

	// Alarm gets faults of this host, at most one of a kind a minute. Calls may
	// overlap. It is called without locks, but keeps a probe waiting.
	Alarm func(Alarm)

	// MaxInFlight bounds the probes in flight. Default: 4096, or half the limit of
	// open files if that is less.
	MaxInFlight int

	// MaxPrograms bounds the programs of exec checks that run at a time. Default: 16.
	MaxPrograms int

	// MaxKept bounds the connections kept for the next probe. Default: half the limit
	// of open files.
	MaxKept int

	// Resolve looks up the addresses of a host name without a final dot. Default:
	// the system's resolver.
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error)

	// Roots verify the certificates of https targets. Default: the system's.
	Roots *x509.CertPool
}

// Monitor runs probes and keeps their states. Safe for concurrent use.
type Monitor struct {
	o        Options
	compile  func() func(*Target) probe // a compiler for one Set; tests put their own
	net      *network
	room     chan struct{} // a probe in flight holds a place
	programs chan struct{} // so does a program among those that run
	wake     chan struct{} // tells the publisher to look again
	round    chan struct{} // closed when the first round is complete
	opened   chan struct{} // closed when the first round is published or given up
	phase    float64       // sets the spreading of monitors apart
	began    time.Time     // of the first round of places, see part
	wg       sync.WaitGroup

	ctx    context.Context // of all probes, from Start on
	cancel context.CancelFunc

	mu       sync.Mutex           // guards what follows
	running  bool                 // from Start to Stop
	targets  []*target            // by Slot; nil: vacant
	states   []State              // by Slot
	table    table                // of the last Set
	pushers  map[string][]*target // those that report themselves, by server
	changes  uint64               // Snapshot.Generation
	unheard  int                  // targets of the first round without a result
	dirty    change               // the gravest change not yet published
	inFlight int
	lateness Lateness
	probes   uint64
	failures uint64
	faults   [faults]FaultCount
	alarmed  [faults]time.Time // last alarm of each kind
	noted    [7]bool           // by IP version: that it is not in use here was logged
}

// New makes a Monitor; Set gives it targets and Start starts it.
func New(o Options) *Monitor {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Publish == nil {
		o.Publish = func(*Snapshot) {}
	}
	if o.Alarm == nil {
		o.Alarm = func(Alarm) {}
	}
	if o.MaxInFlight < 1 {
		o.MaxInFlight = defaultInFlight()
	}
	if o.MaxPrograms < 1 {
		o.MaxPrograms = programsLimit
	}
	if o.MaxKept < 1 {
		o.MaxKept = openFiles() / 2
	}
	n := newNetwork(o)
	return &Monitor{
		o:        o,
		net:      n,
		programs: make(chan struct{}, o.MaxPrograms),
		compile:  func() func(*Target) probe { return (&compiler{n, map[Check]*answer{}}).probe },
		room:     make(chan struct{}, o.MaxInFlight),
		wake:     make(chan struct{}, 1),
		round:    make(chan struct{}),
		opened:   make(chan struct{}),
		phase:    randomFraction(),
		began:    time.Now(),
	}
}

func defaultInFlight() int { return max(1, min(4096, openFiles()/2)) }

// openFiles is how many descriptors this process may have.
func openFiles() int {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(limit.Cur, 1<<20))
}

// Start sends out the first round of probes and keeps probing until ctx ends or
// Stop is called. A Monitor starts once; further calls do nothing.
func (m *Monitor) Start(ctx context.Context) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx != nil {
		return
	}
	m.ctx, m.cancel = context.WithCancel(ctx)
	m.running = true
	patience := time.Duration(0)
	for _, t := range m.targets {
		if t == nil || t.retired() {
			continue
		}
		if t.Check.Type == "push" {
			m.schedule(t, t.first())
			continue
		}
		patience = max(patience, t.Check.Timeout)
		t.awaited = true
		m.unheard++
		m.schedule(t, 0)
	}
	if m.unheard == 0 {
		close(m.round)
	}
	m.wg.Add(1)
	go m.publishAll(min(patience+firstRoundSlack, longestFirstRound))
}

// FirstRound returns when every target known at Start has been probed and the
// result was published, min(timeout, 5 s) after Start at the latest (of several
// timeouts the longest), when the Monitor stops, or when ctx ends.
func (m *Monitor) FirstRound(ctx context.Context) {
	select {
	case <-m.opened:
	case <-ctx.Done():
	}
}

// Stop ends all probes and returns when all goroutines are gone. Publish is not
// called any more.
func (m *Monitor) Stop() {
	m.mu.Lock()
	cancel := m.cancel
	m.mu.Unlock()
	if cancel != nil {
		cancel()
		m.wg.Wait()
		m.net.idle.sweep(nil)
	}
}

// halt is the end of probing: no timer fires and no result counts any more.
func (m *Monitor) halt() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running = false
	for _, t := range m.targets {
		if t != nil && t.timer != nil {
			t.timer.Stop()
		}
		if t != nil && t.cancel != nil {
			t.cancel()
		}
	}
}

// Snapshot returns the states of this moment, LastProbe, LastError and Latency
// included.
func (m *Monitor) Snapshot() *Snapshot {
	room := m.makeRoom()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.snapshot(room)
}

// makeRoom allocates what a snapshot takes before the lock is held: probes wait for that.
func (m *Monitor) makeRoom() []State {
	m.mu.Lock()
	n := len(m.states)
	m.mu.Unlock()
	return make([]State, 0, n)
}

// Stats are counts since the start.
type Stats struct {
	Probes   uint64             // probes that had a result
	Failures uint64             // of them, bad ones
	InFlight int                // probes in flight now
	Lateness Lateness           // by how much probes began after they were due
	Faults   [faults]FaultCount // by Fault
}

// Stats returns the counts of this moment.
func (m *Monitor) Stats() Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return Stats{Probes: m.probes, Failures: m.failures, InFlight: m.inFlight, Lateness: m.lateness, Faults: m.faults}
}
