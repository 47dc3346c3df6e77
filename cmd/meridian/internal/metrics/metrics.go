// Package metrics tells how a nameserver stands in the form of Prometheus, named as CoreDNS names its metrics, under the
// prefix meridian_. Everything is read when somebody asks, from counts and states that are there anyway: queries do
// nothing for it. No label holds the name that a query asks for; labels hold what the configuration names (servers,
// pools, targets, zones) or words of a fixed list.
//
// Metrics is safe for concurrent use as far as its source is. A Snapshot is a plain value.
package metrics

import (
	"io"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/common/expfmt"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/resolver"
	"github.com/meridian-dns/meridian/server"
	"github.com/meridian-dns/meridian/zones"
)

// Causes are why a view is built.
const (
	CauseStart      = "start"
	CauseZones      = "zones"
	CauseHealth     = "health"
	CauseOrders     = "orders"
	CauseConfig     = "config"
	CauseGeo        = "geo"
	CauseSignatures = "signatures"
)

var causes = []string{CauseStart, CauseZones, CauseHealth, CauseOrders, CauseConfig, CauseGeo, CauseSignatures}

// Snapshot is how a nameserver stands at one moment.
type Snapshot struct {
	Now        time.Time
	Version    string
	Generation uint64
	View       *resolver.View
	DNS        server.Stats
	Health     *healthcheck.Snapshot
	Labels     []string // by target, see Labels
	Probes     healthcheck.Stats
	Servers    []admin.Server
	Pools      []admin.Pool
	Orders     []admin.Order
	Frozen     bool
	Alarms     []admin.Alarm
	Problems   []zones.Problem
	Reload     admin.Attempt
	Geo        []geo.Source
	Signing    Signing
	Waiting    int // messages of alerts
	Logs       admin.Logs
	API        *admin.Counts
}

// Signing is what became of signatures.
type Signing struct {
	KeyEvents    map[string]time.Time // by zone signed here: when its keys change next; zero: nothing is planned
	Made, Reused uint64
	Took         time.Duration // to make them, over all processors
	Names        int           // with signed geo answers
	Variants     int           // of these answers, over all names
	Since        time.Time     // when some name has been kept back since; zero: none is
	Late, Failed int64         // how often names were kept back for more than a second; how often signatures could not be made
}

// Metrics answers scrapes.
type Metrics struct {
	source   func() *Snapshot
	builds   *prometheus.HistogramVec
	registry *prometheus.Registry
}

// New makes metrics of a source, which is asked at every scrape.
func New(source func() *Snapshot) *Metrics {
	m := &Metrics{source: source, registry: prometheus.NewRegistry()}
	m.builds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    "meridian_view_build_duration_seconds",
		Help:    "Time from a cause to the view that answers by it.",
		Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
	}, []string{"cause"})
	for _, c := range causes {
		m.builds.WithLabelValues(c)
	}
	m.registry.MustRegister(m.builds, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Built notes that a view came into force, and when what led to it began.
func (m *Metrics) Built(cause string, since time.Time) {
	m.builds.WithLabelValues(cause).Observe(time.Since(since).Seconds())
}

// mostScrapes is how many are answered at a time.
const mostScrapes = 2

// Handler serves scrapes, two at a time, in the text form whatever is asked for.
func (m *Metrics) Handler() http.Handler {
	room := make(chan struct{}, mostScrapes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case room <- struct{}{}:
			defer func() { <-room }()
		default:
			http.Error(w, "enough scrapes are under way, try again", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		out := admin.Zipped(w, r)
		m.write(out)
		_ = out.Close()
	})
}

// write writes a scrape. A reader who leaves needs no answer.
func (m *Metrics) write(out io.Writer) {
	s, p := m.source(), &page{out: out, text: make([]byte, 0, piece+piece/4)}
	p.traffic(&s.DNS)
	p.health(s)
	p.pools(s)
	p.zones(s)
	p.signing(s)
	p.logs(&s.Logs)
	p.self(s)
	families, _ := m.registry.Gather() // what there is, as far as it could be read
	for _, f := range families {
		if _, err := expfmt.MetricFamilyToText(p, f); err != nil {
			return
		}
	}
	p.flush()
}

func oneIf(so bool) float64 {
	if so {
		return 1
	}
	return 0
}

// unix is a moment in seconds, 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
