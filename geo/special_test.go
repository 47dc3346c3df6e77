package geo

import (
	"net/netip"
	"testing"
)

func TestSpecialBlock(t *testing.T) {
	for addr, want := range map[string]string{
		"0.0.0.0": "0.0.0.0/8", "10.1.2.3": "10.0.0.0/8", "100.64.0.0": "100.64.0.0/10", "100.128.0.0": "",
		"127.0.0.1": "127.0.0.0/8", "169.254.1.1": "169.254.0.0/16", "172.31.255.255": "172.16.0.0/12", "172.32.0.0": "",
		"192.0.0.9": "192.0.0.0/24", "192.0.1.0": "", "192.0.2.1": "192.0.2.0/24", "192.31.196.1": "192.31.196.0/24",
		"192.52.193.1": "192.52.193.0/24", "192.88.99.1": "192.88.99.0/24", "192.168.1.1": "192.168.0.0/16",
		"192.175.48.1": "192.175.48.0/24", "198.19.255.255": "198.18.0.0/15", "198.51.100.1": "198.51.100.0/24",
		"203.0.113.1": "203.0.113.0/24", "224.0.0.1": "224.0.0.0/4", "255.255.255.255": "240.0.0.0/4",
		"8.8.8.8": "", "223.255.255.255": "", "9.255.255.255": "",
		"::": "::/56", "::1": "::/56", "::ffff:8.8.8.8": "::/56", "0:0:0:100::": "",
		"64:ff9b::8.8.8.8": "64:ff9b::/56", "64:ff9b:1:2::": "64:ff9b:1::/48", "64:ff9b:2::": "",
		"100::1": "100::/56", "100:0:0:1::": "100::/56", "100:0:0:100::": "",
		"2001::1": "", "2001:0:ffff::": "", "2001:1::1": "2001:1::/32", "2001:2::": "2001:2::/31", "2001:3::": "2001:2::/31",
		"2001:4:112::": "2001:4::/30", "2001:20::": "2001:20::/27", "2001:30::": "2001:20::/27",
		"2001:1ff:ffff::": "2001:100::/24", "2001:200::": "",
		"2001:db8::1": "2001:db8::/32", "2001:db9::": "", "2002:808:808::": "2002::/16", "2003::": "",
		"2620:4f:8000::1": "2620:4f:8000::/48", "3fff:fff::": "3fff::/20", "3fff:1000::": "", "5f00::1": "5f00::/16",
		"fd00::1": "fc00::/7", "fe80::1": "fe80::/10", "febf::": "fe80::/10", "fec0::": "", "ff02::1": "ff00::/8",
		"2a00::1": "",
	} {
		got, ok := SpecialBlock(netip.MustParseAddr(addr))
		if ok != (want != "") || ok && got.String() != want {
			t.Errorf("%s: %v %v, want %q", addr, got, ok, want)
		}
	}
	if got, ok := SpecialBlock(netip.Addr{}); ok {
		t.Errorf("invalid address: %v", got)
	}
	a := netip.MustParseAddr("192.168.1.1")
	if n := testing.AllocsPerRun(100, func() { SpecialBlock(a) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The lookups rely on the order of the tables, the partition on their blocks
// being no smaller than its own.
func TestSpecialTables(t *testing.T) {
	for _, f := range []family{ipv4, ipv6} {
		table := special(f)
		for i, b := range table {
			if b.prefix != b.prefix.Masked() || b.prefix.Bits() > f.blockBits() || familyOf(b.prefix.Addr()) != f {
				t.Errorf("%s: not a block of the tables", b.prefix)
			}
			if i > 0 && !table[i-1].last.less(b.first) {
				t.Errorf("%s does not follow %s", b.prefix, table[i-1].prefix)
			}
			if f == ipv6 && b.prefix.Overlaps(teredo) {
				t.Errorf("%s overlaps Teredo", b.prefix)
			}
		}
	}
}

// Teredo and the blocks carved around it make up 2001::/23.
func TestSpecialAroundTeredo(t *testing.T) {
	whole := spanOf(netip.MustParsePrefix("2001::/23"))
	at := spanOf(teredo).last
	for _, b := range specialIPv6 {
		if whole.contains(b.first) {
			if b.first != at.next() {
				t.Errorf("%s does not follow", b.prefix)
			}
			at = b.last
		}
	}
	if at != whole.last {
		t.Errorf("the blocks end at %v", at.addr(ipv6))
	}
}
