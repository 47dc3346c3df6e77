package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/admin"
)

// metered is a nameserver with something of everything that metrics tell of: a signed zone, one with an error, a check.
func metered(t *testing.T) *home { return meteredWith(t, "") }

// meteredWith has more sections in its configuration.
func meteredWith(t *testing.T, more string) *home {
	h := newHome(t)
	h.write("meridian.toml", h.config("check = \"web\"\n")+`[checks.web]
type = "tcp"
port = 1
interval = "10s"
timeout = "100ms"
[zone."example.com"]
dnssec = true
`+more)
	h.replace("meridian.toml", "198.51.100.10", "127.0.0.2")
	h.replace("meridian.toml", "203.0.113.10", "127.0.0.3")
	h.write("zones/broken.example.zone", "@ IN A 192.0.2.1\n")
	h.must("init", "example.com")
	h.serve()
	if !eventually(func() bool { return h.scrape()[`meridian_alarms{alarm="zones"}`] == "1" }) {
		t.Fatal("the zone with an error is no alarm")
	}
	return h
}

// scraped is the text of the metrics.
func (h *home) scraped() string {
	h.t.Helper()
	c := http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", h.path("state/control.sock"))
		}}}
	resp, err := c.Get("http://meridian/metrics")
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		h.t.Fatalf("status %d, %s, %v:\n%s", resp.StatusCode, resp.Header.Get("Content-Type"), err, text)
	}
	return string(text)
}

// scrape is the metrics by their names and labels.
func (h *home) scrape() map[string]string {
	h.t.Helper()
	series := map[string]string{}
	for line := range strings.Lines(h.scraped()) {
		if at := strings.LastIndexByte(line, ' '); !strings.HasPrefix(line, "#") {
			series[line[:at]] = strings.TrimSpace(line[at:])
		}
	}
	return series
}

var (
	typeLine   = regexp.MustCompile(`(?m)^# TYPE (\w+) (\w+)$`)
	metricName = regexp.MustCompile(`\b(?:meridian|process|go)_\w+`)
	labelName  = regexp.MustCompile(`(\w+)="`)
)

// TestMetricsPage holds docs/metrics.md against a scrape: every metric with its type and labels, and no others.
func TestMetricsPage(t *testing.T) {
	text, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(meridian_\\w+)` \\| (\\w+) \\| (.*?) \\| .{10,} \\|$").FindAllStringSubmatch(string(text), -1) {
		labels := strings.Split(strings.ReplaceAll(strings.TrimSpace(row[3]), "`", ""), ", ")
		slices.Sort(labels)
		told[row[1]] = row[2] + " " + strings.Join(labels, " ")
	}
	h := metered(t)
	there := map[string]string{}
	page := h.scraped()
	for _, m := range typeLine.FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "meridian_") {
			continue
		}
		labels := map[string]bool{}
		for _, line := range regexp.MustCompile(`(?m)^`+m[1]+`(?:_bucket|_sum|_count)?(\{.*\})? `).FindAllString(page, -1) {
			for _, l := range labelName.FindAllStringSubmatch(line, -1) {
				labels[l[1]] = l[1] != "le"
			}
		}
		delete(labels, "le")
		there[m[1]] = m[2] + " " + strings.Join(slices.Sorted(maps.Keys(labels)), " ")
	}
	if len(there) < 50 {
		t.Errorf("only %d metrics", len(there))
	}
	for name, want := range there {
		if told[name] != want {
			t.Errorf("%s: %q in the page, %q in a scrape", name, told[name], want)
		}
	}
	for name := range told {
		if there[name] == "" {
			t.Errorf("%s is in the page, but in no scrape", name)
		}
	}
}

