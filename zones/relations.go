package zones

import (
	"encoding/binary"

	"github.com/miekg/dns"
)

// GeoInfo is what the pools say of a GEO record's reference.
type GeoInfo struct {
	A, AAAA   bool // the types that exist at such a name
	CNAME     bool // some server is a CNAME
	OnlyCNAME bool // every server is one
	NoData    bool // a type that exists may come and go: all_down = "nodata"
	Variants  int  // RRsets that such a name may be answered with while all servers are up
}

// FindGeo tells whether there is such a pool, or server in it, and fails with
// what is unknown. It must be safe for concurrent use.
type FindGeo func(ref string) (GeoInfo, error)

// relations applies the rules between the names of a zone: what lies below
// cuts and DNAMEs, and where names in RDATA lead.
type relations struct {
	zone   *Zone
	rep    *report
	glue   []uint64 // by node: an NS record needs its addresses
	dnames bool
	name   Name
	apex   int // labels of the origin
}

// relate checks the records that zone was compiled from; those without a type
// do not count. cuts and dnames tell whether there are any.
func relate(z *Zone, recs []Record, cuts, dnames bool, rep *report) {
	r := &relations{zone: z, rep: rep, dnames: dnames, glue: make([]uint64, z.Nodes()/64+1)}
	r.apex = r.labels(z.origin)
	for i := range recs {
		switch recs[i].Type {
		case typeNS:
			r.nsTarget(&recs[i])
		case typeSVCB, typeHTTPS:
			r.hints(&recs[i])
		}
	}
	if !cuts && !dnames {
		return
	}
	for i := range recs {
		if recs[i].Type != 0 {
			r.place(&recs[i], i > 0 && recs[i-1].Owner == recs[i].Owner)
		}
	}
}

// labels sets the scratch name and counts its labels.
func (r *relations) labels(wire string) int {
	setName(&r.name, wire)
	return r.name.Labels()
}

// lookup finds a name of the zone, in lower case.
func (r *relations) lookup(wire string) Match {
	return r.zone.Lookup(&r.name, r.labels(wire)-r.apex)
}

// nsTarget looks at the name server that an NS record of the zone names.
//
//	its name is                      ->
//	outside the zone                 nothing to say
//	at or below a cut, has address   marked as glue
//	at or below a cut, has none      warned
//	a CNAME, or below a DNAME        refused
//	a GEO name                       refused
//	a name with an address           fine
//	anything else                    warned
func (r *relations) nsTarget(ns *Record) {
	target := folded(ns.Data)
	if !within(target, r.zone.origin) {
		return
	}
	m := r.lookup(target)
	switch m.Kind {
	case Delegation:
		id, ok := r.zone.find(&r.name, 0)
		if !ok || !r.zone.hasAddress(id) {
			r.rep.warn(ns.Pos, "the name server %s lies below a zone cut and has no address here: glue is missing", nameText(target))
			return
		}
		r.glue[id/64] |= 1 << (id % 64)
	case Redirect:
		r.rep.fail(ns.Pos, "the name server %s is an alias: it lies below a DNAME", nameText(target))
	case NoName:
		r.rep.warn(ns.Pos, "the name server %s does not exist", nameText(target))
	default:
		r.nsNode(ns, target, m.Node)
	}
}

func (r *relations) nsNode(ns *Record, target string, id NodeID) {
	_, _, geo := r.zone.Geo(id)
	_, alias := r.zone.Find(id, typeCNAME)
	switch {
	case geo:
		r.rep.fail(ns.Pos, "the name server %s is a GEO name", nameText(target))
	case alias:
		r.rep.fail(ns.Pos, "the name server %s is a CNAME", nameText(target))
	case !r.zone.hasAddress(uint32(id)):
		r.rep.warn(ns.Pos, "the name server %s has no address", nameText(target))
	}
}

