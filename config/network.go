package config

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// listen reads the addresses to listen on.
func (t *table) listen(key string) []netip.AddrPort {
	n := t.get(key)
	if n == nil {
		return []netip.AddrPort{
			netip.AddrPortFrom(netip.IPv4Unspecified(), 53),
			netip.AddrPortFrom(netip.IPv6Unspecified(), 53),
		}
	}
	var addrs []netip.AddrPort
	words := t.strings(n)
	for _, s := range words {
		ap, err := parseListen(s)
		if err == nil && slices.Contains(addrs, ap) {
			err = fmt.Errorf("%s stands here twice", ap)
		}
		if err != nil {
			t.at(n, "%v", err)
		}
		addrs = append(addrs, ap)
	}
	if words != nil && len(words) == 0 {
		t.at(n, `is empty; write addresses such as "192.0.2.53:53" or leave the key out`)
	}
	return addrs
}

func parseListen(s string) (netip.AddrPort, error) {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return ap, fmt.Errorf("%q is not an address with a port; write %s", s, listenHint(s))
	}
	a := ap.Addr()
	switch {
	case a.Is4In6():
		return ap, fmt.Errorf("%q is an IPv4-mapped address; write %q", s, netip.AddrPortFrom(a.Unmap(), ap.Port()))
	case a.Zone() != "":
		return ap, fmt.Errorf("%q has a zone; link-local addresses are not supported", s)
	case a.IsMulticast() || a == broadcast():
		return ap, fmt.Errorf("%q is not the address of one host", s)
	}
	return ap, nil
}

func broadcast() netip.Addr { return netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

// listenHint shows what was probably meant.
func listenHint(s string) string {
	if port, ok := strings.CutPrefix(s, ":"); ok {
		return fmt.Sprintf("%q and %q", "0.0.0.0:"+port, "[::]:"+port)
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return fmt.Sprintf("%q", netip.AddrPortFrom(a, 53))
	}
	return `one such as "192.0.2.53:53" or "[2001:db8::53]:53"`
}

// debug reads the networks that may ask for explanations.
func (t *table) debug(key string) []netip.Prefix {
	n := t.get(key)
	if n == nil {
		return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	}
	var nets []netip.Prefix
	for _, s := range t.strings(n) {
		p, err := parseNetwork(s)
		if err == nil && slices.Contains(nets, p) {
			err = fmt.Errorf("%s stands here twice", p)
		}
		if err != nil {
			t.at(n, "%v", err)
		}
		nets = append(nets, p)
	}
	return nets
}

// parseNetwork reads a network in canonical form, or an address as a network of one.
func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		s = netip.PrefixFrom(a, a.BitLen()).String()
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf(`%q is not a network such as "192.0.2.0/24"`, s)
	}
	if p.Addr().Is4In6() {
		return p, fmt.Errorf("%q is an IPv4-mapped network; write the IPv4 network", s)
	}
	if p != p.Masked() {
		return p, fmt.Errorf("%q has bits set behind the prefix; write %q", s, p.Masked())
	}
	return p, nil
}

// identity reads what the server tells of itself.
func (r *report) identity(n *node) Identity {
	t := r.section(n)
	id := Identity{
		NSID:     t.characterString("nsid"),
		Version:  t.characterString("version"),
		Hostname: t.characterString("hostname"),
		ID:       t.characterString("id"),
	}
	t.close()
	return id
}

// characterString reads a text that fits one character-string of RFC 1035 section 3.3.
func (t *table) characterString(key string) string {
	s := t.text(key, "")
	if len(s) > 255 {
		t.at(t.node.kids[key], "has %d bytes, at most 255 fit", len(s))
	}
	return s
}

// cookies reads the secrets of RFC 9018. No message repeats one.
func (r *report) cookies(n *node) [][16]byte {
	t := r.section(n)
	var secrets [][16]byte
	for i, s := range t.texts("secrets") {
		secret, err := parseSecret(s)
		if err == nil && slices.Contains(secrets, secret) {
			err = errors.New("stands here twice")
		}
		if err != nil {
			r.at(t.node.kids["secrets"], "secret %d %v", i+1, err)
			continue
		}
		secrets = append(secrets, secret)
	}
	t.close()
	return secrets
}

func parseSecret(s string) (secret [16]byte, err error) {
	if len(s) != 2*len(secret) {
		return secret, fmt.Errorf("has %d characters; expected 32 hexadecimal digits", len(s))
	}
	if _, err := hex.Decode(secret[:], []byte(s)); err != nil {
		return secret, errors.New("is not hexadecimal; expected 32 digits from 0-9 and a-f")
	}
	return secret, nil
}

// limits reads the bounds on clients and zone files.
func (r *report) limits(n *node) Limits {
	t := r.section(n)
	l := Limits{
		TCPIdle:        t.duration("tcp_idle", 10*time.Second, time.Second, time.Hour),
		TCPConnections: t.integer("tcp_connections", 2048, 1, 1<<20),
		TCPPerClient:   t.integer("tcp_per_client", 128, 1, 1<<20),
		ZoneRecords:    t.integer("zone_records", 16_000_000, 1, 100_000_000),
		ZoneGenerate:   t.integer("zone_generate", 65_536, 1, 10_000_000),
	}
	t.close()
	return l
}
