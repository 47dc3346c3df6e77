package trial

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/bench/internal/queries"
)

func TestParseBusy(t *testing.T) {
	text := "cpu  100 20 30 4000 50 6 7 8 900 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"
	if got, want := parseBusy(text), 1710*time.Millisecond; got != want {
		t.Errorf("%v, want %v: idle, iowait and guest do not count", got, want)
	}
}

func TestAdd(t *testing.T) {
	var trial Trial
	trial.add("a", "m", "µs", 1)
	trial.add("b", "m", "µs", 2)
	trial.add("a", "m", "µs", 3)
	m := trial.Metric("m")
	if len(trial.Metrics) != 1 || len(m.Peers) != 2 || len(m.Values["a"]) != 2 || m.Values["b"][0] != 2 {
		t.Errorf("%+v", m)
	}
	if trial.Metric("other") != nil {
		t.Error("a metric that was never added")
	}
}

func TestForgettingARound(t *testing.T) {
	var trial Trial
	trial.add("a", "m", "µs", 1)
	mark := trial.mark()
	trial.add("a", "m", "µs", 2)
	trial.add("b", "m", "µs", 3)
	trial.add("a", "new", "µs", 4)
	trial.reset(mark)
	m := trial.Metric("m")
	if len(m.Values["a"]) != 1 || len(m.Values["b"]) != 0 || len(trial.Metric("new").Values["a"]) != 0 {
		t.Errorf("%v, %v", m.Values, trial.Metric("new").Values)
	}
	rig := &Rig{}
	if err := rig.repeat(&trial, 2, nil, func(int) error { trial.add("a", "m", "µs", 5); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(m.Values["a"]) != 3 || len(trial.Others) != 2 || trial.Forgotten != 0 {
		t.Errorf("without patience every round stays: %v, %+v", m.Values, trial.Others)
	}
}

// reply answers a query of ours with addresses.
func reply(t *testing.T, query []byte, addresses ...string) []byte {
	t.Helper()
	var q dns.Msg
	if err := q.Unpack(query); err != nil {
		t.Fatal(err)
	}
	m := new(dns.Msg).SetReply(&q)
	m.Compress = true
	for _, a := range addresses {
		rr, err := dns.NewRR(q.Question[0].Name + " 60 IN A " + a)
		if err != nil {
			t.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	m.Extra = q.Extra
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAddressIn(t *testing.T) {
	q, err := queries.A("www.geo.bench", netip.MustParsePrefix("198.51.100.0/24"))
	if err != nil {
		t.Fatal(err)
	}
	if got := addressIn(reply(t, q, "192.0.2.7"), len(q)); got != "[192 0 2 7]" {
		t.Errorf("got %q", got)
	}
	if got := addressIn(reply(t, q), len(q)); got != "" {
		t.Errorf("an empty answer has address %q", got)
	}
}

func TestSamePair(t *testing.T) {
	q, err := queries.A("pair.geo.bench", netip.Prefix{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		addresses []string
		same      bool
	}{
		{[]string{"10.1.0.7", "10.2.0.7"}, true},
		{[]string{"10.2.0.7", "10.1.0.7"}, true},
		{[]string{"10.1.0.7", "10.2.0.8"}, false},
		{[]string{"10.1.0.7"}, false},
		{nil, false},
	} {
		if got := samePair(reply(t, q, c.addresses...)); got != c.same {
			t.Errorf("%v: %v", c.addresses, got)
		}
	}
}

const benchPrinted = `goos: linux
BenchmarkGeo-2         	   20000	     57881 ns/op	       646.7 cpu-ns/answer	      1809 ns/answer	       0 B/op	       1 allocs/op
BenchmarkStatic/hits-2 	   20000	     73832 ns/op	       883.3 cpu-ns/answer	      2307 ns/answer	       0 B/op	       0 allocs/op
PASS
`

func TestBenchmarks(t *testing.T) {
	var trial Trial
	if n := trial.benchmarks(benchPrinted); n != 2 {
		t.Fatalf("found %d benchmarks", n)
	}
	for metric, want := range map[string]float64{
		"geo, CPU per answer": 646.7, "geo, allocations per batch": 1, "static/hits, CPU per answer": 883.3,
	} {
		if m := trial.Metric(metric); m == nil || m.Values["meridian"][0] != want {
			t.Errorf("%s: %+v, want %v", metric, m, want)
		}
	}
}

func TestNamesOfExperimentsAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range All {
		if seen[e.Name] || e.Title == "" || e.run == nil {
			t.Errorf("experiment %+v", e.Name)
		}
		seen[e.Name] = true
	}
}
