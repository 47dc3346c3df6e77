package trial

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/load"
	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/proc"
	"github.com/meridian-dns/meridian/bench/internal/queries"
	"github.com/meridian-dns/meridian/bench/internal/stats"
)

// manyPools writes Meridian's configuration of so many pools, each of 8 servers in places of its own.
func manyPools(data string, pools int, seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 8))
	var servers, tables strings.Builder
	servers.WriteString("[servers]\n")
	for p := range pools {
		var names []string
		for s := range 8 {
			name := fmt.Sprintf("s%d-%d", p, s)
			names = append(names, fmt.Sprintf("%q", name))
			fmt.Fprintf(&servers, "%s = { at = [%.2f, %.2f], ip = \"10.1.%d.%d\" }\n", name, r.Float64()*120-50, r.Float64()*360-180, p, s+1)
		}
		fmt.Fprintf(&tables, "[pools.p%d]\nservers = [%s]\n", p, strings.Join(names, ", "))
	}
	return peer.Databases(data) + servers.String() + tables.String()
}

// fiftyPools is a Meridian with many pools whose configuration can be changed.
type fiftyPools struct {
	*proc.Process
	running *peer.Running
	head    string // of the configuration
	file    string
	rig     *Rig
}

const poolCount = 50

func (r *Rig) startPools(t *Trial) (*fiftyPools, error) {
	zone := "$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\nwww 60 IN GEO p0\n"
	for i := range poolCount {
		zone += fmt.Sprintf("p%d 60 IN GEO p%d\n", i, i)
	}
	f := &fiftyPools{rig: r}
	m := peer.Meridian.With(func(dir, head string) (string, error) {
		f.head, f.file = head, filepath.Join(dir, "meridian.toml")
		err := os.WriteFile(filepath.Join(dir, "zones", peer.GeoZone+".zone"), []byte(zone), 0o644)
		return manyPools(r.Data, poolCount, 0), err
	})
	running, err := m.Start(r.folder(t.Name), ServerCore, r.geoWorkload(), 3*time.Minute)
	if err != nil {
		return nil, err
	}
	f.running, f.Process = running, running.Process
	time.Sleep(3 * time.Second)
	return f, nil
}

// recompile moves all servers of all pools and waits until the server answers by that.
func (f *fiftyPools) recompile(seed uint64) error {
	before := strings.Count(f.Output(), "reloaded")
	if err := os.WriteFile(f.file, []byte(f.head+manyPools(f.rig.Data, poolCount, seed)), 0o644); err != nil {
		return err
	}
	if err := f.running.Reload(); err != nil {
		return err
	}
	for begin := time.Now(); time.Since(begin) < 3*time.Minute; time.Sleep(10 * time.Millisecond) {
		if strings.Count(f.Output(), "reloaded") > before {
			return nil
		}
		if err := f.Ended(); err != nil {
			return err
		}
	}
	return fmt.Errorf("a reload did not end: %s", f.Output())
}

// rebuild measures what compiling all pools costs, and what clients notice of it.
func rebuild(r *Rig, t *Trial) error {
	set, _, err := r.geoQueries()
	if err != nil {
		return err
	}
	f, err := r.startPools(t)
	if err != nil {
		return err
	}
	defer f.Stop()
	t.note("%[1]d pools of 8 servers each, server and rebuild on one processor; the load is half of the saturation with one pool; idle is %[2]d seconds before a rebuild and %[2]d after it", poolCount, idleRuns)
	t.add("meridian", "ready", "s", f.running.Ready.Seconds())
	if err := f.tables(t); err != nil {
		return err
	}
	rate, err := r.saturation(set, f.running)
	if err != nil {
		return err
	}
	return r.repeat(t, min(r.Rounds, 3), []*peer.Running{f.running}, func(round int) error {
		return f.round(t, set, rate/2, uint64(round))
	})
}

// tables tells how large the tables of all pools and the partition that they share are.
func (f *fiftyPools) tables(t *Trial) error {
	sum := 0.0
	for _, kind := range []string{"tables", "partition"} {
		n, err := proc.MappedFiles(f.PID(), "meridian-"+kind)
		if err != nil {
			return err
		}
		t.add("meridian", kind+" of all pools", "MiB", float64(n)/(1<<20))
		sum += float64(n) / (1 << 20)
	}
	t.add("meridian", TablesMetric, "MiB", sum)
	return nil
}

