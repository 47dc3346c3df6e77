package zones

import "hash/maphash"

// owners groups records by owner, in the order of the file, without moving
// them. Not safe for concurrent use.
type owners struct {
	heads []uint32 // the first record of every owner
	next  []uint32 // by record: the owner's next one; 0 for none
}

func groupByOwner(recs []Record) owners {
	o := owners{next: make([]uint32, len(recs))}
	size := 4
	for size*2 < len(recs)*3 {
		size *= 2
	}
	tails := make([]uint32, size) // hash table of the owners' last records, plus one
	seed := maphash.MakeSeed()
	at := 0
	for i := range recs {
		if i == 0 || recs[i].Owner != recs[i-1].Owner {
			at = find(tails, recs, maphash.String(seed, recs[i].Owner), recs[i].Owner)
		}
		if tails[at] == 0 {
			o.heads = append(o.heads, uint32(i))
		} else {
			o.next[tails[at]-1] = uint32(i)
		}
		tails[at] = uint32(i) + 1
	}
	return o
}

// find gives the place of an owner in the table, or the empty one it gets.
func find(tails []uint32, recs []Record, hash uint64, owner string) int {
	mask := uint64(len(tails) - 1)
	at := hash & mask
	for tails[at] != 0 && recs[tails[at]-1].Owner != owner {
		at = (at + 1) & mask
	}
	return int(at)
}

// of appends the numbers of the records of the owner whose first is head.
func (o owners) of(dst []uint32, head uint32) []uint32 {
	dst = append(dst, head)
	for i := o.next[head]; i != 0; i = o.next[i] {
		dst = append(dst, i)
	}
	return dst
}
