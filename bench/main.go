// Command bench compares Meridian with other nameservers on this machine and writes docs/performance.md.
//
// Run it in its folder as root, on a quiet machine with at least two processors:
//
//	go run . [--rounds N] [--quick] [--only geo,static] [--dbip FOLDER]
//
// It installs the peers from Debian's packages, fetches the city database, builds Meridian, runs the trials one after
// the other, and writes results/, the page and its plots. All traffic stays on loopback.
//
//	go run . --profile ../cmd/meridian/default.pgo
//
// renews the profile by which the compiler decides what of Meridian to make fast. It is worth it when the way of a query
// has changed much.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/geodata"
	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/proc"
	"github.com/meridian-dns/meridian/bench/internal/report"
	"github.com/meridian-dns/meridian/bench/internal/trial"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	rounds  int
	length  time.Duration
	quick   bool
	wait    time.Duration
	only    string
	dbip    string
	work    string
	results string
	docs    string
	profile string
}

func parse() options {
	var o options
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	flag.IntVar(&o.rounds, "rounds", 21, "rounds of every comparison")
	flag.DurationVar(&o.length, "length", time.Second, "length of one measurement")
	flag.BoolVar(&o.quick, "quick", false, "small zones, one round, nothing written: see that everything works")
	flag.DurationVar(&o.wait, "patience", 15*time.Minute, "how long a trial repeats rounds that other programs disturbed")
	flag.StringVar(&o.only, "only", "", "comma-separated trials to run, of: "+strings.Join(names(), ", "))
	flag.StringVar(&o.dbip, "dbip", filepath.Join(cache, "meridian-bench"), "folder of the city databases, filled if empty")
	flag.StringVar(&o.work, "work", filepath.Join(os.TempDir(), "meridian-bench-work"), "folder for configurations and zones")
	flag.StringVar(&o.results, "results", "results", "folder for the raw results")
	flag.StringVar(&o.docs, "docs", "../docs", "folder for the page and its plots; empty: write none")
	flag.StringVar(&o.profile, "profile", "", "file for a profile for the compiler; nothing is compared then")
	flag.Parse()
	if o.quick {
		o.rounds, o.length, o.wait = 1, 200*time.Millisecond, 0
	}
	return o
}

func names() []string {
	var all []string
	for _, e := range trial.All {
		all = append(all, e.Name)
	}
	return all
}

func run() error {
	o := parse()
	if o.profile != "" {
		return profile(o)
	}
	binary, err := prepare(o)
	if err != nil {
		return err
	}
	// A collection in the generator would look like a slow server. The largest trial allocates some hundred MB.
	debug.SetGCPercent(400)
	if err := proc.Pin(trial.LoadCore); err != nil {
		return err
	}
	rig := &trial.Rig{Dir: o.work, Data: o.dbip, Binary: binary, Rounds: o.rounds, Length: o.length, Quick: o.quick, Patience: o.wait, Log: os.Stderr}
	set := report.Results{Machine: report.ThisMachine(binary), Rounds: o.rounds, Length: o.length.Seconds()}
	return experiments(rig, o.only, func(t *trial.Trial) error {
		set.Trials = []*trial.Trial{t}
		set.Print(os.Stdout)
		if o.quick {
			return nil
		}
		return write(o, set)
	})
}

// prepare gets everything that the trials need and gives the path of Meridian's program.
func prepare(o options) (string, error) {
	if err := os.MkdirAll(o.work, 0o755); err != nil {
		return "", err
	}
	if err := peer.Install(); err != nil {
		return "", err
	}
	if err := geodata.Fetch(o.dbip); err != nil {
		return "", err
	}
	if err := geodata.Convert(filepath.Join(o.dbip, geodata.IPv4), filepath.Join(o.dbip, geodata.Converted)); err != nil {
		return "", err
	}
	binary := filepath.Join(o.work, "meridian-server")
	for suffix, flags := range map[string][]string{"": nil, "-" + peer.UncountedTag: {"-tags", peer.UncountedTag}} {
		build := exec.Command("go", append([]string{"build", "-o", binary + suffix}, append(flags, "./cmd/meridian")...)...)
		build.Dir = ".."
		if out, err := build.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build Meridian: %w: %s", err, out)
		}
	}
	return binary, nil
}

// experiments runs the trials asked for and hands on each when it has ended; one that fails does not stop the rest.
func experiments(rig *trial.Rig, only string, ended func(*trial.Trial) error) error {
	var errs []error
	wanted := strings.Split(only, ",")
	for _, w := range wanted {
		if only != "" && !slices.Contains(names(), w) {
			return fmt.Errorf("no trial is named %q; there are %s", w, strings.Join(names(), ", "))
		}
	}
	for _, e := range trial.All {
		if only == "" || slices.Contains(wanted, e.Name) {
			t, err := rig.Run(e)
			errs = append(errs, err, ended(t))
		}
	}
	return errors.Join(errs...)
}

// write keeps the raw results and renews the page from all that the folder holds, the newest of each trial.
func write(o options, set report.Results) error {
	if err := set.Save(o.results); err != nil {
		return err
	}
	if o.docs == "" {
		return nil
	}
	all, err := report.Load(o.results)
	if err != nil {
		return err
	}
	return all.Write(o.docs)
}
