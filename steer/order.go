package steer

import (
	"cmp"
	"math"
	"slices"

	"github.com/meridian-dns/meridian/geo"
)

// A ranking is the servers of a pool by index, tier after tier; the last of each tier carries tierEnd.
const tierEnd = 1 << 15

// wholeTiers is how many servers a ranking names with tiers of its own; the others follow in file order.
const wholeTiers = 8

const (
	earthKM   = 6371.0088 // mean radius, as geo.DistanceKM
	bandKM    = 50        // servers this much farther than the nearest are as near as it
	bandRatio = 1.05      // or this many times as far
	edgeKM    = 1e-6      // what rounding may not decide at the edge of a band
)

// point is a place on the unit sphere. Distances are compared as squares of chords, which grow with the
// great circle, cost no trigonometry and are exact at both ends.
type point struct{ x, y, z float64 }

func pointAt(lat, lon float64) point {
	sinLat, cosLat := math.Sincos(lat * math.Pi / 180)
	sinLon, cosLon := math.Sincos(lon * math.Pi / 180)
	return point{cosLat * cosLon, cosLat * sinLon, sinLat}
}

// placePoint returns where a place is, or nil if that is not known.
func placePoint(p *geo.Place) *point {
	if !p.Located {
		return nil
	}
	at := pointAt(float64(p.Lat), float64(p.Lon))
	return &at
}

// chord returns the square of the chord between two points: 0 to 4. It is cut to multiples of 2^-44, the last
// bit of 256, so that points equally far are so in spite of rounding: one metre where they are close, less than
// a millimetre elsewhere.
func (p point) chord(q point) float64 {
	x, y, z := p.x-q.x, p.y-q.y, p.z-q.z
	return float64(x*x+y*y+z*z+256) - 256
}

// kilometres turns the square of a chord into the distance along the great circle.
func kilometres(chord float64) float64 {
	return 2 * earthKM * math.Asin(min(1, math.Sqrt(chord)/2))
}

// band returns the greatest squared chord that is as near as the given one.
func band(chord float64) float64 {
	d := kilometres(chord)
	far := max(bandRatio*d, d+bandKM) + edgeKM
	if far >= math.Pi*earthKM {
		return math.Inf(1)
	}
	h := 2 * math.Sin(far/(2*earthKM))
	return h * h
}

// ordering is what the rankings of a pool are made from, besides the place.
type ordering struct {
	order Order
	exact bool // the order of the servers within a tier counts; otherwise they stand in file order
	at    []*point
	plans [][][]uint16 // by rule+1: the tiers before they are split; 0 is for places without a rule
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
	for i := range p.Servers {
		var at *point
		if s := &p.Servers[i]; s.Located {
			v := pointAt(s.At.Lat, s.At.Lon)
			at = &v
		}
		o.at = append(o.at, at)
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

// distance is a server and the square of the chord to it.
type distance struct {
	server uint16
	chord  float64
}

// ranker makes rankings; it holds the space for one at a time and must not be shared.
type ranker struct {
	*ordering
	seq   []uint16
	far   []distance
	named []bool // by server: stands in a band
}

func newRanker(o *ordering) *ranker {
	return &ranker{ordering: o, named: make([]bool, len(o.at))}
}

// rank returns the ranking of a place under a rule (-1: none); at is nil if nobody knows where the place is.
// The result is valid until the next call.
func (r *ranker) rank(rule int32, at *point) []uint16 {
	r.seq = r.seq[:0]
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
func (r *ranker) nearest(servers []uint16, at *point) {
	r.far = r.far[:0]
	if at != nil && len(r.seq) < r.keep {
		for _, s := range servers {
			if p := r.at[s]; p != nil {
				r.far = append(r.far, distance{s, at.chord(*p)})
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

// openBand appends the nearest servers as a tier and returns the others.
func (r *ranker) openBand(far []distance) []distance {
	nearest := slices.MinFunc(far, func(a, b distance) int { return cmp.Compare(a.chord, b.chord) })
	limit, n := band(nearest.chord), 0
	for i, d := range far {
		if d.chord <= limit {
			copy(far[n+1:i+1], far[n:i]) // a stable partition keeps file order on both sides
			far[n] = d
			n++
		}
	}
	near := far[:n]
	if r.exact {
		slices.SortStableFunc(near, func(a, b distance) int { return cmp.Compare(a.chord, b.chord) })
	}
	for _, d := range near {
		r.seq = append(r.seq, d.server)
	}
	r.seq[len(r.seq)-1] |= tierEnd
	return far[n:]
}
