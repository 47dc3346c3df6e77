package zones

// LongestTTL is the longest TTL of anything that stands in the zone, in
// seconds, and the name that has it as text. The RRsets that signing adds count
// too.
func (z *Zone) LongestTTL() (ttl uint32, name string) {
	var owner []byte
	for id := range z.nodes {
		longest := uint32(0)
		if _, geo, ok := z.Geo(NodeID(id)); ok {
			longest = geo
		}
		for i := range z.Sets(NodeID(id)) {
			longest = max(longest, z.At(NodeID(id), i).TTL())
		}
		if longest > ttl || owner == nil {
			ttl, owner = longest, z.owner(uint32(id))
		}
	}
	return ttl, nameText(string(owner))
}
