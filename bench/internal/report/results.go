// Package report keeps the raw results of trials and turns them into tables, plots and the page docs/performance.md.
//
// Results are plain values. Functions that write belong to one goroutine at a time.
package report

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/trial"
)

// Machine is where and with what the trials ran.
type Machine struct {
	Processor  string            `json:"processor"`
	Processors int               `json:"processors"`
	Kernel     string            `json:"kernel"`
	Go         string            `json:"go"`
	Meridian   string            `json:"meridian"` // commit
	Packages   map[string]string `json:"packages"`
	ReceiveMax string            `json:"rmem_max"`
}

// Results are trials that ran on one machine.
type Results struct {
	Machine Machine        `json:"machine"`
	Rounds  int            `json:"rounds"`
	Length  float64        `json:"length"` // seconds of one measurement
	Trials  []*trial.Trial `json:"trials"`
}

// ThisMachine describes where this program runs, and the program at the path binary.
func ThisMachine(binary string) Machine {
	m := Machine{Processors: runtime.NumCPU(), Go: runtime.Version(), Packages: map[string]string{}}
	m.Kernel = line("/proc/sys/kernel/osrelease")
	m.ReceiveMax = line("/proc/sys/net/core/rmem_max")
	info, _ := os.ReadFile("/proc/cpuinfo")
	for l := range strings.Lines(string(info)) {
		if key, value, ok := strings.Cut(l, ":"); ok && strings.TrimSpace(key) == "model name" {
			m.Processor = strings.TrimSpace(value)
		}
	}
	for _, p := range peer.Packages {
		m.Packages[p] = peer.Version(p)
	}
	m.Meridian = commit(binary)
	return m
}

func line(file string) string {
	b, _ := os.ReadFile(file)
	return strings.TrimSpace(string(b))
}

// commit reads what the Go command wrote into the program.
func commit(binary string) string {
	out, _ := exec.Command("go", "version", "-m", binary).Output()
	revision, modified := "unknown", ""
	for l := range strings.Lines(string(out)) {
		if _, r, ok := strings.Cut(l, "vcs.revision="); ok {
			revision = strings.TrimSpace(r)
		}
		if strings.Contains(l, "vcs.modified=true") {
			modified = ", with changes not committed"
		}
	}
	return revision[:min(12, len(revision))] + modified
}

// Save writes a file NAME.json for each trial.
func (r Results) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, t := range r.Trials {
		one := r
		one.Trials = []*trial.Trial{t}
		text, err := json.MarshalIndent(one, "", " ")
		if err != nil {
			return fmt.Errorf("trial %s: %w", t.Name, err)
		}
		if err := os.WriteFile(filepath.Join(dir, t.Name+".json"), append(text, '\n'), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Set is one Results for each trial, in the order in which the trials run.
type Set []Results

// Load reads what Save wrote.
func Load(dir string) (Set, error) {
	var all Set
	for _, e := range trial.All {
		text, err := os.ReadFile(filepath.Join(dir, e.Name+".json"))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		var r Results
		if err := json.Unmarshal(text, &r); err != nil || len(r.Trials) != 1 {
			return nil, fmt.Errorf("results of %s: %d trials: %w", e.Name, len(r.Trials), err)
		}
		all = append(all, r)
	}
	return all, nil
}

// find gives a trial, or nil.
func (s Set) find(name string) *trial.Trial {
	for _, r := range s {
		if r.Trials[0].Name == name {
			return r.Trials[0]
		}
	}
	return nil
}
