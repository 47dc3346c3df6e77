package healthcheck

import (
	"context"
	"sync"
	"unique"
)

// idle are the connections that wait for the next probe of their target. The zero
// value keeps none. Safe for concurrent use.
type idle struct {
	most int // kept at a time: each is a descriptor

	mu    sync.Mutex // guards conns
	conns map[unique.Handle[Target]]*conn
}

// take gives the connection kept for a target's identity to a probe; nil: there is none.
func (i *idle) take(ctx context.Context, id unique.Handle[Target]) *conn {
	i.mu.Lock()
	c := i.conns[id]
	delete(i.conns, id)
	i.mu.Unlock()
	if c == nil {
		return nil
	}
	deadline, _ := ctx.Deadline()
	if c.bind(ctx, deadline) != nil {
		return nil
	}
	return c
}

// put keeps a connection, or closes it if there is no room.
func (i *idle) put(id unique.Handle[Target], c *conn) {
	i.mu.Lock()
	full := len(i.conns) >= i.most || i.conns[id] != nil
	if !full {
		c.release()
		if i.conns == nil {
			i.conns = make(map[unique.Handle[Target]]*conn)
		}
		i.conns[id] = c
	}
	i.mu.Unlock()
	if full {
		c.Close()
	}
}

// sweep closes the connections of targets that are not wanted any more.
func (i *idle) sweep(wanted map[unique.Handle[Target]]bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for id, c := range i.conns {
		if !wanted[id] {
			c.Close()
			delete(i.conns, id)
		}
	}
}
