package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fixture is alerts whose messages are read from the queue, and whose clock is turned by hand.
type fixture struct {
	t    *testing.T
	a    *Alerts
	now  time.Time
	kept map[string][]byte
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, now: time.Unix(1_800_000_000, 0), kept: map[string][]byte{}}
	f.restart()
	return f
}

// restart makes the alerts anew out of what was kept.
func (f *fixture) restart() {
	f.a = New(Options{
		Name: "ns1", After: 30 * time.Second, Clear: 2 * time.Minute, Repeat: time.Hour,
		Receivers: []Receiver{{Name: "ops"}}, Now: func() time.Time { return f.now },
		Keep: func(values map[string]any) error {
			for key, v := range values {
				delete(f.kept, key)
				if v != nil {
					f.kept[key], _ = json.Marshal(v)
				}
			}
			return nil
		},
	})
	for _, key := range slices.Sorted(maps.Keys(f.kept)) {
		if err := f.a.Load(key, f.kept[key]); err != nil {
			f.t.Fatal(err)
		}
	}
}

// pass observes the same for some seconds, each second.
func (f *fixture) pass(d time.Duration, keys ...string) {
	for range int(d / time.Second) {
		f.now = f.now.Add(time.Second)
		var wrong []Condition
		for _, k := range keys {
			key, under, _ := strings.Cut(k, "<")
			wrong = append(wrong, Condition{Key: key, Title: key + " is down", Under: strings.Fields(under)})
		}
		if err := f.a.Observe(wrong); err != nil {
			f.t.Fatal(err)
		}
	}
}

// told takes all messages out of the queue.
func (f *fixture) told() string {
	var list []string
	for q := f.a.queues[0]; ; {
		w, ok := q.head()
		if !ok {
			return strings.Join(list, ", ")
		}
		list = append(list, w.Event+" "+w.Key)
		q.done(w)
		delete(f.kept, w.key)
	}
}

func (f *fixture) want(want string) {
	f.t.Helper()
	if got := f.told(); got != want {
		f.t.Errorf("told %q, want %q", got, want)
	}
}

func TestOneMessageAnIncident(t *testing.T) {
	f := newFixture(t)
	f.pass(29*time.Second, "server/fr")
	f.pass(time.Minute)
	f.pass(29*time.Second, "server/fr")
	f.pass(5 * time.Minute)
	f.want("") // blips
	f.pass(31*time.Second, "server/fr")
	f.want("firing server/fr")
	f.pass(30*time.Minute, "server/fr")
	f.want("")
	f.pass(30*time.Minute, "server/fr")
	f.want("repeated server/fr")
	f.pass(119 * time.Second)
	f.want("")
	f.pass(5 * time.Second)
	f.want("resolved server/fr")
	f.pass(time.Hour)
	f.want("")
	if len(f.kept) != 0 {
		t.Errorf("kept for nothing: %v", f.kept)
	}
}

// TestFlapping holds that a hundred flaps, fast or slow, are one incident.
func TestFlapping(t *testing.T) {
	for _, period := range []time.Duration{time.Second, 10 * time.Second, 29 * time.Second, 40 * time.Second} {
		f := newFixture(t)
		f.a.o.Repeat = 0
		for i := range 100 {
			f.pass(period, "server/fr")
			f.pass(period)
			if i%10 == 3 {
				f.restart() // over which nothing is told twice
				f.a.o.Repeat = 0
			}
		}
		f.pass(10 * time.Minute)
		f.want("firing server/fr, resolved server/fr")
	}
}

func TestTheGreaterThingIsTold(t *testing.T) {
	f := newFixture(t)
	f.pass(10*time.Second, "server/a<site/eu")
	f.pass(time.Minute, "server/a<site/eu", "server/b<site/eu", "site/eu")
	f.want("firing site/eu")
	f.pass(time.Minute, "server/a<site/eu") // b is back
	f.want("firing server/a")
	f.pass(5 * time.Minute)
	f.want("resolved site/eu, resolved server/a")
	f.pass(time.Minute, "server/a<site/eu")
	f.pass(time.Minute, "server/a<site/eu", "server/b<site/eu", "site/eu")
	f.want("firing server/a, firing site/eu")
}