// TestMetricsCount asks known questions and looks for them in the metrics.
func TestMetricsCount(t *testing.T) {
	h := metered(t)
	h.ask("udp", "www.example.com", dns.TypeA, "192.0.2.0/24")
	h.ask("udp", "none.example.com", dns.TypeAAAA, "")
	h.ask("tcp", "text.example.com", dns.TypeTXT, "")
	h.ask("udp", "example.com", 4711, "")
	h.ask("udp", "example.net", dns.TypeMX, "")
	want := map[string]string{
		`meridian_dns_requests_total{family="1",proto="udp",type="A"}`:     "1",
		`meridian_dns_requests_total{family="1",proto="udp",type="AAAA"}`:  "1",
		`meridian_dns_requests_total{family="1",proto="udp",type="other"}`: "1",
		`meridian_dns_requests_total{family="1",proto="tcp",type="TXT"}`:   "1",
		`meridian_dns_requests_total{family="2",proto="tcp",type="TXT"}`:   "0",
		`meridian_dns_responses_total{proto="udp",rcode="NXDOMAIN"}`:       "1",
		`meridian_dns_responses_total{proto="udp",rcode="REFUSED"}`:        "1",
		`meridian_dns_responses_total{proto="udp",rcode="NOERROR"}`:        "2",
		`meridian_dns_subnet_requests_total{proto="udp"}`:                  "1",
		`meridian_dns_request_size_bytes_count{proto="udp"}`:               "4",
		`meridian_dns_response_size_bytes_count{proto="tcp"}`:              "1",
		`meridian_dns_request_duration_seconds_count{proto="udp"}`:         "4",
		`meridian_dns_request_duration_seconds_count{proto="tcp"}`:         "1",
		`meridian_server_up{server="fr",site="fr"}`:                        "0",
		`meridian_pool_servers{pool="web",state="down"}`:                   "2",
		`meridian_pool_answers_total{pool="web",server="ny"}`:              "1",
		`meridian_health_targets{state="down"}`:                            "2",
		`meridian_zones{state="serving"}`:                                  "1",
		`meridian_zones{state="failed"}`:                                   "1",
		`meridian_zone_load_errors{zone="example.com"}`:                    "0",
		`meridian_alarms{alarm="zones"}`:                                   "1",
		`meridian_dnssec_geo_names`:                                        "2",
		`meridian_view_build_duration_seconds_count{cause="start"}`:        "1",
	}
	var got map[string]string
	eventually(func() bool { // a worker counts after it has answered
		got = h.scrape()
		return !slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(series string) bool { return got[series] != want[series] })
	})
	for series, want := range want {
		if got[series] != want {
			t.Errorf("%s is %q, want %q", series, got[series], want)
		}
	}
	for _, series := range []string{
		`meridian_dnssec_signature_expiry_timestamp_seconds{zone="example.com"}`, `meridian_zone_loaded_timestamp_seconds{zone="example.com"}`,
		`meridian_dnssec_signatures_total{source="made"}`, `meridian_health_probes_total{result="bad"}`, `go_goroutines`,
	} {
		if got[series] == "" || got[series] == "0" {
			t.Errorf("%s is %q", series, got[series])
		}
	}
}

// TestAnswersByServer holds that each answer counts for the server in it, over UDP and TCP, and that no count goes back
// or to another server when pools change.
func TestAnswersByServer(t *testing.T) {
	t.Parallel()
	h := newHome(t)
	h.serve()
	answered := func(pool, server string) string {
		return h.scrape()[fmt.Sprintf(`meridian_pool_answers_total{pool=%q,server=%q}`, pool, server)]
	}
	expect := func(what string, counts ...string) {
		t.Helper()
		for i, server := range []string{"ny", "fr", "new"} {
			if got := answered("web", server); got != counts[i] {
				t.Errorf("%s: %s is %q, want %q", what, server, got, counts[i])
			}
		}
	}
	reload := func() {
		t.Helper()
		if out, code := h.meridian("reload", "--config", "meridian.toml"); code != 0 {
			t.Fatalf("reload: exit code %d\n%s", code, out)
		}
	}
	expect("at the start", "0", "0", "")
	h.ask("udp", "www.example.com", dns.TypeA, "8.8.8.0/24")
	h.ask("udp", "www.example.com", dns.TypeA, "81.2.69.0/24")
	h.ask("tcp", "www.example.com", dns.TypeA, "81.2.69.0/24")
	h.ask("udp", "ny.example.com", dns.TypeA, "81.2.69.0/24")
	h.ask("udp", "www.example.com", dns.TypeMX, "81.2.69.0/24")
	h.ask("udp", "text.example.com", dns.TypeTXT, "")
	expect("asked", "2", "2", "")
	h.write("zones/example.com.zone", strings.Replace(goodZone, "web/ny", "web", 1))
	h.replace("meridian.toml", "[servers]\n", "[servers]\nnew = { at = \"Paris\", ip = [\"203.0.113.30\"] }\n")
	h.replace("meridian.toml", "ny = {", "nz = {")
	reload()
	h.ask("udp", "www.example.com", dns.TypeA, "81.2.69.0/24")
	expect("other servers", "", "3", "1")
	h.replace("meridian.toml", "nz = {", "ny = {")
	reload()
	h.ask("udp", "www.example.com", dns.TypeA, "8.8.8.0/24")
	expect("the first servers again", "3", "3", "1")
	out, _ := h.meridian("status", "--json", "--config", "meridian.toml")
	var st admin.Status
	if err := json.Unmarshal([]byte(out), &st); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	want := []admin.Answers{{Server: "new", Answers: 1, Share: 1. / 7}, {Server: "ny", Answers: 3, Share: 3. / 7}, {Server: "fr", Answers: 3, Share: 3. / 7}}
	if len(st.Pools) != 1 || !slices.Equal(st.Pools[0].Answers, want) {
		t.Errorf("%+v, want %+v", st.Pools, want)
	}
}

