package steer

import (
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"slices"
	"sort"

	"github.com/meridian-dns/meridian/geo"
)

// reference ranks one client at a time from the plain world, with no table, straight from the design's words.
type reference struct {
	w     *world
	p     *Pool
	keep  int          // servers named by tiers of their own
	ranks [2][]refRank // by region
}

// refRank is a ranking, or the order to ask for the resolver's.
type refRank struct {
	ask   bool
	tiers [][]int
	text  string // of both: equal for equal rankings
}

func newRefRank(ask bool, tiers [][]int) refRank { return refRank{ask, tiers, fmt.Sprint(ask, tiers)} }

func newReference(w *world, p *Pool, keep int) *reference {
	r := &reference{w: w, p: p, keep: keep}
	for f := range w.regions {
		for i := range w.regions[f] {
			r.ranks[f] = append(r.ranks[f], r.majority(w.regions[f][i].shares))
		}
	}
	return r
}

// majority is the ranking of most addresses of a block, the lowest address on a tie.
func (r *reference) majority(shares []held) refRank { return r.majorityBy(shares, r.rank) }

func (r *reference) majorityBy(shares []held, rankOf func(geo.Place) refRank) refRank {
	var order []refRank
	total := map[string]*big.Int{}
	for _, h := range shares {
		rank := rankOf(h.place)
		if total[rank.text] == nil {
			total[rank.text] = new(big.Int)
			order = append(order, rank)
		}
		n := new(big.Int).Lsh(new(big.Int).SetUint64(h.hi), 64)
		total[rank.text].Add(total[rank.text], n.Add(n, new(big.Int).SetUint64(h.lo)))
	}
	best := order[0]
	for _, rank := range order {
		if total[rank.text].Cmp(total[best.text]) > 0 {
			best = rank
		}
	}
	return best
}

// covers says whether a network of the world lies around the innermost one of a place.
func (r *reference) covers(net netip.Prefix, p geo.Place) bool {
	if p.Net == 0 {
		return false
	}
	inner := r.w.nets[p.Net-1].Prefix
	return net.Bits() <= inner.Bits() && net.Contains(inner.Addr())
}

func (r *reference) matches(t Token, p geo.Place) bool {
	switch t.Kind {
	case Net:
		return r.covers(t.Net, p)
	case ASN:
		return p.ASN == t.ASN
	case Subdivision:
		return p.Subdivision == t.Subdivision
	case Country:
		return p.Country == t.Code
	case Continent:
		return p.Continent == t.Code
	}
	return true
}

// rule is the rule with the most specific match: by kind, length of the network, explicit before group.
func (r *reference) rule(p geo.Place) *Rule {
	var best *Rule
	high := -1
	for i := range r.p.Rules {
		for _, t := range r.p.Rules[i].Tokens {
			weight := int(t.Kind) * 1000
			if t.Kind == Net {
				weight += t.Net.Bits() * 2
			}
			if t.Group == "" {
				weight++
			}
			if r.matches(t, p) && weight > high {
				best, high = &r.p.Rules[i], weight
			}
		}
	}
	return best
}

func (r *reference) rank(p geo.Place) refRank {
	if p.Special {
		named := false
		for _, rule := range r.p.Rules {
			for _, t := range rule.Tokens {
				named = named || t.Kind == Net && r.covers(t.Net, p)
			}
		}
		if !named {
			return newRefRank(true, nil)
		}
	}
	return newRefRank(false, r.split(r.tiers(r.rule(p)), p))
}

// tiers are a rule's, and the servers it does not name.
func (r *reference) tiers(rule *Rule) [][]int {
	var tiers [][]int
	named := map[int]bool{}
	if rule != nil {
		for _, tier := range rule.Tiers {
			var once []int
			for _, s := range tier {
				if !named[s] {
					named[s] = true
					once = append(once, s)
				}
			}
			tiers = append(tiers, once)
		}
	}
	var rest []int
	for s := range r.p.Servers {
		if !named[s] && (rule == nil || !rule.Fence) {
			rest = append(rest, s)
		}
	}
	return append(tiers, rest)
}

func (r *reference) split(tiers [][]int, p geo.Place) [][]int {
	var out [][]int
	for _, tier := range tiers {
		switch r.p.Order {
		case Listed:
			for _, s := range tier {
				out = append(out, []int{s})
			}
		case Together:
			if len(tier) > 0 {
				out = append(out, r.inTier(tier))
			}
		case Nearest:
			out = r.nearest(out, tier, p)
		}
	}
	return out
}

