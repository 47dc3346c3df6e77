// Package alert tells people of what lasts. Whoever watches calls [Alerts.Observe] about once a second with all that is
// wrong at that moment; the package makes incidents of it, one message when one begins and one when it is over, and sends
// them to every receiver until it has them.
//
// An incident begins when something has been wrong for Options.After without a break, or has come and gone five times. It
// is over when it has been well for Options.Clear. So a blip tells nobody, and something that flaps is one incident for as
// long as it does. What a greater thing that is wrong explains ([Condition.Under]) is not told for itself.
//
// Messages wait in a queue for each receiver and are tried again, at longer and longer intervals, for a day. Incidents and
// queues are handed to Options.Keep, so that neither is lost or repeated over a restart; a message that was sent in the
// moment before the end may come twice, with the same ID.
//
// Alerts is safe for concurrent use; the other types are plain values.
package alert

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Options of Alerts.
type Options struct {
	Name   string        // of the nameserver, in messages
	After  time.Duration // wrong for so long without a break
	Clear  time.Duration // well for so long
	Repeat time.Duration // while it lasts; 0: once

	Receivers []Receiver
	PingURL   string // fetched while Observe is called; "": none
	PingEvery time.Duration

	// Keep makes values last by their keys, all at once; a nil value takes its key out. nil: nothing lasts.
	Keep func(values map[string]any) error
	// Failing is told when a receiver begins to fail, and with nil when it works again.
	Failing func(receiver string, err error)
	Log     *zap.Logger
	Roots   *x509.CertPool // that verify receivers; nil: the system's
	Now     func() time.Time
}

// Prefix is that of all keys given to Keep.
const Prefix = "alert/"

const (
	incidentPrefix = Prefix + "incident/"
	queuePrefix    = Prefix + "queue/"
	flapping       = 5 // times that something comes and goes before it is an incident
)

// Condition is something that is wrong at this moment.
type Condition struct {
	Key    string   // always the same for the same thing: "server/fr"
	Title  string   // "server fr is down"
	Detail string   // why; may be empty
	Under  []string // keys of what would explain it
}

// Message is what receivers get.
type Message struct {
	ID         string    `json:"id"`    // of this message, the same when it is sent again
	Event      string    `json:"event"` // "firing", "repeated", "resolved", "test"
	Key        string    `json:"key"`   // of the incident
	Title      string    `json:"title"`
	Detail     string    `json:"detail"`
	Nameserver string    `json:"nameserver"`
	Time       time.Time `json:"time"`
	Since      time.Time `json:"since"` // when it began
	Changes    int       `json:"changes"`
}

// incident is something that is or was wrong.
type incident struct {
	Condition
	First time.Time // it was wrong
	Bad   time.Time // since when it is; zero: it is well
	Good  time.Time // since when it is well; zero: it is not
	Flaps int       // how often it went wrong
	Told  time.Time // last; zero: nobody knows
}

// Alerts watches and tells.
type Alerts struct {
	o      Options
	client *http.Client

	mu        sync.Mutex // guards what follows
	incidents map[string]*incident
	queues    []*queue // by Receivers
	number    int      // of the last message
	observed  time.Time
}

// New makes Alerts; Run sends.
func New(o Options) *Alerts {
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Keep == nil {
		o.Keep = func(map[string]any) error { return nil }
	}
	if o.Failing == nil {
		o.Failing = func(string, error) {}
	}
	a := &Alerts{o: o, client: newClient(o.Roots), incidents: map[string]*incident{}}
	for _, r := range o.Receivers {
		a.queues = append(a.queues, &queue{receiver: r, wake: make(chan struct{}, 1)})
	}
	return a
}

// Load takes back a value that was kept. Call it for all of them, in order of their keys, before Observe and Run.
func (a *Alerts) Load(key string, value []byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, ok := strings.CutPrefix(key, incidentPrefix); ok {
		var i incident
		if err := json.Unmarshal(value, &i); err != nil {
			return fmt.Errorf("alert: %s: %w", key, err)
		}
		a.incidents[i.Key] = &i
		return nil
	}
	name, number, _ := strings.Cut(strings.TrimPrefix(key, queuePrefix), "/")
	var m Message
	if err := json.Unmarshal(value, &m); err != nil {
		return fmt.Errorf("alert: %s: %w", key, err)
	}
	var n int
	if _, err := fmt.Sscanf(number, "%d", &n); err != nil {
		return fmt.Errorf("alert: %s: %w", key, err)
	}
	a.number = max(a.number, n)
	for _, q := range a.queues {
		if q.receiver.Name == name {
			q.add(waiting{key, m})
			return nil
		}
	}
	return a.o.Keep(map[string]any{key: nil}) // a receiver that is no longer configured
}

// Observe takes all that is wrong at this moment. Its error is that of Keep; messages go out in any case.
func (a *Alerts) Observe(wrong []Condition) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.o.Now()
	a.observed = now
	changes := map[string]any{}
	present := map[string]bool{}
	for _, c := range wrong {
		present[c.Key] = true
		a.begin(c, now, changes)
	}
	for _, key := range sortedKeys(a.incidents) {
		if i := a.incidents[key]; !present[key] && i.Good.IsZero() {
			i.Good, i.Bad = now, time.Time{}
			changes[incidentPrefix+key] = *i
		}
	}
	for _, key := range sortedKeys(a.incidents) {
		a.judge(a.incidents[key], now, changes)
	}
	if len(changes) == 0 {
		return nil
	}
	return a.o.Keep(changes)
}