// TestOverRestarts holds that incidents and messages that wait are there again.
func TestOverRestarts(t *testing.T) {
	f := newFixture(t)
	f.pass(20*time.Second, "server/fr")
	f.restart()
	f.pass(11*time.Second, "server/fr")
	f.restart()
	f.pass(time.Minute, "server/fr")
	f.want("firing server/fr")
	f.restart()
	f.now = f.now.Add(10 * time.Minute)
	f.pass(time.Minute, "server/fr")
	f.want("")
	f.pass(3 * time.Minute)
	f.restart()
	f.want("resolved server/fr")
	f.restart()
	f.pass(time.Minute)
	f.want("")
}

// receiver is a web server that can be down, and remembers what it got.
type receiver struct {
	mu   sync.Mutex
	down bool
	got  []*http.Request
	text []string
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	r.got, r.text = append(r.got, req), append(r.text, string(body))
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.got)
}

// TestNoneIsLost holds, on a fake clock, that a receiver that is down for a minute gets all, once and in order.
func TestNoneIsLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{down: true}
		a := New(Options{Name: "ns1", Receivers: []Receiver{{Name: "ops", URL: "http://receiver/"}}})
		a.client.Transport = handled{r}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { a.Run(ctx); close(done) }()
		for i := range 60 {
			_ = a.Observe([]Condition{{Key: fmt.Sprint("server/", i), Title: fmt.Sprint("server ", i)}})
			time.Sleep(time.Second)
		}
		r.mu.Lock()
		r.down = false
		r.mu.Unlock()
		time.Sleep(3 * time.Minute)
		cancel()
		<-done
		var firing []string
		for _, text := range r.text {
			var m Message
			if err := json.Unmarshal([]byte(text), &m); err != nil {
				t.Fatal(err)
			}
			if m.Event == "firing" {
				firing = append(firing, m.Key)
			}
		}
		for i := range 60 {
			if i >= len(firing) || firing[i] != fmt.Sprint("server/", i) {
				t.Fatalf("got %v", firing)
			}
		}
		if len(firing) != 60 || a.Waiting() != 0 {
			t.Errorf("%d messages, %d wait", len(firing), a.Waiting())
		}
	})
}

// handled answers requests without a network.
type handled struct{ http.Handler }

func (h handled) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result(), nil
}

// TestFormats posts to a real web server in every way.
func TestFormats(t *testing.T) {
	r := &receiver{}
	s := httptest.NewServer(r)
	defer s.Close()
	token := t.TempDir() + "/token"
	writeFile(t, token, "secret-token\n")
	for _, kind := range []string{"webhook", "slack", "ntfy"} {
		a := New(Options{Name: "ns1", Receivers: []Receiver{{Name: kind, Type: kind, URL: s.URL + "/x", TokenFile: token}}})
		for _, res := range a.Test(t.Context()) {
			if res.Err != nil {
				t.Errorf("%s: %v", kind, res.Err)
			}
		}
	}
	for i, want := range []string{`"event":"test"`, `{"text":"*test: a test of alerts*\nnothing is wrong`, "nothing is wrong\nnameserver ns1"} {
		if !strings.Contains(r.text[i], want) {
			t.Errorf("%s does not hold %s", r.text[i], want)
		}
		if got := r.got[i].Header.Get("Authorization"); got != "Bearer secret-token" {
			t.Errorf("token: %q", got)
		}
	}
	if title := r.got[2].Header.Get("Title"); title != "test: a test of alerts" {
		t.Errorf("ntfy title %q", title)
	}
	r.down = true
	a := New(Options{Receivers: []Receiver{{Name: "x", URL: s.URL + "/secret/path"}, {Name: "y", URL: "http://127.0.0.1:1/secret/path"}}})
	for _, res := range a.Test(t.Context()) {
		if res.Err == nil || strings.Contains(res.Err.Error(), "secret") {
			t.Errorf("%s: %v", res.Receiver, res.Err)
		}
	}
}

// TestPing holds that a watcher is pinged while somebody observes, and no longer.
func TestPing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &receiver{}
		a := New(Options{PingURL: "http://watcher/ping", PingEvery: 10 * time.Second})
		a.client.Transport = handled{r}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { a.Run(ctx); close(done) }()
		for range 60 {
			_ = a.Observe(nil)
			time.Sleep(time.Second)
		}
		while := r.count()
		time.Sleep(10 * time.Minute)
		cancel()
		<-done
		if after := r.count() - while; while < 5 || while > 7 || after > 4 {
			t.Errorf("%d pings in a minute, %d when nobody observed", while, after)
		}
	})
}
