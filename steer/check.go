package steer

import (
	"errors"
	"fmt"

	"github.com/meridian-dns/meridian/geo"
)

const (
	maxServers = tierEnd - 1 // of a pool
	maxParts   = len(Choice{}.Parts)
	maxAll     = 64 // addresses in an answer of the pick All or First
)

// PoolError is one thing that is wrong with a pool.
type PoolError struct {
	Pool int // index into what Compile was given
	Name string
	Err  error
}

func (e *PoolError) Error() string { return "pool " + e.Name + ": " + e.Err.Error() }

// Unwrap returns what is wrong, without the name of the pool.
func (e *PoolError) Unwrap() error { return e.Err }

// leaves takes joined errors apart.
func leaves(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, leaves(e)...)
	}
	return out
}

// within says of each of joined errors where it was found.
func within(where string, err error) error {
	var errs []error
	for _, e := range leaves(err) {
		errs = append(errs, fmt.Errorf("%s: %w", where, e))
	}
	return errors.Join(errs...)
}

// limit returns how many addresses (All) or servers (the others) an answer holds at most.
func (p *Pool) limit() int {
	switch {
	case p.N > 0:
		return p.N
	case p.Pick == All:
		return 8
	}
	return 1
}

// check finds what would break a promise at run time.
func (p *Pool) check(has geo.Attributes) error {
	errs := []error{
		checkServers("server", p.Servers), p.checkNumbers(), p.checkAllDown(), p.checkTypes(), p.checkFences(),
	}
	if len(p.Servers) == 0 {
		errs = append(errs, errors.New("no servers"))
	}
	for i := range p.Rules {
		errs = append(errs, within(p.Rules[i].where(), p.checkRule(&p.Rules[i], has)))
	}
	return errors.Join(errs...)
}

func checkServers(what string, servers []Server) error {
	var errs []error
	seen := map[string]bool{}
	for i := range servers {
		s := &servers[i]
		if seen[s.Name] {
			errs = append(errs, fmt.Errorf("%s %s: listed twice", what, s.Name))
		}
		seen[s.Name] = true
		errs = append(errs, within(what+" "+s.Name, s.check()))
	}
	if len(servers) > maxServers {
		errs = append(errs, fmt.Errorf("%d servers, at most %d", len(servers), maxServers))
	}
	return errors.Join(errs...)
}

func (s *Server) check() error {
	if s.Weight < 0 || s.Weight > 1<<31-1 {
		return fmt.Errorf("weight %d: not from 0 to 2147483647", s.Weight)
	}
	if s.CNAME != "" {
		if len(s.Addrs) > 0 {
			return errors.New("has addresses and a cname")
		}
		_, err := wireName(s.CNAME)
		return err
	}
	if len(s.Addrs) == 0 {
		return errors.New("has neither addresses nor a cname")
	}
	for _, a := range s.Addrs {
		if !a.Addr.IsValid() || a.Addr.Is4In6() || a.Addr.Zone() != "" {
			return fmt.Errorf("address %s: not a plain IPv4 or IPv6 address", a.Addr)
		}
	}
	return nil
}

func (p *Pool) checkNumbers() error {
	most := maxAll
	if p.Pick == Weighted || p.Pick == Sticky {
		most = maxParts
	}
	if p.N < 0 || p.N > most {
		return fmt.Errorf("n = %d: not from 1 to %d", p.N, most)
	}
	if p.MinUp < 0 {
		return fmt.Errorf("min_up = %d: negative", p.MinUp)
	}
	if p.Order > Together || p.Pick > First || p.AllDown > Fail {
		return errors.New("order, pick or all_down is none of the known ones")
	}
	return nil
}

// checkAllDown refuses what would spread one region's outage over the world through caches.
func (p *Pool) checkAllDown() error {
	switch p.AllDown {
	case UseFallback:
		if len(p.Fallback) == 0 {
			return errors.New("all_down = \"fallback\" without fallback servers")
		}
		return checkServers("fallback server", p.Fallback)
	case DenyData, Fail:
		for i := range p.Rules {
			if p.Rules[i].Fence {
				return fmt.Errorf("rule %q is fenced: all_down cannot be \"nodata\" or \"servfail\", caches would spread"+
					" the outage behind the fence to every client", p.Rules[i].Source)
			}
		}
	}
	return nil
}

func (p *Pool) checkTypes() error {
	if t := typesOf(p); !t.alias && !t.has[0] && !t.has[1] {
		return errors.New("neither A nor AAAA is carried by all servers; families = \"each\" serves both")
	}
	return nil
}

// checkFences refuses a fence without a server for a family the pool serves: its clients would be told that
// the type does not exist, and their resolvers would tell all others.
func (p *Pool) checkFences() error {
	t := typesOf(p)
	var errs []error
	for i := range p.Rules {
		for f := range t.has {
			if r := &p.Rules[i]; r.Fence && t.has[f] && !p.carriedIn(r, f) {
				errs = append(errs, fmt.Errorf("rule %q: no server inside the fence has %s, which the pool serves",
					r.Source, familyType[f]))
			}
		}
	}
	return errors.Join(errs...)
}

func (p *Pool) carriedIn(r *Rule, family int) bool {
	for _, tier := range r.Tiers {
		for _, s := range tier {
			if s >= 0 && s < len(p.Servers) && p.Servers[s].serves(family) {
				return true
			}
		}
	}
	return false
}

func (r *Rule) where() string { return fmt.Sprintf("rule %q", r.Source) }

func (p *Pool) checkRule(r *Rule, has geo.Attributes) error {
	var errs []error
	for _, t := range r.Tokens {
		errs = append(errs, t.check(has))
	}
	if len(r.Tokens) == 0 {
		errs = append(errs, errors.New("matches nothing"))
	}
	named := 0
	for _, tier := range r.Tiers {
		named += len(tier)
		for _, s := range tier {
			if s < 0 || s >= len(p.Servers) {
				errs = append(errs, fmt.Errorf("server %d of %d", s, len(p.Servers)))
			}
		}
	}
	if named == 0 {
		errs = append(errs, errors.New("names no server"))
	}
	return errors.Join(errs...)
}

func (t Token) check(has geo.Attributes) error {
	switch {
	case t.empty():
		return fmt.Errorf("%s: names nothing", t)
	case t.Kind == ASN && !has.ASN, t.Kind == Subdivision && !has.Subdivision:
		return fmt.Errorf("%s: no database loaded knows this of an address", t)
	case t.Kind != Net:
		return nil
	case !t.Net.IsValid() || t.Net.Addr().Is4In6():
		return fmt.Errorf("%s: not a network", t)
	case t.Net.Bits() > width4 && t.Net.Addr().Is4():
		return fmt.Errorf("%s: longer than /%d", t, width4)
	case t.Net.Bits() > width6:
		return fmt.Errorf("%s: longer than /%d", t, width6)
	}
	return nil
}

// empty says whether a token names the zero of its kind, which stands for what is not known of a place.
func (t Token) empty() bool {
	switch t.Kind {
	case ASN:
		return t.ASN == 0
	case Subdivision:
		return t.Subdivision == geo.Subdivision{}
	case Country, Continent:
		return t.Code == geo.Code{}
	}
	return false
}
