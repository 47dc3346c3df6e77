// Package orders keeps what operators want of servers whatever their checks say: drains and forced states, those planned
// too, each with who, when and why. It turns them into the duties of steer, ends them when their time is over, and hands
// every change to a journal and an audit log before it counts.
//
// Times. An order that begins at once and has a length ends when that length has passed on a clock that never jumps.
// Over a restart the wall clock counts, but never for longer than the length. One that begins at a time of day begins
// and ends by the wall clock, wherever that jumps.
//
// A Book is safe for concurrent use.
package orders

import (
	"cmp"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/meridian-dns/meridian/admin"
)

// Options of a Book.
type Options struct {
	Wall   func() time.Time     // the time of day
	Uptime func() time.Duration // since some moment, without jumps
	// Keep makes values last by their keys before it returns, all of them or none; nil takes a key out.
	Keep func(values map[string]any) error
	// Audit adds an entry to the log, on the disk before it returns.
	Audit func(Entry) error
}

// Entry is a line of the audit log.
type Entry struct {
	Time   time.Time  `json:"time"`
	Action string     `json:"action"` // "drain", "force up", "force down", "release", "expire", "reload", "start"
	ID     string     `json:"id,omitempty"`
	Server string     `json:"server,omitempty"`
	Pool   string     `json:"pool,omitempty"`
	From   *time.Time `json:"from,omitempty"`
	Until  *time.Time `json:"until,omitempty"`
	Reason string     `json:"reason,omitempty"`
	Who    string     `json:"who,omitempty"`
	By     string     `json:"by,omitempty"`
	Error  string     `json:"error,omitempty"` // why it came to nothing
}

// Prefix is that of a book's keys.
const Prefix = "order/"

// Book holds the orders.
type Book struct {
	o Options

	mu     sync.Mutex // guards what follows; held while an order is made to last
	orders []*entry   // the oldest first
	last   int        // the number of the newest id
}

// entry is an order in the book.
type entry struct {
	admin.Order
	number int
	timed  bool          // it ends by uptime
	ends   time.Duration // then: when
}

// New makes an empty book.
func New(o Options) *Book { return &Book{o: o} }