// inTier puts a tier into file order where nothing depends on its own.
func (r *reference) inTier(tier []int) []int {
	tier = slices.Clone(tier)
	addresses := [2]int{}
	alias := false
	for _, s := range r.p.Servers {
		alias = alias || s.CNAME != ""
		for _, a := range s.Addrs {
			if a.Addr.Is4() {
				addresses[0]++
			} else {
				addresses[1]++
			}
		}
	}
	n := r.p.N
	if n == 0 {
		n = 8
	}
	if r.p.Pick != First && !(r.p.Pick == All && (alias || max(addresses[0], addresses[1]) > n)) {
		sort.Ints(tier)
	}
	return tier
}

func (r *reference) nearest(out [][]int, tier []int, p geo.Place) [][]int {
	named := 0
	for _, t := range out {
		named += len(t)
	}
	rest := slices.Sorted(slices.Values(tier))
	var far []int
	for _, s := range rest {
		if p.Located && r.p.Servers[s].Located {
			far = append(far, s)
		}
	}
	km := func(s int) float64 { return haversine(p, r.p.Servers[s].At) }
	sort.SliceStable(far, func(i, j int) bool { return km(far[i]) < km(far[j]) })
	for len(far) > 0 && named < r.keep {
		d, n := km(far[0]), 1
		for n < len(far) && km(far[n]) <= max(1.05*d, d+50)+1e-6 {
			n++
		}
		out = append(out, r.inTier(far[:n]))
		rest = slices.DeleteFunc(rest, func(s int) bool { return slices.Contains(far[:n], s) })
		far, named = far[n:], named+n
	}
	for _, s := range rest {
		out = append(out, []int{s})
	}
	return out
}

func haversine(p geo.Place, at geo.Point) float64 {
	rad := func(deg float64) float64 { return deg * math.Pi / 180 }
	lat1, lat2 := rad(float64(p.Lat)), rad(at.Lat)
	a, b := math.Sin((lat2-lat1)/2), math.Sin((rad(at.Lon)-rad(float64(p.Lon)))/2)
	h := a*a + math.Cos(lat1)*math.Cos(lat2)*b*b
	// Grid points lie exactly as far as others by symmetry; what differs by less than a millimetre is a tie.
	return math.Round(2*6371.0088*math.Atan2(math.Sqrt(h), math.Sqrt(max(0, 1-h)))*1e6) / 1e6
}

func (r *reference) at(family int, block uint64) refRank {
	for i, g := range r.w.regions[family] {
		if g.from <= block && block < g.to {
			return r.ranks[family][i]
		}
	}
	panic("the world has a hole")
}

// one says whether all clients get one ranking.
func (r *reference) one() bool {
	unknown := r.unknown().text
	for f := range r.ranks {
		for _, rank := range r.ranks[f] {
			if !rank.ask && rank.text != unknown {
				return false
			}
		}
	}
	return true
}

func (r *reference) unknown() refRank { return r.rank(geo.Place{}) }

// scope tries every prefix around a block, the shortest first, block range by block range.
func (r *reference) scope(family int, block uint64) int {
	want := r.at(family, block).text
	special := r.w.region(family, block).special
	width := widths[family]
	for length := range width {
		from := block >> (width - length) << (width - length)
		to := from + 1<<(width-length)
		same := true
		for i, g := range r.w.regions[family] {
			if g.from < to && from < g.to {
				rank := r.ranks[family][i]
				same = same && rank.text == want && (!rank.ask || g.special == special)
			}
		}
		if same {
			return length
		}
	}
	return width
}

// client gives the ranking of a client and the scope of its answer.
func (r *reference) client(c Client) ([][]int, int) {
	if !c.HasSubnet || c.Source == 0 {
		return r.resolver(c.Resolver), 0
	}
	if r.one() && r.p.Pick != Sticky {
		return r.unknown().tiers, 0
	}
	tiers, scope, grain := r.subnet(c)
	if tiers == nil {
		return r.resolver(c.Resolver), scope
	}
	if r.p.Pick == Sticky {
		scope = max(scope, grain)
	}
	return tiers, scope
}

// subnet is the ranking of a client subnet, nil for special-purpose space; grain is what sticky hashes.
func (r *reference) subnet(c Client) (tiers [][]int, scope, grain int) {
	a, base := c.Subnet, 0
	b := a.As16()
	switch {
	case a.Is4In6() || netip.MustParsePrefix("64:ff9b::/96").Contains(a):
		if c.Source <= 96 {
			return r.unknown().tiers, 96, 96
		}
		a, base = netip.AddrFrom4([4]byte(b[12:])), 96
	case netip.MustParsePrefix("2002::/16").Contains(a):
		a, base = netip.AddrFrom4([4]byte(b[2:6])), 16
	}
	f := 0
	if a.Is6() {
		f = 1
	}
	return r.at(f, blockOf(a)).tiers, base + r.scope(f, blockOf(a)), base + widths[f]
}

func (r *reference) resolver(a netip.Addr) [][]int {
	tiers, _, _ := r.subnet(Client{Subnet: a, Source: 128})
	if tiers == nil {
		return r.unknown().tiers
	}
	return tiers
}
