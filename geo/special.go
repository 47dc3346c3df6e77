package geo

import (
	"net/netip"
	"sort"
)

// block is a prefix of special-purpose space.
type block struct {
	span
	prefix  netip.Prefix
	netless bool // no wanted network applies here
}

// The blocks of the IANA special-purpose address registries (RFC 6890), and
// multicast, by address. Of nested entries only the outermost stands here, and
// entries longer than a block of the tables are widened to one: nothing else
// is ever allocated around them.
var (
	specialIPv4 = blocks(
		"0.0.0.0/8",       // this network, RFC 791
		"10.0.0.0/8",      // private use, RFC 1918
		"100.64.0.0/10",   // shared address space, RFC 6598
		"127.0.0.0/8",     // loopback, RFC 1122
		"169.254.0.0/16",  // link local, RFC 3927
		"172.16.0.0/12",   // private use, RFC 1918
		"192.0.0.0/24",    // IETF protocol assignments, RFC 6890
		"192.0.2.0/24",    // documentation, RFC 5737
		"192.31.196.0/24", // AS112, RFC 7535
		"192.52.193.0/24", // AMT, RFC 7450
		"192.88.99.0/24",  // 6to4 relay anycast, deprecated, RFC 7526
		"192.168.0.0/16",  // private use, RFC 1918
		"192.175.48.0/24", // AS112 direct delegation, RFC 7534
		"198.18.0.0/15",   // benchmarking, RFC 2544
		"198.51.100.0/24", // documentation, RFC 5737
		"203.0.113.0/24",  // documentation, RFC 5737
		"224.0.0.0/4",     // multicast, RFC 5771
		"240.0.0.0/4",     // reserved and limited broadcast, RFC 1112, RFC 8190
	)
	specialIPv6 = blocks(
		"::/56",          // unspecified, loopback, IPv4-compatible and IPv4-mapped, RFC 4291
		"64:ff9b::/56",   // IPv4-IPv6 translation: 64:ff9b::/96, RFC 6052
		"64:ff9b:1::/48", // local translation, RFC 8215
		"100::/56",       // discard-only and dummy prefix: 100::/64, 100:0:0:1::/64, RFC 6666, RFC 9780
		// IETF protocol assignments are 2001::/23 (RFC 2928), Teredo left out.
		"2001:1::/32", "2001:2::/31", "2001:4::/30", "2001:8::/29", "2001:10::/28",
		"2001:20::/27", "2001:40::/26", "2001:80::/25", "2001:100::/24",
		"2001:db8::/32",     // documentation, RFC 3849
		"2002::/16",         // 6to4, RFC 3056
		"2620:4f:8000::/48", // AS112 direct delegation, RFC 7534
		"3fff::/20",         // documentation, RFC 9637
		"5f00::/16",         // SRv6 SIDs, RFC 9602
		"fc00::/7",          // unique local, RFC 4193
		"fe80::/10",         // link local, RFC 4291
		"ff00::/8",          // multicast, RFC 4291
	)

	mapped    = netip.MustParsePrefix("::ffff:0:0/96")
	low       = netip.MustParsePrefix("::/56")
	translate = netip.MustParsePrefix("64:ff9b::/96")
	// translateBlock is the block of the tables around translate.
	translateBlock = netip.MustParsePrefix("64:ff9b::/56")
	sixToFour      = netip.MustParsePrefix("2002::/16")
	teredo         = netip.MustParsePrefix("2001::/32")
)

// translates tells whether addresses in a block stand for IPv4 addresses, which
// are looked up instead.
func translates(p netip.Prefix) bool {
	return p == low || p == translateBlock || p == sixToFour
}

func blocks(prefixes ...string) []block {
	out := make([]block, len(prefixes))
	for i, s := range prefixes {
		p := netip.MustParsePrefix(s)
		out[i] = block{span: spanOf(p), prefix: p, netless: translates(p)}
	}
	return out
}

func special(f family) []block {
	if f == ipv4 {
		return specialIPv4
	}
	return specialIPv6
}

// SpecialBlock returns the special-purpose block around an address, and
// whether there is one. An IPv4-mapped address lies in ::/56: unmap it first to
// ask for the IPv4 address inside. Teredo is no special space here.
func SpecialBlock(a netip.Addr) (netip.Prefix, bool) {
	if !a.IsValid() {
		return netip.Prefix{}, false
	}
	b := blockAt(special(familyOf(a)), positionOf(a))
	if b == nil {
		return netip.Prefix{}, false
	}
	return b.prefix, true
}

// blockAt is the special-purpose block around p, nil if there is none.
func blockAt(table []block, p position) *block {
	i := sort.Search(len(table), func(i int) bool { return p.less(table[i].first) }) - 1
	if i < 0 || !table[i].contains(p) {
		return nil
	}
	return &table[i]
}