// Load takes over an order that was kept. It is not checked against servers: they may come back.
func (b *Book) Load(key string, value []byte) error {
	var o admin.Order
	number, err := strconv.Atoi(strings.TrimPrefix(key, Prefix))
	if err == nil {
		err = json.Unmarshal(value, &o)
	}
	if err != nil {
		return fmt.Errorf("order %s: %w", key, err)
	}
	e := &entry{Order: o, number: number}
	if now := b.o.Wall(); o.For > 0 && !o.From.After(o.Made) {
		left := min(o.Until.Sub(now), time.Duration(o.For))
		e.timed, e.ends = true, b.o.Uptime()+left
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.insert(e)
	return nil
}

// insert keeps the list in order of numbers. mu is held.
func (b *Book) insert(e *entry) {
	b.last = max(b.last, e.number)
	i, _ := slices.BinarySearchFunc(b.orders, e, func(a, b *entry) int { return cmp.Compare(a.number, b.number) })
	b.orders = slices.Insert(b.orders, i, e)
}

// over says whether an order has ended. mu is held.
func (b *Book) over(e *entry) bool {
	switch {
	case e.timed:
		return b.o.Uptime() >= e.ends
	case e.Until.IsZero():
		return false
	}
	return !b.o.Wall().Before(e.Until)
}

func (b *Book) planned(e *entry) bool {
	return e.From.After(e.Made) && b.o.Wall().Before(e.From)
}

// Expire ends the orders whose time is over and returns them.
func (b *Book) Expire() ([]admin.Order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ended []admin.Order
	for _, e := range slices.Clone(b.orders) {
		if !b.over(e) {
			continue
		}
		if err := b.remove(e, "expire", admin.ReleaseRequest{}, admin.Caller{}); err != nil {
			return ended, err
		}
		ended = append(ended, b.shown(e, nil))
	}
	return ended, nil
}

// remove ends an order. mu is held.
func (b *Book) remove(e *entry, action string, r admin.ReleaseRequest, by admin.Caller) error {
	err := b.auditEnd(e, action, r, by)
	if err == nil {
		err = b.o.Keep(map[string]any{Prefix + e.ID: nil})
	}
	if err == nil {
		b.forget(e)
	}
	return err
}

func (b *Book) auditEnd(e *entry, action string, r admin.ReleaseRequest, by admin.Caller) error {
	return b.o.Audit(Entry{
		Time: b.o.Wall(), Action: action, ID: e.ID, Server: e.Server, Pool: e.Pool, Reason: r.Reason, Who: r.Who, By: by.Name,
	})
}

func (b *Book) forget(e *entry) {
	b.orders = slices.DeleteFunc(b.orders, func(o *entry) bool { return o == e })
}

// List returns the orders that have not ended, the oldest first.
func (b *Book) List(world World) []admin.Order {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := []admin.Order{}
	for _, e := range b.orders {
		if !b.over(e) {
			list = append(list, b.shown(e, world))
		}
	}
	return list
}

// shown is an order as it stands now. mu is held.
func (b *Book) shown(e *entry, world World) admin.Order {
	o := e.Order
	o.Planned = b.planned(e)
	if e.timed {
		o.Until = b.o.Wall().Add(e.ends - b.o.Uptime()).Round(time.Second)
	}
	o.Matches = world.matches(o.Server, o.Pool)
	return o
}

// Add makes orders of a request. All of it is checked before any of it counts.
func (b *Book) Add(by admin.Caller, r admin.OrderRequest, world World) ([]admin.Order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	model, err := b.model(by, r)
	if err != nil {
		return nil, err
	}
	if err := world.Check(r.Servers, r.Pools); err != nil {
		return nil, err
	}
	var made []admin.Order
	for _, server := range r.Servers {
		for _, pool := range orAll(r.Pools) {
			e := model
			e.Server, e.Pool = server, pool
			if err := b.add(&e); err != nil {
				return made, err
			}
			made = append(made, b.shown(&e, world))
		}
	}
	return made, nil
}

func orAll(pools []string) []string {
	if len(pools) == 0 {
		return []string{""}
	}
	return pools
}

const (
	longest   = 10 * 365 * 24 * time.Hour
	maxReason = 500
	maxOrders = 100 // of a request: each is on the disk before the next is made
)

// model is an order of a request without what it concerns. mu is held.
func (b *Book) model(by admin.Caller, r admin.OrderRequest) (entry, error) {
	now := b.o.Wall().Round(0)
	e := entry{Order: admin.Order{Kind: r.Kind, Reason: r.Reason, Who: cmp.Or(r.Who, by.Name), By: by.Name, Made: now, From: now}}
	if r.Kind != admin.Drain && r.Kind != admin.Up && r.Kind != admin.Down {
		return e, admin.BadRequest("kind: %q is none of drain, up, down", r.Kind)
	}
	if len(r.Servers) == 0 {
		return e, admin.BadRequest("servers: none are named")
	}
	if n := len(r.Servers) * max(1, len(r.Pools)); n > maxOrders {
		return e, admin.BadRequest("servers: %d orders in one request, at most %d are made; a glob is one", n, maxOrders)
	}
	if len(r.Reason) > maxReason || len(r.Who) > maxReason {
		return e, admin.BadRequest("reason: longer than %d bytes", maxReason)
	}
	if r.At != "" {
		at, err := time.Parse(time.RFC3339, r.At)
		if err != nil || !at.After(now) {
			return e, admin.BadRequest("at: %q is not a time to come such as %s", r.At, now.Add(time.Hour).UTC().Format(time.RFC3339))
		}
		e.From = at
	}
	if r.For != "" {
		d, err := time.ParseDuration(r.For)
		if err != nil || d < time.Second || d > longest {
			return e, admin.BadRequest("for: %q is not a duration such as 30m or 2h", r.For)
		}
		e.For, e.Until = int64(d), e.From.Add(d)
		e.timed, e.ends = r.At == "", b.o.Uptime()+d
	}
	return e, nil
}

// add makes an order last and puts it in the place of those it replaces. mu is held.
func (b *Book) add(e *entry) error {
	e.number = b.last + 1
	e.ID = strconv.Itoa(e.number)
	line := Entry{Time: e.Made, Action: action(e.Kind), ID: e.ID, Server: e.Server, Pool: e.Pool, From: &e.From, Reason: e.Reason, Who: e.Who, By: e.By}
	if !e.Until.IsZero() {
		line.Until = &e.Until
	}
	if err := b.o.Audit(line); err != nil {
		return err
	}
	var replaced []*entry
	changes := map[string]any{Prefix + e.ID: e.Order} // at one stroke: a kill must not leave both
	for _, old := range b.orders {
		if old.Server == e.Server && old.Pool == e.Pool && (old.Kind == admin.Drain) == (e.Kind == admin.Drain) {
			r := admin.ReleaseRequest{Reason: "replaced by order " + e.ID, Who: e.Who}
			if err := b.auditEnd(old, "release", r, admin.Caller{Name: e.By}); err != nil {
				return err
			}
			replaced = append(replaced, old)
			changes[Prefix+old.ID] = nil
		}
	}
	if err := b.o.Keep(changes); err != nil {
		return err
	}
	for _, old := range replaced {
		b.forget(old)
	}
	b.insert(e)
	return nil
}

func action(kind string) string {
	if kind == admin.Drain {
		return kind
	}
	return "force " + kind
}

// Release ends the orders that a request names.
func (b *Book) Release(by admin.Caller, r admin.ReleaseRequest, world World) ([]admin.Order, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r.ID == "" && len(r.Servers) == 0 {
		return nil, admin.BadRequest("no orders are named: give servers or an id")
	}
	if n := len(r.Servers) * max(1, len(r.Pools)); n > maxOrders {
		return nil, admin.BadRequest("servers: %d names in one request, at most %d are taken; a glob is one", n, maxOrders)
	}
	if len(r.Reason) > maxReason || len(r.Who) > maxReason {
		return nil, admin.BadRequest("reason: longer than %d bytes", maxReason)
	}
	var ended []admin.Order
	for _, e := range slices.Clone(b.orders) {
		if !names(r, e) {
			continue
		}
		if err := b.remove(e, "release", r, by); err != nil {
			return ended, err
		}
		ended = append(ended, b.shown(e, world))
	}
	if len(ended) == 0 {
		return nil, b.nothing(r, world)
	}
	return ended, nil
}

// names says whether a request names an order.
func names(r admin.ReleaseRequest, e *entry) bool {
	if len(r.Kinds) > 0 && !slices.Contains(r.Kinds, e.Kind) {
		return false
	}
	if r.ID != "" {
		return r.ID == e.ID
	}
	fits := func(pattern, text string) bool { return pattern == text || match(pattern, text) }
	return slices.ContainsFunc(r.Servers, func(s string) bool { return fits(s, e.Server) }) &&
		(len(r.Pools) == 0 || slices.ContainsFunc(r.Pools, func(p string) bool { return fits(p, e.Pool) }))
}

// nothing says why no order was named, and which ones may be meant.
func (b *Book) nothing(r admin.ReleaseRequest, world World) error {
	var meant []string
	for _, e := range b.orders {
		for _, s := range r.Servers {
			if (len(r.Kinds) == 0 || slices.Contains(r.Kinds, e.Kind)) && slices.Contains(world.matches(e.Server, e.Pool), s) {
				meant = append(meant, fmt.Sprintf("%s is in order %s, %s %s", s, e.ID, action(e.Kind), e.Target()))
			}
		}
	}
	if len(meant) > 0 {
		return admin.NotFound("no such order; %s: name that, or --id", strings.Join(meant, "; "))
	}
	return admin.NotFound("no such order is in force")
}

// match is path.Match; a bad pattern fits nothing.
func match(pattern, text string) bool {
	ok, err := path.Match(pattern, text)
	return ok && err == nil
}
