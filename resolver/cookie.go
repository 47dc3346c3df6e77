package resolver

import (
	"encoding/binary"

	"github.com/dchest/siphash"
)

const (
	clientCookie = 8
	serverCookie = 16
	cookieSize   = clientCookie + serverCookie

	cookieAge    = 3600 // seconds that a server cookie is good for (RFC 9018 section 4.3)
	cookieRenew  = 1800 // and those after which a new one is sent
	cookieFuture = 300  // how far in the future it may have been made
)

// cookie is the DNS cookie of a query (RFC 7873) and what it is worth.
type cookie struct {
	asked bool
	valid bool   // the server part was made here, for this client, lately
	fresh bool   // and need not be renewed yet
	at    uint16 // where the client's part stands in the query
	size  uint8  // of both parts
}

// parse takes the option's data, which stands at an offset of the query: a
// client cookie of 8 octets and perhaps a server cookie of 8 to 32. Of several
// options the first counts.
func (c *cookie) parse(data []byte, at int) bool {
	server := len(data) - clientCookie
	if server != 0 && (server < 8 || server > 32) {
		return false
	}
	if !c.asked {
		c.asked, c.at, c.size = true, uint16(at), uint8(len(data))
	}
	return true
}

// client is the client's part.
func (c *cookie) client(q *query) []byte { return q.req.Msg[c.at : c.at+clientCookie] }

// server is the server's part; empty if the client has none yet.
func (c *cookie) server(q *query) []byte {
	return q.req.Msg[c.at+clientCookie : c.at+uint16(c.size)]
}

// verify judges the server cookie, and tells whether the answer carries one.
func (c *cookie) verify(q *query) bool {
	secrets := q.view.opts.CookieSecrets
	c.asked = c.asked && len(secrets) > 0
	if !c.asked || c.size != cookieSize || c.server(q)[0] != 1 {
		return c.asked
	}
	server := c.server(q)
	made := binary.BigEndian.Uint32(server[4:])
	age := int32(q.req.Now - made) // serial arithmetic (RFC 1982)
	if age > cookieAge || age < -cookieFuture {
		return true
	}
	for i, secret := range secrets {
		if binary.LittleEndian.Uint64(server[8:]) == c.hash(q, server[:8], &secret) {
			c.valid = true
			c.fresh = i == 0 && age <= cookieRenew
		}
	}
	return true
}

// hash is that of RFC 9018 section 4.4 over client cookie, the head of the
// server cookie (version, reserved, timestamp) and the client's address.
func (c *cookie) hash(q *query, head []byte, secret *[16]byte) uint64 {
	var in [clientCookie + 8 + 16]byte
	n := copy(in[:], c.client(q))
	n += copy(in[n:], head)
	if addr := q.req.Client.Addr(); addr.Is4() {
		a := addr.As4()
		n += copy(in[n:], a[:])
	} else {
		a := addr.As16()
		n += copy(in[n:], a[:])
	}
	k0 := binary.LittleEndian.Uint64(secret[:8])
	k1 := binary.LittleEndian.Uint64(secret[8:])
	return siphash.Hash(k0, k1, in[:n])
}

// write puts the client's cookie and a server cookie into dst: the one that
// came, while it is fresh, else a new one.
func (c *cookie) write(dst []byte, q *query) {
	copy(dst, c.client(q))
	server := dst[clientCookie:]
	if c.fresh {
		copy(server, c.server(q))
		return
	}
	server[0], server[1], server[2], server[3] = 1, 0, 0, 0
	binary.BigEndian.PutUint32(server[4:], q.req.Now)
	hash := c.hash(q, server[:8], &q.view.opts.CookieSecrets[0])
	binary.LittleEndian.PutUint64(server[8:], hash)
}
