package trial

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/proc"
)

const (
	healthInterval = time.Second
	healthTime     = 10 * time.Second
	healthSettle   = 4 * time.Second // the first round, and the second, which spreads the targets
	healthScrapes  = 2               // in a second window of healthTime, spread over it
)

// healthChecks are the checks measured: what they are called, what they are in the configuration, and the cores goal.
var healthChecks = []struct{ name, config string }{
	{"tcp", `type = "tcp"`},
	{"http", `type = "http"`},
	{"http kept", "type = \"http\"\nkeepalive = true"},
}

// CoresMetric names the figure of a check.
func CoresMetric(check string) string { return "cores for " + check }

// LateMetric names the figure of a check.
func LateMetric(check string) string { return "latest " + check + " probe" }

// ScrapedMetric names the figure of a check whose probes share the processor with scrapes of /metrics.
func ScrapedMetric(check string) string { return LateMetric(check) + " beside scrapes" }

// health probes ten thousand servers once a second and reads what that costs the nameserver, and by how much a probe
// was late: seen from the servers, as the time between the end of a probe, which is the connection or the answer, and
// the beginning of the next one, less the interval. Both are as the kernel had them, so that the servers' own delays are
// not in it; those of the answer on its way through the nameserver are.
func health(r *Rig, t *Trial) error {
	targets := 10_000
	if r.Quick {
		targets = 200
	}
	t.note("%d servers, a probe of each every second, no jitter; the nameserver on a processor of its own, the servers on the other", targets)
	t.note("%v without scrapes of /metrics, then %v beside %d of them", healthTime, healthTime, healthScrapes)
	return r.repeat(t, min(r.Rounds, 5), nil, func(int) error {
		for _, c := range healthChecks {
			if err := r.healthOnce(t, c.name, c.config, targets); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
		return nil
	})
}

func (r *Rig) healthOnce(t *Trial, name, check string, targets int) error {
	probed, err := newProbed(targets)
	if err != nil {
		return err
	}
	defer probed.close()
	dir := ""
	p := peer.Meridian.With(func(d, _ string) (string, error) {
		dir = d
		zone := "$TTL 60\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\nwww IN GEO p0\n"
		return healthConfig(check, probed.port, targets), os.WriteFile(filepath.Join(d, "zones", peer.GeoZone+".zone"), []byte(zone), 0o644)
	})
	s, err := p.Start(r.folder(t.Name), ServerCore, peer.Workload{Kind: peer.Geo, Data: r.Data, Binary: r.Binary}, time.Minute)
	if err != nil {
		return err
	}
	defer s.Stop()
	time.Sleep(healthSettle)
	probed.reset()
	before, err := proc.CPU(s.PID())
	if err != nil {
		return err
	}
	start := time.Now()
	time.Sleep(healthTime)
	took, probes, latest, tail := time.Since(start), probed.count(), probed.latest(), probed.percentile(99.9)
	after, err := proc.CPU(s.PID())
	if err != nil {
		return err
	}
	cores := (after - before).Seconds() / took.Seconds()
	t.add(peer.Meridian.Name, CoresMetric(name), "cores", cores)
	t.add(peer.Meridian.Name, "CPU per "+name+" probe", "us", 1e6*(after-before).Seconds()/float64(max(1, probes)))
	t.add(peer.Meridian.Name, name+" probes", "/s", float64(probes)/took.Seconds())
	t.add(peer.Meridian.Name, LateMetric(name), "ms", 1e3*latest.Seconds())
	t.add(peer.Meridian.Name, "99.9 % of "+name+" probes late by less than", "ms", 1e3*tail.Seconds())
	return scraped(t, name, filepath.Join(dir, "state", "control.sock"), probed)
}

// scraped has the metrics read while probes go on, more often than a Prometheus does that asks every 15 seconds.
func scraped(t *Trial, name, socket string, probed *probed) error {
	probed.reset()
	for range healthScrapes {
		time.Sleep(healthTime / healthScrapes / 2)
		began := time.Now()
		octets, err := scrapeZipped(socket)
		if err != nil {
			return err
		}
		t.add(peer.Meridian.Name, "time of a scrape beside "+name+" probes", "ms", 1e3*time.Since(began).Seconds())
		t.add(peer.Meridian.Name, "octets of a scrape, compressed", "octets", float64(octets))
		time.Sleep(healthTime / healthScrapes / 2)
	}
	t.add(peer.Meridian.Name, ScrapedMetric(name), "ms", 1e3*probed.latest().Seconds())
	t.add(peer.Meridian.Name, "99.9 % of "+name+" probes late by less than, beside scrapes", "ms", 1e3*probed.percentile(99.9).Seconds())
	return nil
}

// healthConfig has a hundred servers in each pool.
func healthConfig(check string, port, targets int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[checks.c]\n%s\nport = %d\ninterval = %q\njitter = 0\n[servers]\n", check, port, healthInterval)
	for i := range targets {
		fmt.Fprintf(&b, "s%d = { ip = %q }\n", i, probedAddr(i))
	}
	for from := 0; from < targets; from += 100 {
		fmt.Fprintf(&b, "[pools.p%d]\ncheck = \"c\"\norder = \"together\"\nservers = [", from/100)
		for i := from; i < min(from+100, targets); i++ {
			fmt.Fprintf(&b, "\"s%d\",", i)
		}
		b.WriteString("]\n")
	}
	return b.String()
}

func probedAddr(i int) netip.Addr { return netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}) }
