package server

import (
	"net/netip"
	"sync"
)

// connections is the table of TCP connections, which holds the caps. Safe for concurrent use.
//
// A connection is waiting from its last complete message (or its start) to the next one, a message half sent
// included, and while the client does not take its answers. Those waiting stand in lists in that order, one of
// all and one per client, so that the longest idle is at the front.
type connections struct {
	limits TCPLimits

	mu      sync.Mutex // guards the fields below and the links of every conn
	all     map[*conn]struct{}
	clients map[netip.Addr]*client
	waiting ring
	counts  ConnectionStats
}

// client is what is known of one address that has connections.
type client struct {
	open    int
	waiting ring
}

// seat is a connection's place in the table.
type seat struct {
	key           netip.Addr
	all, ofClient ring
	evicted       bool
}

func newConnections(limits TCPLimits) *connections {
	t := &connections{limits: limits, all: map[*conn]struct{}{}, clients: map[netip.Addr]*client{}}
	t.waiting.init()
	return t
}

// clientKey is the unit that a cap counts: whoever has one IPv6 address has its /64.
func clientKey(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a
	}
	p, _ := a.Prefix(64)
	return p.Addr()
}

// enter admits c, whose client is a, as waiting; the longest idle connection makes room where a cap is
// reached. It returns the one to close, and false if there is no room.
//
//	client at its cap | all at the cap | leaves
//	no                | no             | none
//	yes               | either         | the client's longest idle, else c
//	no                | yes            | the longest idle of all, else c
func (t *connections) enter(c *conn, a netip.Addr) (leaves *conn, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.seat.key = clientKey(a)
	of := t.clients[c.seat.key]
	if of != nil && of.open >= t.limits.PerClient {
		leaves = of.waiting.front()
	} else if len(t.all) >= t.limits.Connections {
		leaves = t.waiting.front()
	} else {
		t.admit(c)
		return nil, true
	}
	if leaves == nil {
		t.counts.Refused++
		return nil, false
	}
	t.evict(leaves)
	t.admit(c)
	return leaves, true
}

func (t *connections) admit(c *conn) {
	t.counts.Accepted++
	t.all[c] = struct{}{}
	of := t.clients[c.seat.key]
	if of == nil {
		of = new(client)
		of.waiting.init()
		t.clients[c.seat.key] = of
	}
	of.open++
	t.link(c, of)
}

func (t *connections) link(c *conn, of *client) {
	c.seat.all.pushTo(&t.waiting, c)
	c.seat.ofClient.pushTo(&of.waiting, c)
}

func (t *connections) unlink(c *conn) {
	c.seat.all.remove()
	c.seat.ofClient.remove()
}

func (t *connections) evict(c *conn) {
	t.counts.Evicted++
	c.seat.evicted = true
	t.remove(c)
}

func (t *connections) remove(c *conn) {
	if _, here := t.all[c]; !here {
		return
	}
	delete(t.all, c)
	t.unlink(c)
	of := t.clients[c.seat.key]
	if of.open--; of.open == 0 {
		delete(t.clients, c.seat.key)
	}
}

// evictOne makes room for a descriptor; nil if no connection is waiting.
func (t *connections) evictOne() *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.waiting.front()
	if c != nil {
		t.evict(c)
	}
	return c
}

// busy marks c as having a complete message; false if c was evicted.
func (t *connections) busy(c *conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unlink(c)
	return !c.seat.evicted
}

// idle marks c as waiting from now on.
func (t *connections) idle(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !c.seat.evicted {
		t.link(c, t.clients[c.seat.key])
	}
}

// leave forgets c. expired says that a deadline closed it.
func (t *connections) leave(c *conn, expired bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(c)
	if expired {
		t.counts.Expired++
	}
}

// of returns the connections that came in through s.
func (t *connections) of(s *streams) []*conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []*conn
	for c := range t.all {
		if c.via == s {
			out = append(out, c)
		}
	}
	return out
}

func (t *connections) stats() ConnectionStats {
	t.mu.Lock()
	defer t.mu.Unlock()
	st := t.counts
	st.Open = uint64(len(t.all))
	return st
}

// ring is a doubly linked list and a link of one at once.
type ring struct {
	next, prev *ring
	c          *conn // nil in the list itself
}

func (r *ring) init() { r.next, r.prev = r, r }

// pushTo puts r, which holds c, at the end of list.
func (r *ring) pushTo(list *ring, c *conn) {
	r.remove()
	r.c, r.prev, r.next = c, list.prev, list
	list.prev.next, list.prev = r, r
}

// remove takes r out of its list, if it is in one.
func (r *ring) remove() {
	if r.next == nil {
		return
	}
	r.prev.next, r.next.prev = r.next, r.prev
	r.next, r.prev = nil, nil
}

// front returns the connection at the front of list r, nil if it is empty.
func (r *ring) front() *conn {
	if r.next == r {
		return nil
	}
	return r.next.c
}
