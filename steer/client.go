package steer

import (
	"encoding/binary"
	"net/netip"
)

// spot is where a client is looked up.
type spot struct {
	block  uint64
	family int   // 0: IPv4, 1: IPv6
	base   uint8 // length of the prefix before the IPv4 address that was found inside an IPv6 address
	blind  bool  // nothing is known of the place, whatever the tables say; the scope is base
}

// spotOf translates an address of which source bits are known.
//
//	address           source     looked up             scope
//	IPv4              any        itself                its
//	::ffff:0:0/96     over 96    the IPv4 address      96 + its
//	::ffff:0:0/96     up to 96   the unknown place     96
//	64:ff9b::/96      like ::ffff:0:0/96 (RFC 6052)
//	2002::/16         any        the IPv4 address      16 + its (RFC 3056)
//	other IPv6        any        itself                its
//	none              any        the unknown place     0
//
// Teredo needs no line: a partition knows no place in 2001::/32.
func spotOf(addr netip.Addr, source uint8) spot {
	if !addr.IsValid() {
		return spot{blind: true}
	}
	if addr.Is4() {
		b := addr.As4()
		return spot{block: block4(b[:])}
	}
	b := addr.As16()
	high, low := binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])
	switch {
	case high == 0 && low>>32 == 0xffff, high == 0x64ff9b<<32 && low>>32 == 0:
		if source <= 96 {
			return spot{block: high >> 8, family: 1, base: 96, blind: true}
		}
		return spot{block: block4(b[12:]), base: 96}
	case high>>48 == 0x2002:
		return spot{block: block4(b[2:]), base: 16}
	}
	return spot{block: high >> 8, family: 1}
}

func block4(b []byte) uint64 { return uint64(b[0])<<16 | uint64(b[1])<<8 | uint64(b[2]) }

// grain is the length of the prefix by which Sticky tells clients apart.
func (s spot) grain() uint8 {
	switch {
	case s.blind:
		return s.base
	case s.family == 0:
		return s.base + width4
	}
	return s.base + width6
}

// subnet says whether the client subnet decides.
func (c *Client) subnet() bool { return c.HasSubnet && c.Source > 0 && c.Subnet.IsValid() }

// seat is what the tables say of a client.
type seat struct {
	rank  uint16
	scope uint8
	key   uint64 // what Sticky hashes: the block
}

// seat finds the ranking of a client.
//
//	client subnet            ranking of                scope
//	none, or SOURCE 0        the resolver's address    0
//	any, one ranking for all that one                  0
//	special-purpose          the resolver's address    the special block
//	other                    the subnet's address      the entry found
//
// Sticky reports no scope shorter than what it hashes, and so takes no shortcut where there is one ranking. In
// special-purpose space that is the resolver's address, and the block's length is right as it is.
func (t *table) seat(c *Client, sticky bool, ahead *Ahead) seat {
	if !c.subnet() {
		return t.resolverSeat(c)
	}
	if t.one && !sticky {
		return seat{rank: unknown}
	}
	at := spotOf(c.Subnet, c.Source)
	if at.blind {
		return seat{unknown, at.base, at.block}
	}
	rank, length := t.entry(at.family, at.block, ahead)
	scope := at.base + length
	if rank == ask {
		s := t.resolverSeat(c)
		s.scope = scope
		return s
	}
	if sticky {
		scope = at.grain() // no entry is longer
	}
	return seat{rank, scope, at.block}
}

// resolverSeat finds the ranking of the resolver's address; special-purpose space is an unknown place then.
func (t *table) resolverSeat(c *Client) seat {
	at := spotOf(c.Resolver, 128)
	rank := t.find(at)
	if rank == ask {
		rank = unknown
	}
	return seat{rank: rank, key: at.block}
}
