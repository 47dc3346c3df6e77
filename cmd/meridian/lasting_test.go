package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/admin"
)

// patterns all name the server ny, each in an order of its own.
var patterns = []string{"ny", "n*", "n?", "?y", "[n]y", "n[y]"}

// memory is what a client of the nameserver knows of the orders by the answers that it got, and by nothing else.
type memory struct {
	inForce   map[string]string // reasons, by pattern
	underWay  string            // the pattern of the request that got no answer; "": none
	becomes   string            // its reason then, if it counts; "": it is ended
	confirmed []string          // reasons of everything that was answered with yes
	first     chan<- struct{}   // gets a token when one was confirmed
}

// pester gives and ends orders until one gets no answer.
func (m *memory) pester(t *testing.T, c *admin.Client, rnd *rand.Rand) {
	for {
		p := patterns[rnd.IntN(len(patterns))]
		reason := fmt.Sprintf("#%d", rnd.Uint64())
		path, body := "/v1/orders", any(admin.OrderRequest{Kind: "drain", Servers: []string{p}, Reason: reason})
		m.underWay, m.becomes = p, reason
		if m.inForce[p] != "" && rnd.IntN(2) == 0 {
			var orders []admin.Order
			if c.Do(t.Context(), "GET", "/v1/orders", nil, &orders) != nil {
				m.underWay = "" // only a question
				return
			}
			for _, o := range orders { // by id: as a glob, a pattern would name other orders too
				if o.Server == p {
					path, body = "/v1/release", admin.ReleaseRequest{ID: o.ID, Reason: reason}
				}
			}
			m.becomes = ""
		}
		if c.Do(t.Context(), "POST", path, body, nil) != nil {
			return
		}
		m.inForce[p] = m.becomes
		m.confirmed = append(m.confirmed, reason)
		select {
		case m.first <- struct{}{}:
		default:
		}
	}
}

// settle holds the orders that are in force after a start against what is remembered. The one that was under way may
// count or not; from now on that is remembered.
func (m *memory) settle(t *testing.T, orders []admin.Order) {
	t.Helper()
	got := map[string]string{}
	for _, o := range orders {
		got[o.Server] = o.Reason // of two, the newer counts: the older was being replaced
	}
	for _, p := range patterns {
		if got[p] != m.inForce[p] && (p != m.underWay || got[p] != m.becomes) {
			t.Fatalf("%s: the order in force is %q, want %q", p, got[p], m.inForce[p])
		}
		m.inForce[p] = got[p]
	}
}

// TestKilledAtRandom kills the nameserver a hundred times, a dozen with -short, while orders come and go. What commands
// confirmed is in force at the first answer after the restart, what they ended is not, and the audit log holds all of it.
func TestKilledAtRandom(t *testing.T) {
	h := newHome(t)
	const ny, fr = "198.51.100.10", "203.0.113.10"
	rnd := rand.New(rand.NewPCG(5, 6))
	m := &memory{inForce: map[string]string{}}
	kills := 100
	if testing.Short() {
		kills = 12
	}
	for i := range kills {
		p := h.serve()
		first := h.ask("udp", "www.example.com", 1, nyClient)
		var st admin.Status
		c := &admin.Client{Socket: h.path("state/control.sock")}
		if err := c.Do(t.Context(), "GET", "/v1/status", nil, &st); err != nil || len(st.Alarms) > 0 {
			t.Fatalf("start %d: %v, alarms %v", i, err, st.Alarms)
		}
		m.settle(t, st.Orders)
		if want := map[bool]string{true: fr, false: ny}[len(st.Orders) > 0]; first != want {
			t.Fatalf("start %d: the first answer is %s, want %s", i, first, want)
		}
		confirmed := make(chan struct{}, 1)
		m.first = confirmed
		go func() {
			if i%3 > 0 { // however slow the machine is
				select {
				case <-confirmed:
				case <-time.After(patience):
				}
			}
			time.Sleep(time.Duration(rnd.IntN(15000)) * time.Microsecond)
			_ = p.cmd.Process.Kill()
		}()
		m.pester(t, c, rand.New(rand.NewPCG(7, uint64(i))))
		<-p.ended
	}
	audit := h.mustRead("state/audit.log")
	for line := range strings.Lines(audit) {
		if !json.Valid([]byte(line)) {
			t.Errorf("audit log: %s", line)
		}
	}
	for _, reason := range m.confirmed {
		if n := strings.Count(audit, `"`+reason+`"`); n != 1 {
			t.Errorf("order %s is in the audit log %d times", reason, n)
		}
	}
	t.Logf("%d orders and releases were confirmed", len(m.confirmed))
	if len(m.confirmed) < kills/2 {
		t.Errorf("only %d orders were confirmed", len(m.confirmed))
	}
}

