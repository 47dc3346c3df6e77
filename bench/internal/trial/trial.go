// Package trial holds the experiments: which servers run, what is asked of them in which turn, and what is read off.
//
// A Rig and its trials use the whole machine and belong to one goroutine. A Trial is a plain value.
package trial

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/proc"
)

// Rig is what all trials share.
type Rig struct {
	Dir    string // for configurations and zones; emptied by nobody
	Data   string // folder of the city databases
	Binary string // of Meridian
	Rounds int
	Length time.Duration // of one measurement
	Quick  bool          // small zones and few load points: to see that everything works
	// Patience is how long a trial repeats rounds that other programs disturbed.
	Patience time.Duration
	Log      io.Writer

	trials []*Trial
}

// The processors of the servers and of the load.
const (
	ServerCore = 0
	LoadCore   = 1
)

// Trial is one experiment with all its figures.
type Trial struct {
	Name   string    `json:"name"`
	Title  string    `json:"title"`
	When   time.Time `json:"when"`
	Took   float64   `json:"took"`   // seconds
	Loads  [2]string `json:"loads"`  // load averages before and after
	Others []float64 `json:"others"` // by round: share of all processors that other programs used
	// Forgotten is how many rounds do not count because that share was too large.
	Forgotten int       `json:"forgotten"`
	Metrics   []*Metric `json:"metrics"`
	Notes     []string  `json:"notes,omitempty"`
}

// Metric holds one figure of each peer for each round.
type Metric struct {
	Name   string               `json:"name"`
	Unit   string               `json:"unit"`
	Peers  []string             `json:"peers"`
	Values map[string][]float64 `json:"values"`
}

// add appends a round's figure of a peer.
func (t *Trial) add(peer, metric, unit string, value float64) {
	m := t.Metric(metric)
	if m == nil {
		m = &Metric{Name: metric, Unit: unit, Values: map[string][]float64{}}
		t.Metrics = append(t.Metrics, m)
	}
	if _, known := m.Values[peer]; !known {
		m.Peers = append(m.Peers, peer)
	}
	m.Values[peer] = append(m.Values[peer], value)
}

// Metric finds a metric by its name, or gives nil.
func (t *Trial) Metric(name string) *Metric {
	for _, m := range t.Metrics {
		if m.Name == name {
			return m
		}
	}
	return nil
}

func (t *Trial) note(format string, args ...any) {
	t.Notes = append(t.Notes, fmt.Sprintf(format, args...))
}

// find gives a trial that has run, or nil.
func (r *Rig) find(name string) *Trial {
	for _, t := range r.trials {
		if t.Name == name {
			return t
		}
	}
	return nil
}

// Experiment is a trial that can be run.
type Experiment struct {
	Name  string
	Title string
	run   func(*Rig, *Trial) error
}

// All are the experiments in the order in which they run: later ones use the saturation that earlier ones found.
var All = []Experiment{
	{"geo", "Geo answers, random client subnets", geo},
	{"latency", "Latency of geo answers as load rises", latency},
	{"loss", "First burst and steady load", loss},
	{"static", "Static answers and NXDOMAIN from a large zone", static},
	{"tcp", "TCP on kept connections", tcp},
	{"load", "Load time and memory by zone size", loadZones},
	{"dnssec", "Signed geo answers, random client subnets", signed},
	{"sign", "Signing: first start, restart and edits of a large zone", sign},
	{"many", "Many small zones", many},
	{"rebuild", "Compiling 50 pools over the whole database", rebuild},
	{"observe", "What counting and a query log cost", observe},
	{"labels", "Metrics under random queries", labels},
	{"micro", "The resolver alone", micro},
	{"churn", "Edits, reloads and transitions under load", churn},
	{"storm", "Hundreds of servers that go down and up under load", storm},
	{"health", "Probing ten thousand servers a second", health},
}

// Run runs one experiment and gives its trial; that of a failed one holds what it has so far.
func (r *Rig) Run(e Experiment) (*Trial, error) {
	t := &Trial{Name: e.Name, Title: e.Title, When: time.Now().UTC().Truncate(time.Second)}
	t.Loads[0] = proc.Load()
	fmt.Fprintf(r.Log, "%s  %s (load %s)\n", time.Now().Format(time.TimeOnly), e.Title, t.Loads[0])
	r.trials = append(r.trials, t)
	err := e.run(r, t)
	t.Took = time.Since(t.When).Seconds()
	t.Loads[1] = proc.Load()
	if err != nil {
		t.note("ended early: %v", err)
		return t, fmt.Errorf("trial %s: %w", e.Name, err)
	}
	return t, nil
}

// start starts peers one after the other; stop ends those that started.
func (r *Rig) start(trial string, w peer.Workload, peers ...peer.Peer) (running []*peer.Running, stop func(), err error) {
	stop = func() {
		for _, p := range running {
			p.Stop()
		}
	}
	for _, p := range peers {
		s, err := p.Start(r.folder(trial), ServerCore, w, 3*time.Minute)
		if err != nil {
			stop()
			return nil, nil, err
		}
		running = append(running, s)
	}
	time.Sleep(2 * time.Second) // what they still do after the first answer
	return running, stop, nil
}

func (r *Rig) folder(trial string) string {
	dir := filepath.Join(r.Dir, trial)
	os.RemoveAll(dir)
	return dir
}

// step measures one thing of one peer.
type step func(round int, p *peer.Running) error

// turns takes each step with each peer in turn, A B C A B C, for all rounds, one step after the other: what is compared
// lies close in time.
func (r *Rig) turns(t *Trial, running []*peer.Running, steps ...step) error {
	for _, s := range steps {
		err := r.repeat(t, r.Rounds, running, func(round int) error {
			for _, p := range running {
				if err := s(round, p); err != nil {
					return fmt.Errorf("%s: %w", p.Peer.Name, errors.Join(err, p.Ended()))
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
