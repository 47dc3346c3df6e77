package dnssec

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// askTimeout bounds one question.
const askTimeout = 5 * time.Second

// AskParent asks every nameserver of a zone's parent for the zone's DS. servers are their addresses; if there are none,
// they are found through the system's resolver. Each nameserver must answer on one of its addresses at least, with
// authority; else what the parent has is not known, which is an error.
func AskParent(ctx context.Context, origin string, servers []netip.AddrPort) (*Parent, error) {
	groups := make(map[string][]netip.AddrPort)
	for _, s := range servers {
		groups[s.String()] = []netip.AddrPort{s}
	}
	if len(servers) == 0 {
		found, err := findParent(ctx, origin)
		if err != nil {
			return nil, fmt.Errorf("find the parent of %s: %w", origin, err)
		}
		groups = found
	}
	p := &Parent{}
	first := true
	for name, addresses := range groups {
		answered, errs := false, []error(nil)
		for _, a := range addresses {
			ds, ttl, err := askDS(ctx, origin, a)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			answered = true
			p.add(ds, ttl, first)
			first = false
		}
		if !answered {
			return nil, fmt.Errorf("nameserver %s of the parent of %s: %w", name, origin, errors.Join(errs...))
		}
	}
	return p, nil
}

// add takes in what one server has.
func (p *Parent) add(ds [][]byte, ttl time.Duration, first bool) {
	contains := func(all [][]byte, d []byte) bool {
		return slices.ContainsFunc(all, func(o []byte) bool { return bytes.Equal(o, d) })
	}
	if first {
		p.All = slices.Clone(ds)
	}
	p.All = slices.DeleteFunc(p.All, func(d []byte) bool { return !contains(ds, d) })
	for _, d := range ds {
		if !contains(p.Any, d) {
			p.Any = append(p.Any, d)
		}
	}
	p.TTL = max(p.TTL, ttl)
}

// askDS asks one server for the DS RRset.
func askDS(ctx context.Context, origin string, server netip.AddrPort) (ds [][]byte, ttl time.Duration, err error) {
	r, err := ask(ctx, absolute(origin), dns.TypeDS, false, server.String())
	if err != nil {
		return nil, 0, err
	}
	if !r.Authoritative || r.Rcode != dns.RcodeSuccess {
		return nil, 0, fmt.Errorf("%v does not answer for the parent zone (%s)", server, dns.RcodeToString[r.Rcode])
	}
	for _, rr := range r.Answer {
		d, ok := rr.(*dns.DS)
		if !ok || !strings.EqualFold(d.Hdr.Name, absolute(origin)) {
			continue
		}
		digest, err := hex.DecodeString(d.Digest)
		if err != nil {
			return nil, 0, fmt.Errorf("%v: %w", server, err)
		}
		ds = append(ds, append([]byte{byte(d.KeyTag >> 8), byte(d.KeyTag), d.Algorithm, d.DigestType}, digest...))
		ttl = max(ttl, time.Duration(d.Hdr.Ttl)*time.Second)
	}
	return ds, ttl, nil
}

// ask sends one question over UDP, and over TCP if the answer does not fit.
func ask(ctx context.Context, name string, qtype uint16, recurse bool, server string) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(name, qtype)
	q.RecursionDesired = recurse
	q.SetEdns0(1232, false)
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	var r *dns.Msg
	var err error
	for _, network := range []string{"udp", "udp", "tcp"} {
		c := dns.Client{Net: network, Timeout: askTimeout / 3}
		if r, _, err = c.ExchangeContext(ctx, q, server); err == nil && !r.Truncated {
			return r, nil
		}
	}
	if err == nil {
		err = errors.New("a truncated answer over TCP")
	}
	return nil, fmt.Errorf("%s: %w", server, err)
}

// findParent finds the addresses of the nameservers of the zone above, by nameserver.
func findParent(ctx context.Context, origin string) (map[string][]netip.AddrPort, error) {
	c, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	if len(c.Servers) == 0 {
		return nil, errors.New("/etc/resolv.conf names no resolver")
	}
	resolver := net.JoinHostPort(c.Servers[0], c.Port)
	labels := dns.SplitDomainName(origin)
	for i := 1; i <= len(labels); i++ {
		above := dns.Fqdn(strings.Join(labels[i:], "."))
		r, err := ask(ctx, above, dns.TypeNS, true, resolver)
		if err != nil {
			return nil, err
		}
		groups := make(map[string][]netip.AddrPort)
		for _, rr := range r.Answer {
			if ns, ok := rr.(*dns.NS); ok && strings.EqualFold(ns.Hdr.Name, above) {
				if groups[ns.Ns], err = addresses(ctx, ns.Ns, resolver); err != nil {
					return nil, err
				}
			}
		}
		if len(groups) > 0 {
			return groups, nil
		}
	}
	return nil, errors.New("the resolver knows of no zone above it")
}

// addresses are those of a nameserver.
func addresses(ctx context.Context, name, resolver string) ([]netip.AddrPort, error) {
	var all []netip.AddrPort
	for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA} {
		r, err := ask(ctx, name, qtype, true, resolver)
		if err != nil {
			return nil, err
		}
		for _, rr := range r.Answer {
			var ip net.IP
			switch rr := rr.(type) {
			case *dns.A:
				ip = rr.A
			case *dns.AAAA:
				ip = rr.AAAA
			}
			if a, ok := netip.AddrFromSlice(ip); ok {
				all = append(all, netip.AddrPortFrom(a.Unmap(), 53))
			}
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("nameserver %s has no address", name)
	}
	return all, nil
}

// Judge says what is wrong between the keys and what the parent has; nothing if all is well.
func (r *Ring) Judge(p *Parent, now time.Time) []string {
	var all []string
	if len(p.Any) == 0 {
		if r.Leave.Since.IsZero() {
			all = append(all, "the parent has no DS, so validators do not check the zone; meridian keys ds "+r.Origin+
				" prints it for the registrar")
		}
		return all
	}
	good := false
	for _, ds := range p.Any {
		k := r.match(ds)
		switch {
		case k == nil:
			all = append(all, fmt.Sprintf("the parent has a DS with the tag %d for which there is no key", uint16(ds[0])<<8|uint16(ds[1])))
		case !slices.Contains(r.Plan(now).KeySigners, k):
			all = append(all, fmt.Sprintf("the parent has a DS for key %d, which is not in the zone", k.Tag()))
		default:
			good = true
			if reached(now, k.Times.SyncDelete) && !k.Times.Delete.IsZero() {
				all = append(all, fmt.Sprintf("the parent still has a DS for key %d, which was replaced; it can be removed there", k.Tag()))
			}
		}
	}
	if !good {
		all = append(all, "no DS of the parent belongs to a key in the zone: validators refuse the zone")
	}
	return all
}

// match is the key of a DS.
func (r *Ring) match(ds []byte) *Key {
	for _, k := range r.Keys {
		if has([][]byte{ds}, k, r.Origin) {
			return k
		}
	}
	return nil
}
