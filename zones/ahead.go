package zones

// Ahead reads in advance what Lookup of a name and a copy of its first RRset
// are going to read, so that several queries wait for memory at the same time
// instead of one after the other. It decides nothing: whoever looks the name up
// reads the same tables again, and finds them in the cache. Its steps are Slot,
// Node and Owner. A plain value.
type Ahead struct {
	zone *Zone
	hash uint32 // of the name
	node uint32 // that probably is the name's
	have bool   // node is one
}

// Begin sets out for a name at or below the apex of a zone; if that is nil,
// there is nothing to read.
func (a *Ahead) Begin(z *Zone, n *Name) { a.zone, a.hash, a.have = z, n.hash[0], false }

// Slot reads the index. Like the other steps, it gives a number that means
// nothing, but keeps the compiler from leaving out the reading.
func (a *Ahead) Slot() uint32 {
	if a.zone == nil {
		return 0
	}
	return a.zone.slots[a.hash&uint32(len(a.zone.slots)-1)].ref
}

// Node reads the node.
func (a *Ahead) Node() uint32 {
	if a.zone == nil {
		return 0
	}
	z := a.zone
	mask := uint32(len(z.slots) - 1)
	for at := a.hash & mask; z.slots[at].ref != 0; at = (at + 1) & mask {
		if z.slots[at].hash == a.hash {
			a.node, a.have = z.slots[at].ref-1, true
			return z.nodes[a.node].name
		}
	}
	return 0
}

// Owner reads the owner name, the first RRset behind it, and what is known of
// that.
func (a *Ahead) Owner() uint32 {
	if !a.have {
		return 0
	}
	z := a.zone
	d := &z.nodes[a.node]
	end := min(d.name+uint32(d.size)+aheadSize, uint32(len(z.data)-1))
	sum := uint32(z.data[d.name]) + uint32(z.data[end])
	if d.count == 0 {
		return sum
	}
	set := &z.sets[d.sets]
	return sum + set.wire + uint32(set.sigs)
}

// aheadSize is how much of an RRset is read in advance: an address record fits.
const aheadSize = 28

// Match gives the node that Node found: probably that of the name.
func (a *Ahead) Match() (NodeID, bool) { return NodeID(a.node), a.have }
