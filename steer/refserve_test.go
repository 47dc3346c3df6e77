package steer

import (
	"math"
	"slices"
	"time"

	"github.com/meridian-dns/meridian/healthcheck"
)

// outcome is what the design says of an answer: its records, or the servers they are picked from.
type outcome struct {
	kind    Kind
	allDown bool
	records [][]string // by server in order of the pick: its addresses, or "CNAME target"
	until   uint32
}

// refHealth serves a ranking straight from the words of the design.
type refHealth struct {
	p *Pool
	h *healthcheck.Snapshot
}

const (
	refNone = iota // no address in the family
	refDown
	refPending
	refUp
)

func (r *refHealth) probe(slot healthcheck.Slot) (grade int, probed bool) {
	if slot == healthcheck.NoCheck {
		return refUp, true
	}
	switch r.h.States[slot].Status {
	case healthcheck.Down:
		return refDown, true
	case healthcheck.Pending:
		return refPending, true
	case healthcheck.Unprobed:
		return refUp, false
	}
	return refUp, true
}

// address follows the server's other family where its own is not probed.
func (r *refHealth) address(s *Server, a Address) int {
	grade, probed := r.probe(a.Slot)
	if probed {
		return grade
	}
	best, any := refNone, false
	for _, o := range s.Addrs {
		if o.Addr.Is4() != a.Addr.Is4() {
			if grade, probed := r.probe(o.Slot); probed {
				best, any = max(best, grade), true
			}
		}
	}
	if !any {
		return refUp
	}
	return best
}

func (r *refHealth) server(s *Server, family int) int {
	if s.CNAME != "" {
		grade, _ := r.probe(s.Slot)
		return grade
	}
	best := refNone
	for _, a := range s.Addrs {
		if a.Addr.Is4() == (family == 0) {
			best = max(best, r.address(s, a))
		}
	}
	return best
}

// records are the addresses of a server that count at a grade, or its target.
func (r *refHealth) records(s *Server, family, grade int) []string {
	if s.CNAME != "" {
		return []string{"CNAME " + s.CNAME}
	}
	var out []string
	for _, a := range s.Addrs {
		if a.Addr.Is4() == (family == 0) && r.address(s, a) >= grade {
			out = append(out, a.Addr.String())
		}
	}
	return out
}

// exists is point 1: the types of a pool by its servers alone.
func exists(p *Pool, family int) (yes, alias bool) {
	with, without := 0, 0
	count := func(servers []Server) {
		for _, s := range servers {
			if s.CNAME != "" {
				continue
			}
			if slices.ContainsFunc(s.Addrs, func(a Address) bool { return a.Addr.Is4() == (family == 0) }) {
				with++
			} else {
				without++
			}
		}
	}
	count(p.Servers)
	if with+without == 0 && p.AllDown == UseFallback {
		count(p.Fallback)
	}
	if with+without == 0 {
		return true, true
	}
	return with > 0 && (p.Each || without == 0), false
}

func (r *refHealth) serve(tiers [][]int, family int) outcome {
	out := outcome{until: r.until(tiers)}
	for _, grade := range []int{refUp, refPending} {
		for _, least := range []int{max(1, r.p.MinUp), 1} {
			for i, tier := range tiers {
				if fit := r.fit(r.p.Servers, tier, family, grade); len(fit) >= least {
					return r.pick(out, r.p.Servers, fit, r.later(tiers[i+1:], family, grade), family, grade)
				}
			}
		}
	}
	out.allDown = true
	switch r.p.AllDown {
	case DenyData:
		out.kind = NoData
		return out
	case Fail:
		out.kind = ServFail
		return out
	case UseFallback:
		var all []int
		for i := range r.p.Fallback {
			all = append(all, i)
		}
		for _, grade := range []int{refUp, refPending, refDown} {
			if fit := r.fit(r.p.Fallback, all, family, grade); len(fit) > 0 {
				return r.pick(out, r.p.Fallback, fit, nil, family, grade)
			}
		}
	}
	for _, tier := range tiers {
		if fit := r.fit(r.p.Servers, tier, family, refDown); len(fit) > 0 {
			return r.pick(out, r.p.Servers, fit, nil, family, refDown)
		}
	}
	panic("a type that exists is served by nobody")
}

func (r *refHealth) fit(servers []Server, tier []int, family, grade int) []int {
	var fit []int
	for _, i := range tier {
		if r.server(&servers[i], family) >= grade {
			fit = append(fit, i)
		}
	}
	return fit
}

func (r *refHealth) later(tiers [][]int, family, grade int) []int {
	var later []int
	for _, tier := range tiers {
		later = append(later, r.fit(r.p.Servers, tier, family, grade)...)
	}
	return later
}

func (r *refHealth) pick(out outcome, servers []Server, fit, later []int, family, grade int) outcome {
	n := r.p.N
	if n == 0 && r.p.Pick == All {
		n = 8
	}
	n = max(n, 1)
	switch r.p.Pick {
	case Weighted, Sticky:
		heavy := slices.DeleteFunc(slices.Clone(fit), func(i int) bool { return servers[i].Weight == 0 })
		if len(heavy) > 0 {
			fit = heavy
		}
	case First:
		fit = append(fit, later...)
	}
	left := math.MaxInt
	if r.p.Pick == All {
		left = n
	}
	for _, i := range fit {
		alias := servers[i].CNAME != ""
		if r.p.Pick == All || r.p.Pick == First {
			if alias && len(out.records) > 0 || r.p.Pick == First && len(out.records) == n {
				continue
			}
		}
		addrs := r.records(&servers[i], family, grade)
		addrs = addrs[:min(left, len(addrs))]
		if left -= len(addrs); len(addrs) > 0 {
			out.records = append(out.records, addrs)
		}
		if alias && r.p.Pick != Weighted && r.p.Pick != Sticky {
			return out
		}
	}
	return out
}

// until is the least of results needed times interval over all checks of the ranking's servers, rounded up.
func (r *refHealth) until(tiers [][]int) uint32 {
	var least uint32
	for _, tier := range tiers {
		for _, i := range tier {
			s := &r.p.Servers[i]
			slots := []healthcheck.Slot{s.Slot}
			if s.CNAME == "" {
				slots = nil
			}
			for _, a := range s.Addrs {
				slots = append(slots, a.Slot)
			}
			for _, slot := range slots {
				if slot == healthcheck.NoCheck || r.h.States[slot].Needed == 0 {
					continue
				}
				st := r.h.States[slot]
				secs := uint32(math.Ceil(float64(st.Needed) * float64(st.Interval) / float64(time.Second)))
				if least == 0 || secs < least {
					least = secs
				}
			}
		}
	}
	return least
}