// TablesMetric is the size of all that the rankings of all pools are looked up in.
const TablesMetric = "tables and partition"

func (f *fiftyPools) round(t *Trial, set *queries.Set, rate float64, round uint64) error {
	began := time.Now()
	most := watchMemory(f.PID())
	cost, err := f.running.Cost(func() error { return f.recompile(2*round + 1) })
	peak := most()
	if err != nil {
		return err
	}
	t.add("meridian", "CPU of a rebuild", "s", cost.Seconds())
	t.add("meridian", "time of a rebuild without load", "s", time.Since(began).Seconds())
	time.Sleep(2 * time.Second)
	m, err := proc.MemoryOf(f.PID())
	if err != nil {
		return err
	}
	t.add("meridian", "memory", "MB", float64(m.Proportional)/1e6)
	t.add("meridian", "most memory during a rebuild", "MB", float64(peak)/1e6)
	before, err := f.idle(t, set, rate, round<<8)
	if err != nil {
		return err
	}
	during, err := f.underLoad(t, set, rate, round)
	if err != nil {
		return err
	}
	after, err := f.idle(t, set, rate, round<<8+128)
	if err != nil {
		return err
	}
	for _, p := range Percentiles {
		t.add("meridian", RebuildMetric(p), "ratio", stats.Median(micros(during, p))/stats.Median(micros(append(before, after...), p)))
	}
	return nil
}

// idleRuns is how many seconds are looked at before a rebuild, and again after it.
const idleRuns = 12

// idle asks for some seconds while nothing else is done, in runs as long as those under load: machines change their pace
// within seconds.
func (f *fiftyPools) idle(t *Trial, set *queries.Set, rate float64, seed uint64) ([]load.Result, error) {
	var runs []load.Result
	for i := range uint64(idleRuns) {
		res, err := f.second(t, "idle", set, rate, seed+i)
		if err != nil {
			return nil, err
		}
		runs = append(runs, res)
	}
	return runs, nil
}

// watchMemory looks at the memory of a process and its children until it is asked for the most it saw.
func watchMemory(pid int) (most func() int64) {
	stop, seen := make(chan struct{}), make(chan int64)
	go func() {
		for most := int64(0); ; {
			if m, err := proc.MemoryOf(pid); err == nil { // else a child has ended just now
				most = max(most, m.Proportional)
			}
			select {
			case <-stop:
				seen <- most
				return
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-seen
	}
}

// RebuildMetric names a percentile of latency during a rebuild divided by the same without one.
func RebuildMetric(percentile float64) string { return fmt.Sprintf("p%g, rebuild to idle", percentile) }

func micros(runs []load.Result, percentile float64) []float64 {
	var all []float64
	for _, r := range runs {
		all = append(all, percentileMicros(r, percentile))
	}
	return all
}

// underLoad asks while the pools are compiled. The load is cut into runs of a second, all within the rebuild except
// the end of the last.
func (f *fiftyPools) underLoad(t *Trial, set *queries.Set, rate float64, round uint64) ([]load.Result, error) {
	began, done := time.Now(), make(chan error, 1)
	go func() { done <- f.recompile(2*round + 2) }()
	var runs []load.Result
	for i := uint64(0); ; i++ {
		res, err := f.second(t, "during a rebuild", set, rate, round<<8+i)
		if err != nil {
			return runs, err
		}
		runs = append(runs, res)
		select {
		case err := <-done:
			t.add("meridian", "time of a rebuild at half load", "s", time.Since(began).Seconds())
			return runs, err
		default:
		}
	}
}

// second asks for one, and notes the latencies.
func (f *fiftyPools) second(t *Trial, when string, set *queries.Set, rate float64, seed uint64) (load.Result, error) {
	res, err := load.Paced(f.running.Addr, set, rate, time.Second, seed)
	if err == nil {
		t.latenciesOf(when, res)
	}
	return res, err
}

func (t *Trial) latenciesOf(when string, res load.Result) {
	for _, p := range Percentiles {
		t.add("meridian", fmt.Sprintf("p%g %s", p, when), "µs", percentileMicros(res, p))
	}
	t.add("meridian", "lost "+when, "queries", float64(res.Lost()))
}
