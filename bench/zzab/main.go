// Command zzab compares binaries.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/load"
	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/proc"
	"github.com/meridian-dns/meridian/bench/internal/queries"
	"github.com/meridian-dns/meridian/bench/internal/stats"
)

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	bins := flag.String("bins", "", "name=path,...; gdnsd")
	rounds := flag.Int("rounds", 5, "")
	length := flag.Duration("length", 400*time.Millisecond, "")
	full := flag.Float64("full", 200000, "")
	loads := flag.String("loads", "20,50,80", "")
	patience := flag.Duration("patience", 80*time.Second, "")
	sat := flag.Bool("sat", true, "")
	flag.Parse()
	began := time.Now()
	must(proc.Pin(1))
	set, err := queries.Geo(peer.GeoName, 200_000, 1)
	must(err)
	file := "/tmp/path/geo.queries"
	must(set.Save(file))
	var names []string
	run := map[string]*peer.Running{}
	for _, b := range strings.Split(*bins, ",") {
		name, path, ok := strings.Cut(b, "=")
		w := peer.Workload{Kind: peer.Geo, Data: "/tmp/dbip/package", Binary: path}
		p := peer.Meridian
		if !ok {
			p = peer.Gdnsd
		}
		r, err := p.Start(filepath.Join("/tmp/path/ab", name), 0, w, time.Minute)
		must(err)
		names = append(names, name)
		run[name] = r
		defer r.Stop()
	}
	time.Sleep(2 * time.Second)
	busy := func() time.Duration {
		b, _ := os.ReadFile("/proc/stat")
		line, _, _ := strings.Cut(string(b), "\n")
		var t int64
		for i, f := range strings.Fields(line) {
			if i >= 1 && i <= 8 && i != 4 && i != 5 {
				var n int64
				fmt.Sscan(f, &n)
				t += n
			}
		}
		return time.Duration(t) * 10 * time.Millisecond
	}
	ours := func() time.Duration {
		var sum time.Duration
		for _, p := range run {
			t, _ := proc.CPU(p.PID())
			sum += t
		}
		for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
			var u syscall.Rusage
			syscall.Getrusage(who, &u)
			sum += time.Duration(u.Utime.Nano() + u.Stime.Nano())
		}
		return sum
	}
	bad := 0
	quiet := func(f func() func()) {
		for {
			t, b, o := time.Now(), busy(), ours()
			commit := f()
			share := float64(busy()-b-(ours()-o)) / float64(time.Since(t)) / 2
			if share < 0.06 || time.Since(began) > *patience {
				if share >= 0.06 {
					bad++
				}
				commit()
				return
			}
		}
	}
	defer func() { fmt.Println("disturbed kept:", bad) }()
	v := map[string]map[string][]float64{}
	var order []string
	add := func(metric, name string, x float64) {
		if v[metric] == nil {
			v[metric] = map[string][]float64{}
			order = append(order, metric)
		}
		v[metric][name] = append(v[metric][name], x)
	}
	type one struct {
		metric, name string
		x            float64
	}
	group := func(f func(n string) []one) {
		quiet(func() func() {
			var all []one
			for _, n := range names {
				all = append(all, f(n)...)
			}
			return func() {
				for _, o := range all {
					add(o.metric, o.name, o.x)
				}
			}
		})
	}
	for round := range *rounds {
		if *sat {
		group(func(n string) []one {
			var res load.Result
			c, err := run[n].Cost(func() (err error) { res, err = load.Dnsperf(run[n].Addr, file, "udp", 4, 100, *length); return })
			must(err)
			return []one{{"dnsperf us", n, float64(c.Nanoseconds())/1e3/float64(res.Answered)}}
		})
		group(func(n string) []one {
			var res load.Result
			c, err := run[n].Cost(func() (err error) {
				res, err = load.Saturate(run[n].Addr, set, 256, *length, uint64(round))
				return
			})
			must(err)
			return []one{{"saturated us", n, float64(c.Nanoseconds())/1e3/float64(res.Answered)}, {"rate", n, res.Rate()}}
		})
		}
		for _, l := range strings.Split(*loads, ",") {
			if l == "" {
				continue
			}
			var pc float64
			fmt.Sscan(l, &pc)
			group(func(n string) (all []one) {
				var res load.Result
				c, err := run[n].Cost(func() (err error) {
					res, err = load.Paced(run[n].Addr, set, *full*pc/100, *length/2, uint64(round))
					return
				})
				must(err)
				for _, q := range []float64{50, 90, 99} {
					all = append(all, one{fmt.Sprintf("p%g at %s", q, l), n, float64(stats.Percentile(res.Latencies, q))/1e3})
				}
				return append(all, one{"cpu at "+l, n, float64(c.Nanoseconds())/1e3/float64(res.Answered)})
			})
		}
	}
	med := func(x []float64) float64 { y := append([]float64(nil), x...); sort.Float64s(y); return y[len(y)/2] }
	for _, m := range order {
		fmt.Printf("%-16s", m)
		for _, n := range names {
			var ratio []float64
			for i := range v[m][n] {
				ratio = append(ratio, v[m][n][i]/v[m][names[0]][i])
			}
			fmt.Printf("  %s %9.2f (%.3f)", n, med(v[m][n]), med(ratio))
		}
		fmt.Println()
	}
}
