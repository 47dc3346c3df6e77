package healthcheck

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fakes are the servers of a test in a synctest bubble: each target behaves as
// told, and every probe and publication is written down.
type fakes struct {
	mu        sync.Mutex
	behave    map[Target]func(context.Context) error // by identity; none: well at once
	calls     map[Target][]call                      // by identity
	inFlight  map[Target]int
	overlap   bool // two probes of one target were in flight
	most      int  // probes in flight at any time
	published []publication
	alarms    []Alarm
}

type call struct{ start, end time.Time }

type publication struct {
	at time.Time
	*Snapshot
}

func newFakes() *fakes {
	return &fakes{
		behave: map[Target]func(context.Context) error{}, calls: map[Target][]call{}, inFlight: map[Target]int{},
	}
}

// monitor is a Monitor over the fakes.
func (f *fakes) monitor(o Options) *Monitor {
	if o.Publish == nil {
		o.Publish = func(s *Snapshot) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.published = append(f.published, publication{time.Now(), s})
		}
	}
	o.Alarm = func(a Alarm) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.alarms = append(f.alarms, a)
	}
	m := New(o)
	m.compile = func() func(*Target) probe {
		return func(t *Target) probe {
			return func(ctx context.Context) error { return f.probe(ctx, t.identity()) }
		}
	}
	return m
}

func (f *fakes) probe(ctx context.Context, id Target) error {
	f.mu.Lock()
	f.inFlight[id]++
	f.overlap = f.overlap || f.inFlight[id] > 1
	total := 0
	for _, n := range f.inFlight {
		total += n
	}
	f.most = max(f.most, total)
	behave := f.behave[id]
	f.mu.Unlock()
	start := time.Now()
	var err error
	if behave != nil {
		err = behave(ctx)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.inFlight[id]--
	f.calls[id] = append(f.calls[id], call{start, time.Now()})
	return err
}

func (f *fakes) set(t Target, behave func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.behave[t.complete().identity()] = behave
}

func (f *fakes) callsOf(t Target) []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]call(nil), f.calls[t.complete().identity()]...)
}

func (f *fakes) publications() []publication {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]publication(nil), f.published...)
}

// raised is the alarms so far, those of probes that just ended included.
func (f *fakes) raised() []Alarm {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]Alarm(nil), f.alarms...)
}

func refuse(context.Context) error { return errBad }

func hang(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func after(d time.Duration, err error) func(context.Context) error {
	return func(ctx context.Context) error {
		select {
		case <-time.After(d):
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// classic is the check whose worst cases the package promises.
func classic() Check {
	return Check{Type: "http", Interval: 750 * time.Millisecond, Timeout: time.Second, Rise: 2, Fall: 2}
}

// numbered is n targets of one check.
func numbered(c Check, n int) []Target {
	targets := make([]Target, n)
	for i := range targets {
		targets[i] = Target{Check: c, Addr: netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)})}
	}
	return targets
}

// run starts a Monitor with targets in a bubble, waits for the first round, and
// stops it after the test's body; the bubble fails if a goroutine is left.
func run(t *testing.T, o Options, targets []Target, prepare func(*fakes), body func(*fakes, *Monitor)) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		f := newFakes()
		if prepare != nil {
			prepare(f)
		}
		m := f.monitor(o)
		m.Set(targets)
		m.Start(context.Background())
		m.FirstRound(context.Background())
		body(f, m)
		m.Stop()
		if f.overlap {
			t.Error("two probes of one target were in flight")
		}
	})
}

// status is what the monitor says of a target now.
func status(m *Monitor, t Target) Status {
	s := m.Snapshot()
	slot, ok := s.Find(t)
	if !ok {
		return 99
	}
	return s.State(slot).Status
}