// TestStatesLast holds that a server that was down before a restart, or kill -9, is not in the first answer after it, while
// the server's check cannot have failed often enough anew; and that one drained stays so while it dies and comes back.
func TestStatesLast(t *testing.T) {
	h := newHome(t)
	one, port := backend(t, "127.0.71.1", 0)
	two, _ := backend(t, "127.0.71.2", port)
	h.write("meridian.toml", strings.NewReplacer("198.51.100.10", "127.0.71.1", "203.0.113.10", "127.0.71.2").Replace(h.config(fmt.Sprintf(
		"check = \"web\"\n[checks.web]\ntype = \"http\"\nport = %d\ninterval = \"1s\"\ntimeout = \"10s\"\nrise = 100\nfall = 1\n", port))))
	p := h.serve()
	h.becomes("www.example.com", 1, nyClient, "127.0.71.1")
	one.Close()
	h.becomes("www.example.com", 1, nyClient, "127.0.71.2")
	h.run(0, "drain", "fr") // it is up, and ny is down: drained is out even so
	if got := h.ask("udp", "www.example.com", 1, nyClient); got != "127.0.71.1" {
		t.Errorf("drained: %s", got)
	}
	two.Close() // and dies while it is drained
	h.remembers("fr", "up > down")
	if got := h.ask("udp", "www.example.com", 1, nyClient); got != "127.0.71.1" {
		t.Errorf("drained and down: %s", got)
	}
	backend(t, "127.0.71.2", port)
	for range 3 {
		p.kill()
		p = h.serve()
		if got := h.ask("udp", "www.example.com", 1, nyClient); got != "127.0.71.1" {
			t.Errorf("drained, after a restart: %s", got)
		}
	}
	if out := h.run(0, "history", "ny"); strings.Count(out, "up > down") != 1 {
		t.Errorf("history:\n%s", out)
	}
	h.run(0, "undrain", "fr")
	h.run(1, "status")
	if st := h.state(); st.Targets[1].State != "down" {
		t.Errorf("fr needs a hundred good results, a second apart, to be up again: %+v", st.Targets)
	}
}

// state is what the running nameserver tells of itself.
func (h *home) state() (st admin.Status) {
	h.t.Helper()
	if err := json.Unmarshal([]byte(h.run(0, "status", "--json")), &st); err != nil {
		h.t.Fatal(err)
	}
	return st
}

// remembers waits until the history of a server tells of a change: what it tells is kept, where status is ahead of that.
func (h *home) remembers(server, change string) {
	h.t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(h.run(0, "history", server), change); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("history of %s has no %q:\n%s", server, change, h.run(0, "history", server))
		}
	}
}

// inbox is a receiver of alerts that can be away.
type inbox struct {
	mu   sync.Mutex
	away bool
	got  []string
}

func (b *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.away {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	var m struct{ Event, Key string }
	_ = json.Unmarshal(text, &m)
	b.got = append(b.got, m.Event+" "+m.Key)
}

func (b *inbox) list() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return strings.Join(b.got, ", ")
}

// TestAlertsOfTheProgram lets a server die while the receiver is away and the nameserver is killed meanwhile: one message, and
// one when it is over.
func TestAlertsOfTheProgram(t *testing.T) {
	b := &inbox{}
	s := httptest.NewServer(b)
	defer s.Close()
	h := newHome(t)
	one, port := backend(t, "127.0.72.1", 0)
	backend(t, "127.0.72.2", port)
	h.write("meridian.toml", strings.NewReplacer("198.51.100.10", "127.0.72.1", "203.0.113.10", "127.0.72.2").Replace(h.config(fmt.Sprintf(
		"check = \"web\"\n[checks.web]\ntype = \"http\"\nport = %d\ninterval = \"200ms\"\ntimeout = \"10s\"\nrise = 1\nfall = 1\n"+
			"[alerts]\nafter = \"1s\"\nclear = \"2s\"\n[alerts.to.ops]\nurl = %q\n", port, s.URL))))
	p := h.serve()
	if out := h.run(0, "alert", "test"); out != "ops: sent\n" || b.list() != "test test" {
		t.Errorf("%s%s", out, b.list())
	}
	b.mu.Lock()
	b.away = true
	b.mu.Unlock()
	if out := h.run(1, "alert", "test"); !strings.Contains(out, "ops: ") || !strings.Contains(out, "502") {
		t.Errorf("test to nobody: %s", out)
	}
	one.Close()
	if !eventually(func() bool { return strings.Contains(h.mustRead("state/state.journal"), "alert/queue/") }) {
		t.Fatal("no alert waits")
	}
	p.kill()
	h.serve()
	time.Sleep(2 * time.Second)
	b.mu.Lock()
	b.away = false
	b.mu.Unlock()
	if want := "test test, firing server/ny"; !eventually(func() bool { return b.list() == want }) {
		t.Fatalf("got %s, want %s", b.list(), want)
	}
	backend(t, "127.0.72.1", port)
	if want := "test test, firing server/ny, resolved server/ny"; !eventually(func() bool { return b.list() == want }) {
		t.Fatalf("got %s, want %s", b.list(), want)
	}
}