// TestMetricsAreBounded asks many random questions, with the query log on: no series may come of them. The trial "labels"
// of bench/ asks ten million.
func TestMetricsAreBounded(t *testing.T) {
	h := newHome(t)
	h.write("meridian.toml", h.config("")+"[query_log]\nfile = \"q.log\"\n")
	h.serve()
	h.ask("udp", "www.example.com", dns.TypeA, "")
	before := h.scrape()
	c, err := net.Dial("udp", h.listen.String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	random := rand.New(rand.NewPCG(1, 2))
	n := 50_000
	if testing.Short() {
		n = 5000
	}
	answered := make(chan struct{}, 64) // keeps the sockets from overflowing
	go func() {
		reply := make([]byte, 4096)
		for {
			if _, err := c.Read(reply); err != nil {
				return
			}
			select {
			case <-answered:
			default:
			}
		}
	}()
	for i := range n {
		select {
		case answered <- struct{}{}:
		case <-time.After(100 * time.Millisecond): // one was lost
		}
		if _, err := c.Write(randomQuery(t, random, i)); err != nil {
			t.Fatal(err)
		}
	}
	if !eventually(func() bool {
		got, _ := strconv.Atoi(h.scrape()[`meridian_dns_request_size_bytes_count{proto="udp"}`])
		return got > n*9/10
	}) {
		t.Errorf("only %s of %d were answered", h.scrape()[`meridian_dns_request_size_bytes_count{proto="udp"}`], n)
	}
	after := h.scrape()
	for series := range after {
		if _, known := before[series]; !known && !strings.HasPrefix(series, "go_") {
			t.Errorf("%s came by queries", series)
		}
	}
	if n := len(after); n > 1000 {
		t.Errorf("%d series", n)
	}
}

// randomQuery asks for a random type at a random name, for a random client, and now and then in another class or by another
// opcode.
func randomQuery(t *testing.T, random *rand.Rand, i int) []byte {
	t.Helper()
	m := new(dns.Msg)
	name := []string{"www.example.com.", "n%d.example.com.", "n%d.example.net."}[i%3]
	if i%3 > 0 {
		name = fmt.Sprintf(name, random.Uint64())
	}
	m.SetQuestion(name, []uint16{dns.TypeA, uint16(random.Uint32())}[i%2])
	m.Question[0].Qclass = []uint16{1, 1, 1, 3, uint16(random.Uint32())}[i%5]
	m.Opcode = []int{0, 0, 0, random.IntN(16)}[i%4]
	m.SetEdns0(1232, i%7 == 0)
	m.IsEdns0().Option = append(m.IsEdns0().Option, &dns.EDNS0_SUBNET{
		Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), 0),
	})
	query, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return query
}

// TestDashboardAndRulesNameMetrics holds that what dashboard and rules ask for is in a scrape.
func TestDashboardAndRulesNameMetrics(t *testing.T) {
	rules, err := os.ReadFile("../../contrib/prometheus/meridian.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	h := metered(t)
	there := map[string]bool{}
	for series := range h.scrape() {
		name, _, _ := strings.Cut(series, "{")
		there[name] = true
	}
	for _, e := range append(expressions(t), string(rules)) {
		for _, name := range metricName.FindAllString(e, -1) {
			if !there[name] {
				t.Errorf("%s is in no scrape: %.200s", name, e)
			}
		}
	}
}

// TestPromtool has the tool of Prometheus judge a scrape, the rules, their tests, and the dashboard's queries.
func TestPromtool(t *testing.T) {
	promtool := tool(t, "promtool")
	h := metered(t)
	run := func(stdin string, args ...string) {
		t.Helper()
		cmd := exec.Command(promtool, args...)
		cmd.Stdin = strings.NewReader(stdin)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run(h.scraped(), "check", "metrics")
	contrib, err := filepath.Abs("../../contrib/prometheus")
	if err != nil {
		t.Fatal(err)
	}
	run("", "check", "rules", filepath.Join(contrib, "meridian.rules.yml"))
	run("", "test", "rules", filepath.Join(contrib, "meridian.test.yml"))
	rules := "groups:\n- name: dashboard\n  rules:\n"
	for i, e := range expressions(t) {
		quoted, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		rules += fmt.Sprintf("  - record: dashboard:query%d\n    expr: %s\n", i, quoted)
	}
	h.write("dashboard.yml", rules)
	run("", "check", "rules", h.path("dashboard.yml"))
	for _, b := range fencedIn(t, "docs/metrics.md") {
		switch {
		case b.lang == "yaml":
			h.write("prometheus.yml", b.text)
			run("", "check", "config", "--syntax-only", h.path("prometheus.yml"))
		case b.lang != "bash" || !strings.HasPrefix(b.text, "curl --unix-socket "):
			t.Errorf("no test knows this block:\n%s", b.text)
		}
	}
}
