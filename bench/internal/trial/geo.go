package trial

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/load"
	"github.com/meridian-dns/meridian/bench/internal/peer"
	"github.com/meridian-dns/meridian/bench/internal/queries"
	"github.com/meridian-dns/meridian/bench/internal/stats"
)

// Names of metrics that the report looks for.
const (
	CPUDnsperf   = "CPU per answer, dnsperf"
	CPUSaturated = "CPU per answer, saturated"
	RateDnsperf  = "answers, dnsperf"
	Saturation   = "answers, saturated"
	CPUScattered = "CPU per answer, dnsperf from 200 ports"
)

const (
	window         = 256 // queries kept open by the saturating generator
	dnsperfClients = 4
	dnsperfOpen    = 100
	scattered      = 200 // ports, each with a query open: two answers hardly ever go to one
)

func (r *Rig) geoWorkload() peer.Workload {
	return peer.Workload{Kind: peer.Geo, Data: r.Data, Binary: r.Binary}
}

// geoQueries makes the queries and their file for dnsperf.
func (r *Rig) geoQueries() (*queries.Set, string, error) {
	set, err := queries.Geo(peer.GeoName, 200_000, 1)
	if err != nil {
		return nil, "", err
	}
	file := filepath.Join(r.Dir, "geo.queries")
	return set, file, set.Save(file)
}

func geo(r *Rig, t *Trial) error {
	set, file, err := r.geoQueries()
	if err != nil {
		return err
	}
	running, stop, err := r.start(t.Name, r.geoWorkload(), peer.Meridian, peer.Gdnsd, peer.Knot, peer.PowerDNS)
	if err != nil {
		return err
	}
	defer stop()
	if err := t.agreement(set, running); err != nil {
		return err
	}
	return r.turns(t, running, append(r.udp(t, set, file), r.fromManyPorts(t, file))...)
}

// udp are the steps under dnsperf and saturated.
func (r *Rig) udp(t *Trial, set *queries.Set, file string) []step {
	return []step{
		func(_ int, p *peer.Running) error {
			return t.measure(p, CPUDnsperf, RateDnsperf, func() (load.Result, error) {
				return load.Dnsperf(p.Addr, file, "udp", dnsperfClients, dnsperfOpen, r.Length)
			})
		},
		func(round int, p *peer.Running) error {
			return t.measure(p, CPUSaturated, Saturation, func() (load.Result, error) {
				return load.Saturate(p.Addr, set, window, r.Length, uint64(round))
			})
		},
	}
}

// fromManyPorts is the step under dnsperf with as many ports as queries open.
func (r *Rig) fromManyPorts(t *Trial, file string) step {
	return func(_ int, p *peer.Running) error {
		return t.measure(p, CPUScattered, "answers, dnsperf from 200 ports", func() (load.Result, error) {
			return load.Dnsperf(p.Addr, file, "udp", scattered, scattered, r.Length)
		})
	}
}

// measure runs a load and adds what an answer cost, how many there were, how busy the server was, and losses.
func (t *Trial) measure(p *peer.Running, cpu, rate string, run func() (load.Result, error)) error {
	var res load.Result
	cost, err := p.Cost(func() (err error) {
		res, err = run()
		return err
	})
	if err != nil {
		return err
	}
	if res.Answered == 0 || res.Wrong > res.Answered/100 {
		return fmt.Errorf("%s: %d answers, %d of them errors", cpu, res.Answered, res.Wrong)
	}
	name := p.Peer.Name
	t.add(name, cpu, "µs", float64(cost.Nanoseconds())/1e3/float64(res.Answered))
	t.add(name, rate, "1/s", res.Rate())
	t.add(name, "server busy: "+rate, "%", 100*cost.Seconds()/res.Elapsed.Seconds())
	t.add(name, "lost: "+rate, "queries", float64(res.Lost()))
	return nil
}

// agreement notes how often the peers point a client at the same server as Meridian does.
func (t *Trial) agreement(set *queries.Set, running []*peer.Running) error {
	const asked = 1000
	ours := make([]string, asked)
	for i, p := range running {
		same := 0
		for q := range asked {
			b, err := peer.Ask(p.Addr, set.At(q), time.Second)
			if err != nil {
				return fmt.Errorf("%s: %w", p.Peer.Name, err)
			}
			address := addressIn(b, len(set.At(q)))
			if i == 0 {
				ours[q] = address
			}
			if address == ours[q] {
				same++
			}
		}
		if i > 0 {
			t.note("%s answers %.1f %% of %d random clients with the same server as Meridian", p.Peer.Name, 100*float64(same)/asked, asked)
		}
	}
	return nil
}

// addressIn gives the address of the first record of an answer to one of our queries of n octets: their OPT, 22 octets
// with a /24 subnet, does not stand between question and answer. The owner is taken to be a pointer.
func addressIn(answer []byte, n int) string {
	const opt, head, a = 11 + 11, 12, 4
	at := n - opt + head
	if len(answer) < at+a || answer[7] == 0 {
		return ""
	}
	return fmt.Sprint(answer[at : at+a])
}

// saturation gives the median saturation of a peer with geo answers, measured now if the trial has not run.
func (r *Rig) saturation(set *queries.Set, p *peer.Running) (float64, error) {
	if t := r.find("geo"); t != nil {
		if m := t.Metric(Saturation); m != nil && len(m.Values[p.Peer.Name]) > 0 {
			return stats.Median(m.Values[p.Peer.Name]), nil
		}
	}
	var rates []float64
	for i := range 3 {
		res, err := load.Saturate(p.Addr, set, window, r.Length, uint64(i))
		if err != nil {
			return 0, err
		}
		rates = append(rates, res.Rate())
	}
	return stats.Median(rates), nil
}
