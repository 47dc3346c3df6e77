package metrics

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/zones"
)

// crowded has so many targets and servers, one pool of all, two zones, and names that are hard to write.
func crowded(n int) *Snapshot {
	s := snapshot(2)
	behind := make([]string, n)
	pool := admin.Pool{Name: "a \"pool\"\nof \\ all", Servers: n, Up: n}
	for i := range n {
		at := netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)})
		s.Health.Targets = append(s.Health.Targets, healthcheck.Target{Check: healthcheck.Check{Type: "tcp", Port: 80}, Addr: at})
		s.Health.States = append(s.Health.States, healthcheck.State{Status: healthcheck.Up, Latency: 1234567 * time.Nanosecond})
		behind[i] = fmt.Sprint("s", i)
		s.Servers = append(s.Servers, admin.Server{Name: behind[i], State: "up"})
		pool.Answers = append(pool.Answers, admin.Answers{Server: behind[i], Answers: 1 << 60})
	}
	s.Labels = Labels(s.Health.Targets, behind)
	s.Pools = []admin.Pool{pool, {Name: "b"}}
	s.Problems = []zones.Problem{{Zone: "z0000001.example", Text: "wrong"}}
	s.DNS.UDP.Asked.Counts[0], s.DNS.UDP.Asked.Sum = 3, 90
	s.Signing.KeyEvents = map[string]time.Time{"b.example": {}, "a.example": {}}
	return s
}

// TestPageIsWhole has the parser of Prometheus' own library read a scrape: every family once and in one piece, every
// value as it was, and the totals of histograms.
func TestPageIsWhole(t *testing.T) {
	const n = 1000 // more than a piece
	var text bytes.Buffer
	m := New(func() *Snapshot { return crowded(n) })
	m.Built(CauseStart, time.Now())
	m.write(&text)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if heads := strings.Count(text.String(), "# TYPE "); heads != len(families) || heads < 50 {
		t.Errorf("%d heads of %d families", heads, len(families))
	}
	for name, want := range map[string]int{
		"meridian_health_target_up": n, "meridian_health_target_latency_seconds": n, "meridian_server_drained": n,
		"meridian_pool_answers_total": n, "meridian_zone_serial": 2, "meridian_pool_servers": 6, "go_goroutines": 1,
	} {
		if got := len(families[name].GetMetric()); got != want {
			t.Errorf("%s: %d series, want %d", name, got, want)
		}
	}
	if v := families["meridian_health_target_latency_seconds"].Metric[n-1].Gauge.GetValue(); v != 0.001234567 {
		t.Errorf("a latency of %v", v)
	}
	answers := families["meridian_pool_answers_total"].Metric[0]
	if v := answers.Counter.GetValue(); v != 1<<60 {
		t.Errorf("%v answers", v)
	}
	for _, l := range answers.Label {
		if l.GetName() == "pool" && l.GetValue() != "a \"pool\"\nof \\ all" || len(answers.Label) != 2 {
			t.Errorf("labels %v", answers.Label)
		}
	}
	sizes := families["meridian_dns_request_size_bytes"].Metric
	if h := sizes[0].Histogram; len(sizes) != 2 || h.GetSampleCount() != 3 || h.GetSampleSum() != 90 || h.Bucket[len(h.Bucket)-1].GetCumulativeCount() != 3 {
		t.Errorf("%v", sizes)
	}
	if !strings.Contains(text.String(), `meridian_dns_request_size_bytes_bucket{proto="udp",le="+Inf"} 3`+"\n") {
		t.Error("a histogram without its last bucket")
	}
}

// TestSeriesLeaveNoGarbage holds that what a scrape allocates does not follow from the number of its series.
func TestSeriesLeaveNoGarbage(t *testing.T) {
	allocated := func(n int) float64 {
		s := crowded(n)
		return testing.AllocsPerRun(5, func() {
			p := &page{out: io.Discard, text: make([]byte, 0, 2*piece)}
			p.health(s)
			p.pools(s)
			p.flush()
		})
	}
	if few, many := allocated(10), allocated(2000); many > few+100 {
		t.Errorf("%v allocations for 10 targets, %v for 2000", few, many)
	}
}

// TestScrapesAreZipped holds that a scrape reads alike compressed, and that only so many are under way.
func TestScrapesAreZipped(t *testing.T) {
	let, asked := make(chan struct{}), make(chan struct{}, mostScrapes)
	s := crowded(100)
	h := New(func() *Snapshot { asked <- struct{}{}; <-let; return s }).Handler()
	type answer struct {
		*httptest.ResponseRecorder
		encoding string
	}
	answers := make(chan answer, mostScrapes)
	for _, encoding := range []string{"gzip", "identity"} {
		go func() {
			r := httptest.NewRequest("GET", "/metrics", nil)
			r.Header.Set("Accept-Encoding", encoding)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			answers <- answer{w, encoding}
		}()
	}
	for range mostScrapes {
		<-asked
	}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil)); w.Code != 503 {
		t.Errorf("one more: %d", w.Code)
	}
	close(let)
	for range mostScrapes {
		a := <-answers
		body := io.Reader(a.Body)
		if a.encoding == "gzip" {
			if got := a.Header().Get("Content-Encoding"); got != "gzip" {
				t.Fatalf("encoded as %q", got)
			}
			z, err := gzip.NewReader(a.Body)
			if err != nil {
				t.Fatal(err)
			}
			body = z
		}
		text, err := io.ReadAll(body)
		if err != nil || strings.Count(string(text), "\nmeridian_health_target_up{") != 100 {
			t.Errorf("%s: %v, %.300s", a.encoding, err, text)
		}
	}
}

// BenchmarkScrape is what ten thousand targets cost, but for finding out how they are and compressing it.
func BenchmarkScrape(b *testing.B) {
	s := crowded(10_000)
	m := New(func() *Snapshot { return s })
	b.ReportAllocs()
	for b.Loop() {
		m.write(io.Discard)
	}
}
