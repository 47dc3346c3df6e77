package load

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/meridian-dns/meridian/bench/internal/queries"
)

// Stream keeps connections open for a time; on each it writes depth queries at once, and the next ones when all are
// answered.
func Stream(server netip.AddrPort, set *queries.Set, connections, depth int, length time.Duration) (Result, error) {
	clients := make([]*client, connections)
	for i := range clients {
		c, err := net.Dial("tcp4", server.String())
		if err != nil {
			return Result{}, fmt.Errorf("connection %d of %d: %w", i+1, connections, err)
		}
		defer c.Close()
		clients[i] = &client{conn: c, in: bufio.NewReaderSize(c, 64<<10), set: set, next: i * set.Len() / connections}
	}
	start := time.Now()
	var all sync.WaitGroup
	for _, c := range clients {
		all.Go(func() { c.run(depth, start.Add(length)) })
	}
	all.Wait()
	return total(clients, time.Since(start))
}

func total(clients []*client, elapsed time.Duration) (Result, error) {
	sum := Result{Elapsed: elapsed}
	var errs []error
	for _, c := range clients {
		sum.Sent += c.result.Sent
		sum.Answered += c.result.Answered
		sum.Wrong += c.result.Wrong
		errs = append(errs, c.err)
	}
	return sum, errors.Join(errs...)
}

// client is one connection; it belongs to one goroutine.
type client struct {
	conn   net.Conn
	in     *bufio.Reader
	out    []byte
	set    *queries.Set
	next   int
	result Result
	err    error
}

func (c *client) run(depth int, end time.Time) {
	for c.err == nil && time.Now().Before(end) {
		c.err = c.exchange(depth)
	}
}

func (c *client) exchange(depth int) error {
	c.out = c.out[:0]
	for range depth {
		q := c.set.At(c.next)
		c.next++
		c.out = binary.BigEndian.AppendUint16(c.out, uint16(len(q)))
		c.out = append(c.out, q...)
	}
	c.conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := c.conn.Write(c.out); err != nil {
		return err
	}
	c.result.Sent += depth
	for range depth {
		if err := c.read(); err != nil {
			return err
		}
	}
	return nil
}

func (c *client) read() error {
	head, err := c.in.Peek(6) // length, ID, flags
	if err != nil {
		return err
	}
	rcode := head[5] & 15
	if c.result.Answered++; rcode != 0 && rcode != 3 {
		c.result.Wrong++
	}
	_, err = io.CopyN(io.Discard, c.in, 2+int64(binary.BigEndian.Uint16(head)))
	return err
}
