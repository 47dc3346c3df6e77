package zones

import "github.com/meridian-dns/meridian/internal/prefetch"

// Ahead is the lookup of a name that goes ahead of its answer, in steps: Slot,
// Node and Owner ask for the memory that Lookup and a copy of the first RRset
// are going to read. A step reads what the one before asked for, so there should
// be some time between them. Lookup does what was not done; steps decide nothing
// else. A plain value, for one name.
type Ahead struct {
	zone *Zone
	hash uint32 // of the name
	node uint32 // that probably is the name's
	seen bool   // the index was read
	have bool   // and node was there
}

// Begin gives the lookup of a name at or below the apex of a zone.
func Begin(z *Zone, n *Name) Ahead { return Ahead{zone: z, hash: n.at[0].hash} }

// Slot asks for the index. Without a zone it does nothing, like other steps.
func (a *Ahead) Slot() {
	if z := a.zone; z != nil {
		prefetch.Line(&z.slots[a.hash&uint32(len(z.slots)-1)])
	}
}

// Node finds the node by its hash, and asks for it.
func (a *Ahead) Node() {
	if a.zone == nil {
		return
	}
	a.seen = true
	slots := a.zone.slots
	mask := uint32(len(slots) - 1)
	for at := a.hash & mask; ; at = (at + 1) & mask {
		s := slots[at]
		if s.ref == 0 {
			return
		}
		if s.hash == a.hash {
			a.node, a.have = s.ref-1, true
			prefetch.Line(&a.zone.nodes[a.node])
			return
		}
	}
}

// Owner asks for the owner name, the first RRset behind it, and where that is
// not in the node, what is known of it. Of a node with a GEO record it gives the
// index in Refs: that is read next.
func (a *Ahead) Owner() (ref int, geo bool) {
	if !a.have {
		return 0, false
	}
	z := a.zone
	d := &z.nodes[a.node]
	name, wire := &z.data[d.name], &z.data[min(d.name+uint32(d.size)+aheadSize, uint32(len(z.data)-1))]
	if d.far {
		prefetch.Lines(name, wire, &z.sets[d.sets])
	} else {
		prefetch.Lines(name, wire, name)
	}
	return int(d.geo) - 1, d.geo != 0
}

// aheadSize is how much of an RRset is asked for: an address record fits.
const aheadSize = 28

// Lookup finds what the zone holds for the name; apex is the label at which the
// zone's apex starts in it. See Zone.Lookup.
func (a *Ahead) Lookup(n *Name, apex int) Match {
	z := a.zone
	switch {
	case a.have && string(z.owner(a.node)) == string(n.Wire()):
		return z.match(n, a.node, 0)
	case a.seen && !a.have:
		return z.lookup(n, 1, apex) // no node has the hash of the name
	}
	return z.Lookup(n, apex)
}
