package nameserver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/admin"
	"github.com/meridian-dns/meridian/cmd/meridian/internal/journal"
	"github.com/meridian-dns/meridian/healthcheck"
	"github.com/meridian-dns/meridian/steer"
)

const (
	targetPrefix  = "target/"
	historyPrefix = "history/"
	aliveKey      = "alive"
	maxHistory    = 2000
	aliveEvery    = 2 * time.Second
)

// saver remembers which states the journal holds.
type saver struct {
	wake  chan struct{} // tells of a change
	alive time.Time     // when that was last written

	mu    sync.Mutex // one save at a time; guards what follows
	plan  *Plan      // of the last save
	keys  []string   // of its targets, by index
	saved map[string]lasting
}

// lasting is what of a state must be told apart on the disk. It has no pointers, so that the garbage collector does not
// look through those of many targets.
type lasting struct {
	since, well    int64
	streak, needed int
	status         healthcheck.Status
	held           healthcheck.Hold
	fell, hasLoad  bool
	load           float64
}

func whatLasts(s *healthcheck.State) lasting {
	return lasting{
		since: s.Since.UnixNano(), well: s.WellSince.UnixNano(), streak: s.Streak, needed: s.Needed,
		status: s.Status, held: s.Held, fell: s.Fell, hasLoad: s.HasLoad, load: s.Load,
	}
}

// restoreHealth gives the targets the states that they had when this nameserver last ended.
func (n *Nameserver) restoreHealth() {
	list, err := n.ops.saver.restore(n.ops.journal)
	if err != nil {
		n.log.Error("a state that was kept cannot be read, or not be kept", zap.Error(err))
	}
	var alive time.Time
	n.ops.journal.Each(aliveKey, func(_ string, value []byte) { _ = json.Unmarshal(value, &alive) }) // without: long ago
	n.monitor.Restore(list, alive)
	n.healthChanged()
}

// restore reads the states that a journal holds, and names those anew that former versions named otherwise.
func (s *saver) restore(j *journal.Journal) (list []healthcheck.Saved, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = map[string]lasting{}
	renamed := map[string]any{}
	j.Each(targetPrefix, func(key string, value []byte) {
		var one healthcheck.Saved
		if bad := json.Unmarshal(value, &one); bad != nil {
			err = errors.Join(err, bad)
			return
		}
		list = append(list, one)
		own := keyOf(&one.Target)
		s.saved[own] = whatLasts(&one.State)
		if own != key {
			renamed[key], renamed[own] = nil, one
		}
	})
	return list, errors.Join(err, j.Put(renamed, false))
}

// save writes the states that changed since the last save, and what history they make.
func (n *Nameserver) save() {
	n.mu.Lock()
	h, plan := n.health(), n.plan
	n.mu.Unlock()
	s := &n.ops.saver
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.saved == nil {
		return
	}
	changes := map[string]any{}
	s.take(plan, changes)
	for i, key := range s.keys {
		t, now := &h.Targets[i], &h.States[i]
		old, known := s.saved[key]
		next := whatLasts(now)
		if known && old == next {
			continue
		}
		if old.status != now.Status {
			n.noteTransition(t, plan.owner(i).Name, old.status, now, changes)
		}
		s.saved[key] = next
		changes[key] = healthcheck.Saved{Target: *t, State: *now}
	}
	if err := n.ops.journal.Put(changes, false); err != nil {
		n.log.Error("states are not kept", zap.Error(err))
	}
}

// take makes keys those of a plan, and drops what is kept of targets that it does not have. mu is held.
func (s *saver) take(plan *Plan, changes map[string]any) {
	if s.plan == plan {
		return
	}
	s.plan, s.keys = plan, make([]string, len(plan.Targets))
	wanted := make(map[string]bool, len(s.keys))
	for i := range s.keys {
		s.keys[i] = keyOf(&plan.Targets[i])
		wanted[s.keys[i]] = true
	}
	for key := range s.saved {
		if !wanted[key] {
			changes[key] = nil
			delete(s.saved, key)
		}
	}
}

