package trial

import (
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
)

// DatabaseFolder is the environment variable that tells the Go benchmarks where the city databases are.
const DatabaseFolder = "MERIDIAN_BENCH_DBIP"

// micro runs the Go benchmarks of this module: the resolver alone, without sockets.
func micro(r *Rig, t *Trial) error {
	t.note("`resolver.Answer` called in batches of 32: a geo name over the full city database, random clients; random names of a million records; compiled with the profile that the program is compiled with")
	count := "100000x"
	if r.Quick {
		count = "1000x"
	}
	return r.repeat(t, min(r.Rounds, 11), nil, func(int) error {
		c := exec.Command("go", "test", "-pgo", "../cmd/meridian/default.pgo", "-run", "^$", "-bench", ".", "-benchmem", "-benchtime", count, ".")
		c.Env = append(os.Environ(), DatabaseFolder+"="+r.Data)
		out, err := c.CombinedOutput()
		if err != nil {
			return fmt.Errorf("go test: %w: %s", err, out)
		}
		if t.benchmarks(string(out)) == 0 {
			return fmt.Errorf("go test printed no benchmark: %s", out)
		}
		return nil
	})
}

var (
	benchmarkLine  = regexp.MustCompile(`(?m)^Benchmark(\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)
	benchmarkValue = regexp.MustCompile(`([0-9.]+) (\S+)`)
)

// MicroMetric names the metric of a benchmark, by its name without "Benchmark" in lower case.
func MicroMetric(benchmark, what string) string { return benchmark + ", " + what }

// benchmarks adds what the Go benchmarks printed and counts them.
func (t *Trial) benchmarks(text string) int {
	lines := benchmarkLine.FindAllStringSubmatch(text, -1)
	for _, l := range lines {
		name := strings.ToLower(l[1])
		for _, v := range benchmarkValue.FindAllStringSubmatch(l[2], -1) {
			n, err := strconv.ParseFloat(v[1], 64)
			if err != nil {
				continue
			}
			switch v[2] {
			case "cpu-ns/answer":
				t.add("meridian", MicroMetric(name, "CPU per answer"), "ns", n)
			case "allocs/op":
				t.add("meridian", MicroMetric(name, "allocations per batch"), "", n)
			}
		}
	}
	return len(lines)
}
