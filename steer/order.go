package steer

import (
	"cmp"
	"math"
	"slices"
)

// A ranking is the servers of a pool by index, tier after tier; the last of each tier carries tierEnd.
const tierEnd = 1 << 15

// wholeTiers is how many servers a ranking names with tiers of its own; the others follow in file order.
const wholeTiers = 8

// ordering is what the rankings of a pool are made from, besides the place.
type ordering struct {
	order Order
	exact bool         // the order of the servers within a tier counts; otherwise they stand in file order
	at    []point      // the servers
	plans [][][]uint16 // by rule+1: the tiers before they are split; 0 is for places without a rule
	bands *bands       // for Nearest
	keep  int          // wholeTiers, fewer if there would be too many rankings
}

// exactWithinTiers says whether the answers of a pool depend on the order of servers within a tier: where
// only some of a tier are picked by order, and where the first one picked decides between CNAME and addresses.
// Elsewhere file order makes more rankings equal and scopes shorter.
func exactWithinTiers(p *Pool) bool {
	aliases, v4, v6 := 0, 0, 0
	for i := range p.Servers {
		if p.Servers[i].CNAME != "" {
			aliases++
		}
		for _, a := range p.Servers[i].Addrs {
			if a.Addr.Is4() {
				v4++
			} else {
				v6++
			}
		}
	}
	return p.Pick == First || p.Pick == All && (aliases > 0 || max(v4, v6) > p.limit())
}

func newOrdering(p *Pool) *ordering {
	o := &ordering{order: p.Order, exact: exactWithinTiers(p), keep: wholeTiers}
	if o.order == Nearest {
		o.bands = newBands()
	}
	for i := range p.Servers {
		o.at = append(o.at, p.Servers[i].point())
	}
	o.plans = append(o.plans, o.plan(nil, false))
	for i := range p.Rules {
		o.plans = append(o.plans, o.plan(p.Rules[i].Tiers, p.Rules[i].Fence))
	}
	return o
}

// plan returns the tiers of a rule, each server once, and the servers it does not name unless it is fenced.
func (o *ordering) plan(tiers [][]int, fence bool) [][]uint16 {
	named := make([]bool, len(o.at))
	var plan [][]uint16
	take := func(tier []uint16, s int) []uint16 {
		if named[s] {
			return tier
		}
		named[s] = true
		return append(tier, uint16(s))
	}
	for _, servers := range tiers {
		var tier []uint16
		for _, s := range servers {
			tier = take(tier, s)
		}
		plan = append(plan, tier)
	}
	var rest []uint16
	for s := range o.at {
		if !fence {
			rest = take(rest, s)
		}
	}
	return o.tidy(append(plan, rest))
}

// tidy drops empty tiers and puts servers into file order where the rule's own does not matter.
func (o *ordering) tidy(plan [][]uint16) [][]uint16 {
	plan = slices.DeleteFunc(plan, func(tier []uint16) bool { return len(tier) == 0 })
	for _, tier := range plan {
		if o.order == Nearest || o.order == Together && !o.exact {
			slices.Sort(tier)
		}
	}
	return plan
}

// distance is a server and how far it is.
type distance struct {
	server uint16
	chord  float64 // its square
	km     float64
}

// ranker makes rankings; it holds the space for one at a time and must not be shared.
type ranker struct {
	*ordering
	seq   []uint16
	far   []distance
	band  []distance
	named []bool  // by server: stands in a band
	slack float64 // kilometres that the place of the last ranking may move without another ranking
}

func newRanker(o *ordering) *ranker {
	return &ranker{ordering: o, named: make([]bool, len(o.at))}
}

// rank returns the ranking of a place under a rule (-1: none).
// The result is valid until the next call.
func (r *ranker) rank(rule int32, at point) []uint16 {
	r.seq, r.slack = r.seq[:0], math.Inf(1)
	for _, tier := range r.plans[rule+1] {
		switch r.order {
		case Listed:
			r.each(tier)
		case Together:
			r.tier(tier)
		default:
			r.nearest(tier, at)
		}
	}
	return r.seq
}