// keyOf names a target in the journal.
func keyOf(t *healthcheck.Target) string {
	text, _ := json.Marshal(t) // it has nothing that could not be
	sum := sha256.Sum256(text)
	return targetPrefix + hex.EncodeToString(sum[:12])
}

// noteTransition adds a change of status to the history.
func (n *Nameserver) noteTransition(t *healthcheck.Target, server string, from healthcheck.Status, s *healthcheck.State, changes map[string]any) {
	if from == healthcheck.Unknown && s.Status == healthcheck.Up {
		return // that is how every start begins
	}
	key, e := n.ops.history.add(admin.Event{
		At: s.Since, What: t.String(), Server: server, From: from.String(), To: s.Status.String(), Reason: s.LastError,
	})
	changes[key] = e
}

// noteOrder adds what became of an order to the history.
func (n *Nameserver) noteOrder(o *admin.Order, from, to string) {
	reason := o.Who
	if o.Reason != "" {
		reason += ": " + o.Reason
	}
	key, e := n.ops.history.add(admin.Event{
		At: time.Now(), What: "order " + o.ID + ", " + o.Target(), Server: strings.Join(o.Matches, " "), From: from, To: to, Reason: reason,
	})
	if err := n.ops.journal.Put(map[string]any{key: e}, false); err != nil {
		n.log.Error("history is not kept", zap.Error(err))
	}
}

// keepAlive writes now and then that this nameserver runs, so that the next start knows how long it did not.
func (n *Nameserver) keepAlive() {
	s := &n.ops.saver
	if now := time.Now(); now.Sub(s.alive) >= aliveEvery || now.Before(s.alive) {
		s.alive = now
		_ = n.ops.journal.Put(map[string]any{aliveKey: now.Round(0)}, true) // lookAround tells
	}
}

// owner tells whose a target is, by index into Targets. Of servers with a CNAME in common, the last.
func (p *Plan) owner(target int) *steer.Server {
	p.owned.Do(func() {
		p.owners = slices.Repeat([]*steer.Server{{}}, len(p.Targets))
		s := standing{plan: p}
		s.each(func(_ *steer.Pool, m *steer.Server, _ steer.Duty, _ bool) {
			eachSlot(m, func(slot healthcheck.Slot) {
				for _, target := range p.behind(slot) {
					p.owners[target] = m
				}
			})
		})
	})
	return p.owners[target]
}

// behind is the targets behind a slot: itself, or those of a group.
func (p *Plan) behind(slot healthcheck.Slot) []healthcheck.Slot {
	switch i := int(slot) - len(p.Targets); {
	case slot == healthcheck.NoCheck:
		return nil
	case i >= 0:
		return p.Groups[i].Slots
	}
	return []healthcheck.Slot{slot}
}

// history is the last changes. Safe for concurrent use.
type history struct {
	mu     sync.Mutex
	events []kept // in order; those of a storm are dropped by the thousand, as each drop moves the rest
	next   int    // the number of the next event
}

type kept struct {
	Number int `json:"n"`
	admin.Event
}

// add remembers an event and returns what is to be kept, and under which key.
func (h *history) add(e admin.Event) (string, any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	k := kept{h.next, e}
	h.next++
	if len(h.events) == 2*maxHistory {
		h.events = slices.Delete(h.events, 0, maxHistory)
	}
	h.events = append(h.events, k)
	return fmt.Sprintf("%s%04d", historyPrefix, k.Number%maxHistory), k
}

func (h *history) load(value []byte) error {
	var k kept
	if err := json.Unmarshal(value, &k); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	h.events = append(h.events, k)
	h.next = max(h.next, k.Number+1)
	return nil
}

// sort puts events that were loaded in order.
func (h *history) sort() {
	slices.SortFunc(h.events, func(a, b kept) int { return a.Number - b.Number })
}

// list returns the events whose text holds filter, the newest first.
func (h *history) list(filter string) []admin.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	list := []admin.Event{}
	for _, k := range slices.Backward(h.events[max(0, len(h.events)-maxHistory):]) {
		if strings.Contains(k.What, filter) || slices.Contains(strings.Fields(k.Server), filter) {
			list = append(list, k.Event)
		}
	}
	return list
}
