package steer

// decision is what a ranking and the states of its servers come to, before the pick.
type decision struct {
	serving
	kind     Kind // Addresses, or what all_down says
	allDown  bool
	fallback bool // the servers are those of Pool.Fallback
}

// decide finds who serves a ranking.
//
//	up or pending server   all_down    fallback carries the family   who
//	yes                    any         any                           the serving tier
//	no                     serve-all   any                           the nearest tier
//	no                     fallback    yes                           the fallback, its fit servers if it has any
//	no                     fallback    no                            the nearest tier
//	no                     nodata      any                           nobody: NODATA
//	no                     servfail    any                           nobody: SERVFAIL
func (p *pool) decide(seq []uint16, c, spare *crew) decision {
	if s := serve(seq, c.levels, p.MinUp); s.ok {
		return decision{serving: s}
	}
	switch p.AllDown {
	case DenyData:
		return decision{kind: NoData, allDown: true}
	case Fail:
		return decision{kind: ServFail, allDown: true}
	case UseFallback:
		if s := serveSpare(spare); s.ok {
			return decision{serving: s, allDown: true, fallback: true}
		}
	}
	s := serveDown(seq, c.levels)
	s.later = nil
	return decision{serving: s, allDown: true}
}

// serveSpare makes the fallback servers one tier.
func serveSpare(spare *crew) serving {
	if len(spare.members) == 0 {
		return serving{}
	}
	tier := make([]uint16, len(spare.members))
	for i := range tier {
		tier[i] = uint16(i)
	}
	tier[len(tier)-1] |= tierEnd
	if s := serve(tier, spare.levels, 1); s.ok {
		return s
	}
	return serveDown(tier, spare.levels)
}

// choose appends the servers an answer is made of, in order: the fit ones of the serving tier that the pick
// takes, or takes its picks from. An answer that begins with a CNAME holds nothing else, one that begins with
// an address no CNAME; for Weighted and Sticky that is known only when the first is drawn.
func (p *pool) choose(to []uint16, s serving, c *crew) []uint16 {
	to = appendFit(to, s.tier, s.least, c)
	switch p.Pick {
	case Weighted, Sticky:
		return dropWeightless(to, c)
	case First:
		to = appendFit(to, s.later, s.least, c)
	}
	to = dropAliases(to, c)
	if p.Pick == First {
		to = to[:min(len(to), p.limit())]
	}
	return to
}

func appendFit(to, servers []uint16, least level, c *crew) []uint16 {
	for _, s := range servers {
		if s &^= tierEnd; c.levels[s] >= least {
			to = append(to, s)
		}
	}
	return to
}

// dropWeightless leaves out servers of weight 0, unless no other is there.
func dropWeightless(servers []uint16, c *crew) []uint16 {
	kept := servers[:0:len(servers)]
	for _, s := range servers {
		if c.members[s].weight > 0 {
			kept = append(kept, s)
		}
	}
	if len(kept) == 0 {
		return servers
	}
	return kept
}

// dropAliases keeps the first server alone if it is a CNAME, else all that are not.
func dropAliases(servers []uint16, c *crew) []uint16 {
	if len(servers) > 0 && c.members[servers[0]].alias != nil {
		return servers[:1]
	}
	kept := servers[:0]
	for _, s := range servers {
		if c.members[s].alias == nil {
			kept = append(kept, s)
		}
	}
	return kept
}