func sortedKeys(m map[string]*incident) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// begin notes that something is wrong. mu is held.
func (a *Alerts) begin(c Condition, now time.Time, changes map[string]any) {
	i := a.incidents[c.Key]
	if i == nil {
		i = &incident{First: now, Good: now}
		a.incidents[c.Key] = i
	}
	i.Condition = c
	if i.Bad.IsZero() {
		i.Bad, i.Good = now, time.Time{}
		i.Flaps++
		changes[incidentPrefix+c.Key] = *i
	}
}

// judge tells what is due of an incident. mu is held.
//
//	told  wrong  for After, or flapping   explained   repeat due   well for Clear   then
//	no    any    yes                      no          -            -                tell
//	yes   yes    -                        -           yes          -                tell again
//	yes   no     -                        -           -            yes              tell that it is over, forget
//	no    no     -                        -           -            yes              forget
func (a *Alerts) judge(i *incident, now time.Time, changes map[string]any) {
	wrong := !i.Bad.IsZero()
	switch {
	case !wrong && now.Sub(i.Good) >= a.o.Clear:
		if !i.Told.IsZero() {
			a.tell(i, "resolved", now, changes)
		}
		delete(a.incidents, i.Key)
		changes[incidentPrefix+i.Key] = nil
	case i.Told.IsZero():
		if (wrong && now.Sub(i.Bad) >= a.o.After || i.Flaps >= flapping) && !a.explained(i) {
			i.Told = now
			a.tell(i, "firing", now, changes)
			changes[incidentPrefix+i.Key] = *i
		}
	case wrong && a.o.Repeat > 0 && now.Sub(i.Told) >= a.o.Repeat:
		i.Told = now
		a.tell(i, "repeated", now, changes)
		changes[incidentPrefix+i.Key] = *i
	}
}

// explained says whether something greater is wrong, too. mu is held.
func (a *Alerts) explained(i *incident) bool {
	return slices.ContainsFunc(i.Under, func(key string) bool {
		greater := a.incidents[key]
		return greater != nil && !greater.Bad.IsZero()
	})
}

// tell puts a message in every queue. mu is held.
func (a *Alerts) tell(i *incident, event string, now time.Time, changes map[string]any) {
	a.number++
	m := Message{
		ID: fmt.Sprintf("%s-%s-%d", i.First.UTC().Format("20060102T150405.000"), event, a.number), Event: event, Key: i.Key, Title: i.Title,
		Detail: i.Detail, Nameserver: a.o.Name, Time: now, Since: i.First, Changes: i.Flaps,
	}
	a.o.Log.Info("alert", zap.String("event", event), zap.String("title", i.Title), zap.String("detail", i.Detail))
	for _, q := range a.queues {
		w := waiting{fmt.Sprintf("%s%s/%010d", queuePrefix, q.receiver.Name, a.number), m}
		for _, dropped := range q.add(w) {
			a.o.Log.Error("an alert is dropped: too many wait", zap.String("receiver", q.receiver.Name), zap.String("title", dropped.Title))
			changes[dropped.key] = nil
		}
		changes[w.key] = m
	}
}

// Run sends messages and pings until ctx ends.
func (a *Alerts) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, q := range a.queues {
		all.Go(func() { a.drain(ctx, q) })
	}
	if a.o.PingURL != "" {
		all.Go(func() { a.ping(ctx) })
	}
	all.Wait()
}

// Result is what became of a test message.
type Result struct {
	Receiver string
	Err      error
}

// Test sends every receiver a message at once, and none of them twice.
func (a *Alerts) Test(ctx context.Context) []Result {
	now := a.o.Now()
	m := Message{
		ID: now.UTC().Format("20060102T150405.000") + "-test", Event: "test", Key: "test", Title: "a test of alerts",
		Detail: "nothing is wrong", Nameserver: a.o.Name, Time: now, Since: now,
	}
	results := make([]Result, len(a.o.Receivers))
	var all sync.WaitGroup
	for i := range a.o.Receivers {
		all.Go(func() { results[i] = Result{a.o.Receivers[i].Name, a.send(ctx, &a.o.Receivers[i], &m)} })
	}
	all.Wait()
	return results
}

// Waiting counts the messages that no receiver has yet.
func (a *Alerts) Waiting() int {
	n := 0
	for _, q := range a.queues {
		n += q.len()
	}
	return n
}

// Text is the message in one line for people.
func (m *Message) Text() string {
	text := map[string]string{"firing": "", "repeated": "still: ", "resolved": "over: ", "test": "test: "}[m.Event] + m.Title
	if m.Changes >= flapping {
		text += fmt.Sprintf(", flapping (%d times)", m.Changes)
	}
	return text
}

// Body is the rest of the message for people.
func (m *Message) Body() string {
	lines := []string{m.Detail, "nameserver " + cmp.Or(m.Nameserver, "?") + ", since " + m.Since.UTC().Format(time.RFC3339)}
	if m.Event == "resolved" {
		lines[0] = "it lasted " + m.Time.Sub(m.Since).Round(time.Second).String()
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}
