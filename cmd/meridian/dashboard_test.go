package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// prometheus scrapes a nameserver's metrics until the test ends, by our alert rules, and gives where it answers.
func prometheus(t *testing.T, h *home, target string) string {
	t.Helper()
	program := tool(t, "prometheus")
	rules, err := filepath.Abs("../../contrib/prometheus/meridian.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	h.write("prometheus.yml", fmt.Sprintf(`global: {scrape_interval: 500ms, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs:
- job_name: meridian
  static_configs: [{targets: [%q]}]
`, rules, target))
	at := freeAddr(t).String()
	var out strings.Builder
	cmd := exec.Command(program, "--config.file="+h.path("prometheus.yml"), "--storage.tsdb.path="+t.TempDir(), "--web.listen-address="+at)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	return "http://" + at
}

// fetch reads JSON; what is not there yet is an error.
func fetch(from string, into any) error {
	resp, err := http.Get(from)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s %w", from, text, err)
	}
	return json.Unmarshal(text, into)
}

// expressions are the queries of the dashboard and of the alert rules.
func expressions(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../contrib/grafana/meridian.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, p := range board.Panels {
		for _, target := range p.Targets {
			e := strings.NewReplacer("$__rate_interval", "5m", "$instance", ".*").Replace(target.Expr)
			if strings.Contains(e, "$") {
				t.Errorf("%s: a variable that is not known: %s", p.Title, e)
			}
			all = append(all, e)
		}
	}
	if len(all) < 40 {
		t.Errorf("only %d queries in the dashboard", len(all))
	}
	return all
}

// TestDashboardLayout holds what Grafana does not complain about but draws wrongly: panels over each other, ids that are
// taken, queries of one panel under one letter, other data sources than the one chosen.
func TestDashboardLayout(t *testing.T) {
	text, err := os.ReadFile("../../contrib/grafana/meridian.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID         int
			Type       string
			Title      string
			Datasource struct{ UID string }
			GridPos    struct{ X, Y, W, H int }
			Targets    []struct{ RefID string }
		}
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	ids, cells := map[int]bool{}, map[[2]int]string{}
	for _, p := range board.Panels {
		g := p.GridPos
		if ids[p.ID] || g.X < 0 || g.W <= 0 || g.X+g.W > 24 {
			t.Errorf("%s: its id %d is taken, or it is not within 24 columns: %+v", p.Title, p.ID, g)
		}
		ids[p.ID] = true
		for i := range g.W * g.H {
			at := [2]int{g.X + i%g.W, g.Y + i/g.W}
			if other := cells[at]; other != "" {
				t.Fatalf("%s lies over %s", p.Title, other)
			}
			cells[at] = p.Title
		}
		letters := map[string]bool{}
		for _, target := range p.Targets {
			if letters[target.RefID] || target.RefID == "" {
				t.Errorf("%s: a second query %q", p.Title, target.RefID)
			}
			letters[target.RefID] = true
		}
		if p.Type != "row" && (p.Datasource.UID != "${datasource}" || len(p.Targets) == 0) {
			t.Errorf("%s: data source %q, %d queries", p.Title, p.Datasource.UID, len(p.Targets))
		}
	}
}

// rare are queries of the dashboard that have no data as long as nothing is wrong that this test cannot bring about.
var rare = []string{"panics", "unsent", "faults", "frozen", "file_errors", "geo_last_reload", "config_last_reload", "streak", "tcp_connections_total", "query_log_dropped"}

// TestDashboardHasData runs the dashboard's queries in a real Prometheus that scrapes a busy nameserver in trouble: each has
// data, and each alert rule can be evaluated.
func TestDashboardHasData(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for scrapes")
	}
	tool(t, "prometheus")
	t.Parallel()
	api := freeAddr(t)
	h := meteredWith(t, fmt.Sprintf("[api]\nlisten = [%q]\n[query_log]\nfile = \"q.log\"\n[dnstap]\nsocket = \"nobody\"\n", api))
	if out, code := h.meridian("drain", "ny", "--config", "meridian.toml"); code != 0 {
		t.Fatal(out)
	}
	from := prometheus(t, h, api.String())
	waiting := map[string]error{}
	for _, e := range expressions(t) {
		waiting[strings.ReplaceAll(e, "[5m]", "[1m]")] = nil
	}
	for end := time.Now().Add(2 * patience); len(waiting) > 0 && time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		h.load(api.String())
		for _, order := range []string{"drain", "undrain"} { // each makes a view
			if out, code := h.meridian(order, "fr", "--config", "meridian.toml"); code != 0 {
				t.Fatal(out)
			}
		}
		for e := range waiting {
			if waiting[e] = hasData(from, e); waiting[e] == nil {
				delete(waiting, e)
			}
		}
	}
	for e, err := range waiting {
		t.Errorf("%s: %v", e, err)
	}
	var told struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	if err := fetch(from+"/api/v1/rules", &told); err != nil || len(told.Data.Groups) != 1 || len(told.Data.Groups[0].Rules) < 15 {
		t.Fatalf("rules: %v, %+v", err, told)
	}
	for _, r := range told.Data.Groups[0].Rules {
		if r.Health != "ok" {
			t.Errorf("rule %s: %s %s", r.Name, r.Health, r.LastError)
		}
	}
}

// load asks something of every kind: types, transports, options, too large an answer, a message that is no query, and a
// request that is refused.
func (h *home) load(api string) {
	h.ask("udp", "www.example.com", dns.TypeA, "192.0.2.0/24")
	h.ask("tcp", "text.example.com", dns.TypeTXT, "")
	h.ask("udp", "none.example.com", dns.TypeAAAA, "")
	m := new(dns.Msg).SetQuestion("example.com.", dns.TypeDNSKEY).SetEdns0(512, true)
	_, _ = dns.Exchange(m, h.listen.String())
	if c, err := net.Dial("udp", h.listen.String()); err == nil {
		_, _ = c.Write([]byte("short"))
		c.Close()
	}
	if r, err := http.NewRequest(http.MethodGet, "http://"+api+"/v1/status", nil); err == nil {
		r.Host = "elsewhere.example"
		if resp, err := http.DefaultClient.Do(r); err == nil {
			resp.Body.Close()
		}
	}
}

// hasData asks Prometheus for an expression. Of those that show only what is rare, what they filter must be there.
func hasData(from, e string) error {
	for _, r := range rare {
		if strings.Contains(e, r) {
			e = strings.TrimSuffix(strings.TrimSuffix(e, " > 0"), " == 0")
		}
	}
	var got struct {
		Data struct {
			Result []struct {
				Value [2]any
			}
		}
	}
	if err := fetch(from+"/api/v1/query?query="+url.QueryEscape(e), &got); err != nil {
		return err
	}
	if len(got.Data.Result) == 0 {
		return os.ErrNotExist
	}
	for _, r := range got.Data.Result {
		if r.Value[1] != "NaN" {
			return nil
		}
	}
	return fmt.Errorf("only NaN")
}
