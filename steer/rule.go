package steer

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/meridian-dns/meridian/geo"
)

// Want returns what a partition must tell apart for these pools: the attributes and networks rules name.
func Want(pools []Pool) geo.Want {
	var w geo.Want
	for i := range pools {
		for _, r := range pools[i].Rules {
			for _, t := range r.Tokens {
				w.Subdivision = w.Subdivision || t.Kind == Subdivision
				w.ASN = w.ASN || t.Kind == ASN
				switch t.Kind {
				case Net:
					w.Nets = append(w.Nets, t.Net.Masked())
				case ASN:
					w.ASNs = append(w.ASNs, t.ASN)
				}
			}
		}
	}
	slices.SortFunc(w.Nets, netip.Prefix.Compare)
	slices.Sort(w.ASNs)
	w.Nets, w.ASNs = slices.Compact(w.Nets), slices.Compact(w.ASNs)
	return w
}

// hit is the rule that applies to a place and the token of it that matched.
type hit struct{ rule, token int32 }

// noRule is the hit of a place that no rule matches.
var noRule = hit{-1, -1}

// claim is a token taken by a rule.
type claim struct {
	hit
	group bool
}

// matcher finds the rule of a place. The tokens of one kind are disjoint, apart from networks, so a lookup
// per kind from the most specific to the least finds the most specific match.
type matcher struct {
	networks
	net         map[int32]claim // by number of the network
	asn         map[uint32]claim
	subdivision map[geo.Subdivision]claim
	country     map[geo.Code]claim
	continent   map[geo.Code]claim
	always      map[struct{}]claim // the token default
}

// networks are those of a partition; the number of one is its index plus 1, as in geo.Place.
type networks struct {
	list    []geo.Net
	numbers map[netip.Prefix]int32
}

func newNetworks(list []geo.Net) networks {
	n := networks{list, make(map[netip.Prefix]int32, len(list))}
	for i := range list {
		n.numbers[list[i].Prefix] = int32(i) + 1
	}
	return n
}

func newMatcher(rules []Rule, known networks) (*matcher, error) {
	m := &matcher{
		networks: known, net: map[int32]claim{}, asn: map[uint32]claim{}, subdivision: map[geo.Subdivision]claim{},
		country: map[geo.Code]claim{}, continent: map[geo.Code]claim{}, always: map[struct{}]claim{},
	}
	var errs []error
	for r := range rules {
		for t, token := range rules[r].Tokens {
			errs = append(errs, within(rules[r].where(), m.add(token, hit{int32(r), int32(t)})))
		}
	}
	return m, errors.Join(errs...)
}

func (m *matcher) add(t Token, h hit) error {
	c := claim{h, t.Group != ""}
	var free bool
	switch t.Kind {
	case Net:
		number, known := m.numbers[t.Net.Masked()]
		if !known {
			return fmt.Errorf("%s: the partition does not know this network", t)
		}
		free = take(m.net, number, c)
	case ASN:
		free = take(m.asn, t.ASN, c)
	case Subdivision:
		free = take(m.subdivision, t.Subdivision, c)
	case Country:
		free = take(m.country, t.Code, c)
	case Continent:
		free = take(m.continent, t.Code, c)
	case Default:
		free = take(m.always, struct{}{}, c)
	default:
		return fmt.Errorf("token of unknown kind %d", t.Kind)
	}
	if !free {
		return fmt.Errorf("%s is reached twice", t)
	}
	return nil
}

// take lets a rule have a token and returns false if two have the same right to it.
//
//	taken by   claimed by   result
//	nobody     any          the claim
//	group      explicit     the claim
//	explicit   group        stays
//	group      group        error
//	explicit   explicit     error
func take[K comparable](m map[K]claim, key K, c claim) bool {
	old, taken := m[key]
	if taken && old.group == c.group {
		return false
	}
	if !taken || old.group {
		m[key] = c
	}
	return true
}

// match returns the rule of a place by its most specific token, or noRule. What is zero in a place is not
// known of it, and no token is zero.
func (m *matcher) match(p *geo.Place) hit {
	if h, ok := m.matchNet(p.Net); ok {
		return h
	}
	if h, ok := m.asn[p.ASN]; ok {
		return h.hit
	}
	if h, ok := m.subdivision[p.Subdivision]; ok {
		return h.hit
	}
	if h, ok := m.country[p.Country]; ok {
		return h.hit
	}
	if h, ok := m.continent[p.Continent]; ok {
		return h.hit
	}
	if h, ok := m.always[struct{}{}]; ok {
		return h.hit
	}
	return noRule
}

// matchNet walks from the innermost network around a place outward.
func (m *matcher) matchNet(net int32) (hit, bool) {
	for ; net > 0; net = m.list[net-1].Parent {
		if h, ok := m.net[net]; ok {
			return h.hit, true
		}
	}
	return noRule, false
}

// asks says that a place is special-purpose space no rule network covers: such a client is answered for the
// address of its resolver.
func (m *matcher) asks(p *geo.Place) bool {
	_, ok := m.matchNet(p.Net)
	return p.Special && !ok
}

// String gives the token as a rule writes it.
func (t Token) String() string {
	switch t.Kind {
	case Net:
		return "net:" + t.Net.String()
	case ASN:
		return fmt.Sprintf("asn:%d", t.ASN)
	case Subdivision:
		return "subdivision:" + t.Subdivision.String()
	case Country:
		return "country:" + t.Code.String()
	case Continent:
		return "continent:" + t.Code.String()
	}
	return "default"
}
