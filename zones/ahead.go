package zones

import "github.com/meridian-dns/meridian/internal/prefetch"

// Ahead asks in advance for the memory that Lookup of a name and a copy of its
// first RRset are going to read. It decides nothing: whoever looks the name up
// reads the same tables again, and finds them in the cache. Its steps are Slot,
// Node and Owner; a step reads what the one before asked for, so there should be
// some time between them. A plain value.
type Ahead struct {
	zone *Zone
	hash uint32 // of the name
	node uint32 // that probably is the name's
	have bool   // node is one
}

// Begin sets out for a name at or below the apex of a zone; if that is nil,
// there is nothing to ask for.
func (a *Ahead) Begin(z *Zone, n *Name) { a.zone, a.hash, a.have = z, n.hash[0], false }

// Slot asks for the index.
func (a *Ahead) Slot() {
	if z := a.zone; z != nil {
		prefetch.Line(&z.slots[a.hash&uint32(len(z.slots)-1)])
	}
}

// Node asks for the node.
func (a *Ahead) Node() {
	z := a.zone
	if z == nil {
		return
	}
	mask := uint32(len(z.slots) - 1)
	for at := a.hash & mask; z.slots[at].ref != 0; at = (at + 1) & mask {
		if z.slots[at].hash == a.hash {
			a.node, a.have = z.slots[at].ref-1, true
			prefetch.Line(&z.nodes[a.node])
			return
		}
	}
}

// Owner asks for the owner name, the first RRset behind it, and what is known of
// that.
func (a *Ahead) Owner() {
	if !a.have {
		return
	}
	z := a.zone
	d := &z.nodes[a.node]
	prefetch.Line(&z.data[d.name])
	prefetch.Line(&z.data[min(d.name+uint32(d.size)+aheadSize, uint32(len(z.data)-1))])
	if d.count != 0 {
		prefetch.Line(&z.sets[d.sets])
	}
}

// aheadSize is how much of an RRset is asked for: an address record fits.
const aheadSize = 28

// Match gives the node that Node found: probably that of the name.
func (a *Ahead) Match() (NodeID, bool) { return NodeID(a.node), a.have }
