package resolver

import (
	"fmt"

	"github.com/meridian-dns/meridian/steer"
	"github.com/meridian-dns/meridian/zones"
)

// explain gives the reasons for a geo name's answer, a line each; ttl is that of
// its GEO record. ANY is explained as the type that it is answered with.
func (v *View) explain(g *geoName, c steer.Client, qtype uint16, ttl uint32) []string {
	if g.bad {
		return []string{"the pool of this name is unknown: answered SERVFAIL"}
	}
	return v.steer.Explain(g.ref, c, steerType(int(qtype), g.info)).Lines(ttl)
}

// Explain gives the reasons for the answer to one question, a line each, as
// CH TXT at the name would. CNAMEs of zones served here are followed. name is
// in wire form. It is not meant for the query path: it allocates.
func (v *View) Explain(name []byte, qtype uint16, c steer.Client) ([]string, error) {
	var n zones.Name
	if _, err := n.Set(name); err != nil {
		return nil, err
	}
	var lines []string
	for range maxLinks {
		said, on := v.explainName(&n, qtype, c)
		if lines = append(lines, said...); !on {
			return lines, nil
		}
	}
	return append(lines, "the chain of CNAMEs is followed no further"), nil
}

// explainName explains one name; where a CNAME leads on, that is taken into n.
func (v *View) explainName(n *zones.Name, qtype uint16, c steer.Client) (lines []string, on bool) {
	entry, apex, ok := v.zones.Find(n, 0)
	switch {
	case !ok:
		return []string{"outside all zones here: REFUSED when asked for itself, left to others at the end of a CNAME"}, false
	case v.zones.Entry(entry).Zone == nil:
		return []string{"the zone has no usable version: answered SERVFAIL"}, false
	}
	zone := v.zones.Entry(entry).Zone
	m := zone.Lookup(n, apex)
	if m.Kind == zones.Found || m.Kind == zones.Wildcard {
		if ref, ttl, ok := zone.Geo(m.Node); ok {
			if g := &v.refs[entry][ref]; g.steers(int(qtype)) {
				return v.explain(g, c, qtype, ttl), false
			}
		}
		if set, ok := zone.Find(m.Node, typeCNAME); ok && qtype != typeCNAME && set.Target(n) == nil {
			return []string{"CNAME to " + n.String() + ", for every client" + endsHere(c) + "; of that name:"}, true
		}
	}
	return []string{fmt.Sprintf("%s: the same answer for every client", m.Kind)}, false
}

// endsHere tells of a rule that surprises: an answer for a client subnet ends
// at the CNAME before a geo name (RFC 7871 section 7.2.1), and the resolver
// asks for that name next.
func endsHere(c steer.Client) string {
	if !c.HasSubnet || c.Source == 0 {
		return ""
	}
	return ", with scope 0 and the last record if a pool follows"
}

// Narrator gives explanations in brief, and many of them cheaply. It must be told to Forget when it is not needed for a
// while. It belongs to one goroutine, and not to the query path.
type Narrator struct {
	steer.Narrator
	name zones.Name
}

// Brief gives the reasons for the answer to a question of class IN in a few words, those of the pool that answers where
// CNAMEs of zones served here lead to one.
func (n *Narrator) Brief(v *View, name []byte, qtype uint16, c steer.Client) steer.Brief {
	at := &n.name
	if _, err := at.Set(name); err != nil {
		return steer.Brief{}
	}
	for links := range maxLinks {
		entry, apex, ok := v.zones.Find(at, 0)
		switch {
		case !ok && links > 0:
			return steer.Brief{Why: "a CNAME, for every client"}
		case !ok:
			return steer.Brief{Why: "outside all zones here"}
		case v.zones.Entry(entry).Zone == nil:
			return steer.Brief{Why: "the zone has no usable version"}
		}
		zone := v.zones.Entry(entry).Zone
		m := zone.Lookup(at, apex)
		if m.Kind == zones.Found || m.Kind == zones.Wildcard {
			if ref, _, ok := zone.Geo(m.Node); ok && v.refs[entry][ref].steers(int(qtype)) {
				return n.pool(v, &v.refs[entry][ref], c, qtype)
			}
			if set, ok := zone.Find(m.Node, typeCNAME); ok && qtype != typeCNAME && set.Target(at) == nil {
				continue
			}
		}
		return steer.Brief{Why: unsteered[m.Kind]}
	}
	return steer.Brief{Why: "a chain of CNAMEs that is followed no further"}
}

func (n *Narrator) pool(v *View, g *geoName, c steer.Client, qtype uint16) steer.Brief {
	if g.bad {
		return steer.Brief{Why: "the pool of this name is unknown"}
	}
	return n.Narrator.Brief(v.steer, g.ref, c, steerType(int(qtype), g.info))
}

// unsteered says why a name without a pool is answered as it is.
var unsteered = func() (texts [zones.Redirect + 1]string) {
	for kind := range texts {
		texts[kind] = zones.Kind(kind).String() + ", the same answer for every client"
	}
	return texts
}()