// hints warns of addresses in HTTPS or SVCB that a client may use in place of
// the steered ones (RFC 9460 section 7.3).
func (r *relations) hints(svcb *Record) {
	name, hinted := svcbHints(svcb.Data)
	if !hinted {
		return
	}
	if name = folded(name); name == "\x00" {
		name = svcb.Owner
	}
	if !within(name, r.zone.origin) {
		return
	}
	m := r.lookup(name)
	if m.Kind != Found && m.Kind != Wildcard {
		return
	}
	if _, _, geo := r.zone.Geo(m.Node); geo {
		r.rep.warn(svcb.Pos, "address hints for the geo name %s: clients may use them instead of the steered addresses", nameText(name))
	}
}

// svcbHints gives the target of SVCB RDATA, and whether it has address hints
// (RFC 9460 section 2.2).
func svcbHints(data string) (target string, hinted bool) {
	const ipv4hint, ipv6hint = 4, 6
	size := nameSize(data[2:])
	target, rest := data[2:2+size], []byte(data[2+size:])
	for len(rest) >= 4 {
		key := binary.BigEndian.Uint16(rest)
		hinted = hinted || key == ipv4hint || key == ipv6hint
		rest = rest[min(len(rest), 4+int(binary.BigEndian.Uint16(rest[2:]))):]
	}
	return target, hinted
}

// place looks at where a record stands; again tells that the record before it
// has the same owner.
func (r *relations) place(rec *Record, again bool) {
	m := r.lookup(rec.Owner)
	switch above, found := r.dnameAbove(); {
	case found && !again:
		r.rep.fail(rec.Pos, "data below the DNAME at %s", nameText(string(r.zone.owner(above))))
	case !found && m.Kind == Delegation:
		r.belowCut(rec, string(r.zone.Owner(m.Node)))
	}
}

// belowCut looks at a record at or below a zone cut.
func (r *relations) belowCut(rec *Record, cut string) {
	id, _ := r.zone.find(&r.name, 0)
	atCut := rec.Owner == cut
	switch rec.Type {
	case typeA, typeAAAA:
		if r.glue[id/64]>>(id%64)&1 == 1 {
			return
		}
	case TypeGEO:
		if !atCut {
			r.rep.fail(rec.Pos, "a GEO record below the zone cut %s", nameText(cut))
		}
		return
	case typeNS, dns.TypeDS, dns.TypeNSEC, dns.TypeRRSIG:
		if atCut {
			return
		}
	}
	if atCut {
		r.rep.warn(rec.Pos, "%s at the zone cut %s is never answered: only the delegated zone's own counts", typeText(rec.Type), nameText(cut))
		return
	}
	r.rep.warn(rec.Pos, "%s below the zone cut %s is never answered: it is not glue", typeText(rec.Type), nameText(cut))
}

// dnameAbove finds the DNAME that the name looked up last lies below, where
// nothing may stand, a zone cut neither (RFC 6672 section 2.4). One that is
// itself below a cut redirects nothing.
func (r *relations) dnameAbove() (id uint32, found bool) {
	for i := 1; r.dnames && i <= r.name.Labels()-r.apex; i++ {
		id, ok := r.zone.find(&r.name, i)
		if ok && r.zone.nodes[id].dname && r.zone.nodes[id].cut == 0 {
			return id, true
		}
	}
	return 0, false
}

// geoProblem tells what is wrong with a GEO record's reference; "" if nothing.
func geoProblem(find FindGeo, ref GeoRef) string {
	info, err := find(ref.Ref)
	switch {
	case err != nil:
		return "GEO " + ref.Ref + ": " + err.Error()
	case info.CNAME && ref.Apex:
		return "GEO " + ref.Ref + ": a pool with CNAME servers cannot stand at the apex"
	case info.CNAME && !ref.Alone:
		return "GEO " + ref.Ref + ": a pool with CNAME servers cannot stand beside other records of its name"
	}
	return ""
}

// checkRefs reports the references of a zone that the pools do not bear out.
func checkRefs(z *Zone, find FindGeo, rep *report) {
	if find == nil {
		return
	}
	for _, ref := range z.Refs() {
		if text := geoProblem(find, ref); text != "" {
			rep.fail(ref.Pos, "%s", text)
		}
	}
	if z.Signer() != nil {
		checkSignedPools(z, find, rep)
	}
}
