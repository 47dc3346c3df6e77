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

// TestKilledAtRandom kills the nameserver a hundred times while orders come and go. Every order that was confirmed is in
// force at the first answer after the restart, those that were ended are not, the audit log holds all of them, and the
// history goes on.
func TestKilledAtRandom(t *testing.T) {
	h := newHome(t)
	const ny, fr = "198.51.100.10", "203.0.113.10"
	confirmed := 0
	rnd := rand.New(rand.NewPCG(5, 6))
	drained := false
	for i := range 100 {
		p := h.serve()
		want := ny
		if drained {
			want = fr
		}
		if got := h.ask("udp", "www.example.com", 1, nyClient); got != want {
			t.Fatalf("start %d: the first answer is %s, want %s", i, got, want)
		}
		var st admin.Status
		c := &admin.Client{Socket: h.path("state/control.sock")}
		if err := c.Do(t.Context(), "GET", "/v1/status", nil, &st); err != nil || len(st.Alarms) > 0 || (len(st.Orders) > 0) != drained {
			t.Fatalf("start %d: %v, alarms %v, orders %v", i, err, st.Alarms, st.Orders)
		}
		killed := make(chan struct{})
		go func() {
			time.Sleep(time.Duration(rnd.IntN(15000)) * time.Microsecond)
			_ = p.cmd.Process.Kill()
			close(killed)
		}()
		for sure := true; sure; {
			path, body := "/v1/orders", any(admin.OrderRequest{Kind: "drain", Servers: []string{"ny"}, Reason: fmt.Sprint(confirmed)})
			if drained {
				path, body = "/v1/release", admin.ReleaseRequest{Servers: []string{"ny"}, Reason: fmt.Sprint(confirmed)}
			}
			if err := c.Do(t.Context(), "POST", path, body, nil); err != nil {
				sure = false
				continue
			}
			drained = !drained
			confirmed++
		}
		<-killed
		<-p.ended
		drained = h.settled(drained)
	}
	entries := 0
	for line := range strings.Lines(h.mustRead("state/audit.log")) {
		if !json.Valid([]byte(line)) {
			t.Errorf("audit log: %s", line)
		}
		entries++
	}
	if entries < confirmed || entries > confirmed+200 || confirmed < 50 {
		t.Errorf("%d entries in the audit log for %d orders confirmed", entries, confirmed)
	}
}

// settled says whether ny is drained by what was kept: an order that was under way when the process was killed may or may
// not count, but must not be lost once the next start has shown it.
func (h *home) settled(was bool) bool {
	text := h.mustRead("state/state.journal")
	last := was
	for line := range strings.Lines(text) {
		if strings.HasSuffix(line, "\n") && strings.Contains(line, `"k":"order/`) {
			last = strings.Contains(line, `"v":`)
		}
	}
	return last
}

// TestStatesLast holds that a server that was down before a restart, or kill -9, is not in the first answer after it, while
// the server's check cannot have failed often enough anew; and that one drained stays so while it dies and comes back.
func TestStatesLast(t *testing.T) {
	h := newHome(t)
	one, port := backend(t, "127.0.71.1", 0)
	two, _ := backend(t, "127.0.71.2", port)
	h.write("meridian.toml", strings.NewReplacer("198.51.100.10", "127.0.71.1", "203.0.113.10", "127.0.71.2").Replace(h.config(fmt.Sprintf(
		"check = \"web\"\n[checks.web]\ntype = \"http\"\nport = %d\ninterval = \"200ms\"\ntimeout = \"150ms\"\nrise = 100\nfall = 2\n", port))))
	p := h.serve()
	h.becomes("www.example.com", 1, nyClient, "127.0.71.1")
	one.Close()
	h.becomes("www.example.com", 1, nyClient, "127.0.71.2")
	h.run(0, "drain", "fr") // it is up, and ny is down: drained is out even so
	if got := h.ask("udp", "www.example.com", 1, nyClient); got != "127.0.71.1" {
		t.Errorf("drained: %s", got)
	}
	two.Close() // and dies while it is drained
	time.Sleep(time.Second)
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
	var st admin.Status
	if err := json.Unmarshal([]byte(h.run(0, "status", "--json")), &st); err != nil || st.Targets[1].State != "down" {
		t.Errorf("fr needs a hundred good results to be up again: %+v (%v)", st.Targets, err)
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
		"check = \"web\"\n[checks.web]\ntype = \"http\"\nport = %d\ninterval = \"200ms\"\ntimeout = \"150ms\"\nrise = 1\nfall = 1\n"+
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
