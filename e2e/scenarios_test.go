package e2e

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/meridian-dns/meridian/e2e/scenario"
)

// TestScenarios plays the scenarios against the built program: their queries
// over sockets, their events as web servers that stop and start and files that
// are renamed into place. The resolver's tests play the same files directly.
func TestScenarios(t *testing.T) {
	files, err := filepath.Glob("../testdata/scenarios/*.scenario")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d scenarios: %v", len(files), err)
	}
	var played atomic.Int64
	t.Cleanup(func() { t.Logf("%d queries of %d scenarios", played.Load(), len(files)) })
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".scenario"), func(t *testing.T) {
			t.Parallel() // most of the time of each is waiting
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			played.Add(int64(newTheatre(t, string(text)).play(file)))
		})
	}
}

// theatre is a running nameserver and the web servers that it watches.
type theatre struct {
	t    *testing.T
	s    *scenario.Scenario
	dir  string
	addr string
	webs map[string]*web // by the server's name
}

var (
	serverLine = regexp.MustCompile(`(?m)^(\w+)\s*=\s*\{[^}]*\bip\s*=\s*\["([0-9.]+)"\]`)
	httpCheck  = regexp.MustCompile(`(?m)^type = "http"$`)
)

func newTheatre(t *testing.T, text string) *theatre {
	t.Helper()
	h := &theatre{t: t, dir: shortDir(t), webs: map[string]*web{}}
	text = h.local(text)
	var err error
	if h.s, err = scenario.Parse(text); err != nil {
		t.Fatal(err)
	}
	for _, step := range h.s.Steps {
		if step.Query == nil && step.Event[0] == "failing" {
			t.Skip("a streak is over too soon to be asked about over a socket")
		}
	}
	h.addr = fmt.Sprintf("127.0.0.1:%d", freePort(t))
	h.write()
	p := start(t, meridian, "serve", "--config", filepath.Join(h.dir, "meridian.toml"))
	waitFor(t, p.out, "serving")
	return h
}

// local puts servers that are watched on loopback addresses, with a web server
// on each: nothing of a test is ever sent elsewhere.
func (h *theatre) local(text string) string {
	if !httpCheck.MatchString(text) {
		return text
	}
	port := freePort(h.t)
	for i, m := range serverLine.FindAllStringSubmatch(text, -1) {
		ip := fmt.Sprintf("127.66.0.%d", i+1)
		text = strings.ReplaceAll(text, m[2], ip)
		h.webs[m[1]] = newWeb(h.t, fmt.Sprintf("%s:%d", ip, port))
	}
	check := fmt.Sprintf("type = \"http\"\nport = %d\ninterval = \"100ms\"\ntimeout = \"1s\"", port)
	return httpCheck.ReplaceAllString(text, check)
}

// write lays out the configuration and the zones.
func (h *theatre) write() {
	world, err := os.ReadFile("../testdata/scenarios/world.mmdb")
	if err != nil {
		h.t.Fatal(err)
	}
	write(h.t, filepath.Join(h.dir, "world.mmdb"), string(world))
	config := fmt.Sprintf("listen = [%q]\nstate = \"state\"\n%s", h.addr, h.s.Files["meridian.toml"])
	if !strings.Contains(config, "[geo]") {
		config += "\n[geo]\ncity = \"world.mmdb\"\n"
	}
	write(h.t, filepath.Join(h.dir, "meridian.toml"), config)
	if err := os.MkdirAll(filepath.Join(h.dir, "zones"), 0o755); err != nil {
		h.t.Fatal(err)
	}
	for name, text := range h.s.Files {
		if strings.HasPrefix(name, "zones/") {
			write(h.t, filepath.Join(h.dir, name), text)
		}
	}
}

// play goes through the steps and counts the queries.
func (h *theatre) play(file string) (queries int) {
	for _, step := range h.s.Steps {
		switch {
		case step.Query == nil:
			h.event(step.Event)
		case step.Query.From == "": // no other sender can be had here
			queries++
			h.ask(file, step)
		}
	}
	return queries
}

func (h *theatre) event(words []string) {
	switch words[0] {
	case "up":
		h.webs[words[1]].start()
	case "down":
		h.webs[words[1]].stop()
	case "install":
		renameIn(h.t, filepath.Join(h.dir, words[2]), h.s.Files[words[1]])
	}
}

// ask repeats a query until its reply is as it should be: an event needs a
// moment to be noticed.
func (h *theatre) ask(file string, step scenario.Step) {
	q := step.Query
	client := dns.Client{Net: "udp", Timeout: time.Second, UDPSize: 1232}
	if q.TCP {
		client.Net = "tcp"
	}
	var wrong []string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		q.Msg.Id = dns.Id()
		r, _, err := client.Exchange(q.Msg, h.addr)
		if err != nil {
			wrong = []string{err.Error()}
			continue
		}
		if wrong = q.Judge(r); len(wrong) == 0 {
			return
		}
	}
	h.t.Errorf("%s:%d: %s: %s", file, step.Line, q.Msg.Question[0].String(), strings.Join(wrong, "; "))
}

// web is a small web server that can be stopped and started.
type web struct {
	t      *testing.T
	addr   string
	server *http.Server
}

func newWeb(t *testing.T, addr string) *web {
	w := &web{t: t, addr: addr}
	w.start()
	t.Cleanup(w.stop)
	return w
}

func (w *web) start() {
	l, err := net.Listen("tcp", w.addr)
	if err != nil {
		w.t.Fatal(err)
	}
	w.server = &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	go w.server.Serve(l)
}

func (w *web) stop() { w.server.Close() }