// each makes every server a tier.
func (r *ranker) each(servers []uint16) {
	for _, s := range servers {
		r.seq = append(r.seq, s|tierEnd)
	}
}

// tier makes the servers one tier.
func (r *ranker) tier(servers []uint16) {
	r.seq = append(r.seq, servers...)
	r.seq[len(r.seq)-1] |= tierEnd
}

// nearest splits a tier, given in file order, into bands: the nearest server opens a tier of all that are as
// near, then the nearest of the rest does. Servers without a location follow, as do all once the ranking
// names enough; these, and all for a place nobody knows, stand in file order, each a tier.
func (r *ranker) nearest(servers []uint16, at point) {
	r.far = r.far[:0]
	if at.known && len(r.seq) < r.keep {
		for _, s := range servers {
			if p := r.at[s]; p.known {
				chord := at.chord(p)
				r.far = append(r.far, distance{s, chord, kilometres(chord)})
			}
		}
	}
	from := len(r.seq)
	for len(r.far) > 0 && len(r.seq) < r.keep {
		r.far = r.openBand(r.far)
	}
	bands := r.seq[from:]
	r.mark(bands, true)
	for _, s := range servers {
		if !r.named[s] {
			r.seq = append(r.seq, s|tierEnd)
		}
	}
	r.mark(bands, false)
}

func (r *ranker) mark(seq []uint16, named bool) {
	for _, s := range seq {
		r.named[s&^tierEnd] = named
	}
}

// openBand appends the nearest servers as a tier and returns the others, both in file order.
func (r *ranker) openBand(far []distance) []distance {
	nearest := far[0]
	for _, d := range far[1:] {
		if d.chord < nearest.chord {
			nearest = d
		}
	}
	r.band = r.band[:0]
	rest := far[:0]
	for _, d := range far {
		if r.bands.near(nearest.chord, d.chord) {
			r.band = append(r.band, d)
		} else {
			rest = append(rest, d)
		}
	}
	r.narrow(nearest.km, rest)
	if r.exact && len(r.band) > 1 {
		slices.SortStableFunc(r.band, func(a, b distance) int { return cmp.Compare(a.chord, b.chord) })
	}
	for _, d := range r.band {
		r.seq = append(r.seq, d.server)
	}
	r.seq[len(r.seq)-1] |= tierEnd
	return rest
}

// narrow bounds the slack by a band that was opened at a distance, and by the servers that were left for later ones.
// Over x kilometres each distance changes by at most x, and the end of the band by at most bandRatio times as much.
func (r *ranker) narrow(nearest float64, rest []distance) {
	edge := max(bandRatio*nearest, nearest+bandKM)
	for _, d := range rest {
		r.bound((d.km - edge) / (1 + bandRatio))
	}
	if len(r.band) == 1 {
		return // as long as all others are beyond its band, it is the nearest
	}
	for i, d := range r.band {
		r.bound((edge - d.km) / (1 + bandRatio))
		if r.exact {
			r.apart(d, r.band[:i])
		}
	}
}

// apart bounds the slack by how differently far servers are whose order counts. Those at one point stay as they are.
func (r *ranker) apart(d distance, others []distance) {
	for _, o := range others {
		if r.at[d.server] != r.at[o.server] {
			r.bound(math.Abs(d.km-o.km) / 2)
		}
	}
}

func (r *ranker) bound(km float64) { r.slack = min(r.slack, km) }

// rounding is how many kilometres a distance may be wrong by, twice over: chord cuts about a metre off.
const rounding = 0.01

// reach returns the square of the chord around the place of the last ranking within which all places have that one
// under the same rule; negative if no other surely has.
func (r *ranker) reach() float64 {
	km := r.slack - rounding
	if km < 0 {
		return -1
	}
	half := math.Sin(min(km, math.Pi*earthKM) / (2 * earthKM))
	return 4 * half * half
}
