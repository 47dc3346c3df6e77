package nameserver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/meridian-dns/meridian/admin"
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
	saved map[healthcheck.Target]*saved
	round int // of saves
}

// saved is what the journal holds of a target.
type saved struct {
	key   string
	state healthcheck.State
	round int // of the last save that met the target
}

// restoreHealth gives the targets the states that they had when this nameserver last ended.
func (n *Nameserver) restoreHealth() {
	j, s := n.ops.journal, &n.ops.saver
	s.saved = map[healthcheck.Target]*saved{}
	var list []healthcheck.Saved
	j.Each(targetPrefix, func(key string, value []byte) {
		var one healthcheck.Saved
		if err := json.Unmarshal(value, &one); err != nil {
			n.log.Error("a state that was kept cannot be read", zap.Error(err))
			return
		}
		list = append(list, one)
		s.saved[one.Target] = &saved{key: key, state: one.State}
	})
	var alive time.Time
	j.Each(aliveKey, func(_ string, value []byte) { _ = json.Unmarshal(value, &alive) }) // without: long ago
	n.monitor.Restore(list, alive)
	n.healthChanged()
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
	s.round++
	changes := map[string]any{}
	owners := plan.owners()
	for i, t := range h.Targets {
		now, old := h.States[i], s.saved[t]
		if old == nil {
			old = &saved{key: keyOf(t)}
			s.saved[t] = old
		} else if old.round = s.round; same(old.state, now) {
			continue
		}
		if old.state.Status != now.Status {
			n.noteTransition(t, owners[i].Name, old.state.Status, now, changes)
		}
		old.state, old.round = now, s.round
		changes[old.key] = healthcheck.Saved{Target: t, State: now}
	}
	for t, old := range s.saved {
		if old.round != s.round {
			changes[old.key] = nil
			delete(s.saved, t)
		}
	}
	if err := n.ops.journal.Put(changes, false); err != nil {
		n.log.Error("states are not kept", zap.Error(err))
	}
}

// same says whether two states need not be told apart on the disk.
func same(a, b healthcheck.State) bool {
	return a.Since.Equal(b.Since) && a.WellSince.Equal(b.WellSince) && a.Status == b.Status && a.Streak == b.Streak &&
		a.Needed == b.Needed && a.Held == b.Held && a.Fell == b.Fell && a.Load == b.Load && a.HasLoad == b.HasLoad
}

// keyOf names a target in the journal.
func keyOf(t healthcheck.Target) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%#v", t))
	return targetPrefix + hex.EncodeToString(sum[:12])
}

// noteTransition adds a change of status to the history.
func (n *Nameserver) noteTransition(t healthcheck.Target, server string, from healthcheck.Status, s healthcheck.State, changes map[string]any) {
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

// owners tells whose each target is, by index into Targets. Of servers with a CNAME in common, the last.
func (p *Plan) owners() []steer.Server {
	owners := make([]steer.Server, len(p.Targets))
	s := standing{plan: p}
	s.each(func(_ *steer.Pool, m *steer.Server, _ steer.Duty, _ bool) {
		eachSlot(m, func(slot healthcheck.Slot) {
			for _, target := range p.behind(slot) {
				owners[target] = *m
			}
		})
	})
	return owners
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

// history is the last changes, a ring. Safe for concurrent use.
type history struct {
	mu     sync.Mutex
	events []kept
	next   int // the number of the next event
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
	if h.events = append(h.events, k); len(h.events) > maxHistory {
		h.events = slices.Delete(h.events, 0, len(h.events)-maxHistory)
	}
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
	for _, k := range slices.Backward(h.events) {
		if strings.Contains(k.What, filter) || slices.Contains(strings.Fields(k.Server), filter) {
			list = append(list, k.Event)
		}
	}
	return list
}
