package zones

import (
	"math"
	"runtime"
	"slices"
	"strings"

	"github.com/meridian-dns/meridian/internal/background"
)

// builder makes a zone from its records: first it gives them their nodes, which
// may go on while others are still being read, then it puts them in order, and
// when they are checked it compiles them. Not safe for concurrent use.
type builder struct {
	z       *Zone
	apex    int // labels of the origin
	scratch Name
	parent  []uint32          // by node, always lower than the node itself
	node    []uint32          // by record; nowhere for one that is out of the zone
	order   []uint32          // the records that count, by node, then type, then as in the file
	pools   map[string]string // one copy of each pool reference
	wire    uint64            // octets of the RRs of the records that were placed
	names   []byte            // the owner names, until they stand with their RRsets
	moved   []bool            // by node: the name does

	last string // the owner of the record that was placed last
	at   uint32 // its node
}

const nowhere = math.MaxUint32

func newBuilder(origin string) *builder {
	b := &builder{z: &Zone{origin: strings.Clone(origin)}}
	b.last = b.z.origin
	return b
}

// portion is some more records of a zone, at most maxPortion, and how many all of
// them are expected to be.
type portion struct {
	recs   []Record
	expect int
}

const maxPortion = 4096

// beside gives a function that places records, of a large zone on a processor
// of its own, and one that waits until all are placed.
func (b *builder) beside(size int64) (place func(portion), wait func()) {
	if size < largeText || runtime.NumCPU() == 1 {
		return b.place, func() {}
	}
	portions, done := make(chan portion, 8), make(chan struct{})
	beside := background.Here()
	go func() {
		defer close(done)
		background.Follow(beside)
		for more := range portions {
			b.place(more)
		}
	}()
	return func(more portion) { portions <- more }, func() {
		close(portions)
		<-done
	}
}

// place gives records their nodes, and makes the nodes: the apex first, parents
// before children, empty non-terminals among them.
func (b *builder) place(more portion) {
	if len(b.z.nodes) == 0 {
		b.reserve(more)
		setName(&b.scratch, b.z.origin)
		b.apex = b.scratch.labels
		b.z.data = append(b.z.data, b.z.origin...)
		b.add(&b.scratch, 0, 0, 0)
	}
	if b.tooLarge() {
		return
	}
	for i := range more.recs {
		r := &more.recs[i]
		if r.Owner != b.last {
			b.last, b.at = r.Owner, nowhere
			if within(r.Owner, b.z.origin) {
				setName(&b.scratch, r.Owner)
				b.at = b.owner(&b.scratch, b.scratch.labels-b.apex)
			}
		}
		b.node = append(b.node, b.at)
		b.wire += rrHeader + uint64(len(r.Data))
	}
}

// reserve makes room for all records, judged by the first of them, so that the
// tables of a large zone need not be moved as they grow.
func (b *builder) reserve(first portion) {
	owners, size := 1, len(b.z.origin)
	for i, r := range first.recs {
		if i == 0 || r.Owner != first.recs[i-1].Owner {
			owners++
			size += len(r.Owner)
		}
	}
	room := func(n int) int {
		if first.expect <= len(first.recs) {
			return n
		}
		return int(float64(n) * float64(first.expect) / float64(len(first.recs)))
	}
	b.z.data = advise(make([]byte, 0, min(room(size), math.MaxUint32)))
	b.z.nodes = advise(make([]node, 0, room(owners)))
	b.z.slots = newSlots(room(owners))
	b.parent = advise(make([]uint32, 0, room(owners)))
	b.node = advise(make([]uint32, 0, max(first.expect, len(first.recs))))
}

// soaSlack is room for the second copy of the SOA, the one of negative answers.
const soaSlack = rrHeader + 2*MaxName + 20

// tooLarge tells that offsets of 32 bits will not do.
func (b *builder) tooLarge() bool {
	return uint64(len(b.z.data))+b.wire+soaSlack+maxPortion*MaxName > math.MaxUint32
}

// owner gives the node of n, whose apex stands at label apex. A name that is
// new is written once; ancestors that are new with it point into it.
func (b *builder) owner(n *Name, apex int) uint32 {
	if id, ok := b.z.find(n, 0); ok {
		return id
	}
	at := uint32(len(b.z.data))
	b.z.data = append(b.z.data, n.Wire()...)
	return b.add(n, 0, b.ensure(n, 1, apex, at), at)
}

// ensure gives the node of n's suffix at label i, made with all its ancestors
// where missing; n is written at an offset.
func (b *builder) ensure(n *Name, i, apex int, at uint32) uint32 {
	if i >= apex {
		return 0
	}
	if id, ok := b.z.find(n, i); ok {
		return id
	}
	return b.add(n, i, b.ensure(n, i+1, apex, at), at)
}

func (b *builder) add(n *Name, i int, parent, at uint32) uint32 {
	z := b.z
	id := uint32(len(z.nodes))
	if (len(z.nodes)+1)*3 > len(z.slots)*2 {
		b.grow()
	}
	owner := n.Suffix(i)
	z.nodes = append(z.nodes, node{name: at + uint32(n.at[i].off), size: uint8(len(owner))})
	b.parent = append(b.parent, parent)
	insert(z.slots, n.at[i].hash, id)
	if id != 0 && string(owner[:2]) == "\x01*" {
		z.nodes[parent].wild = id
	}
	return id
}

func (b *builder) grow() {
	old := b.z.slots
	b.z.slots = advise(make([]slot, 2*len(old)))
	for _, s := range old {
		if s.ref != 0 {
			insert(b.z.slots, s.hash, s.ref-1)
		}
	}
}

// sort puts the records that have a node in order.
func (b *builder) sort(recs []Record) {
	ends := advise(make([]uint32, len(b.z.nodes)+1)) // by node, where its records end; first, where they begin
	placed := 0
	for _, id := range b.node {
		if id != nowhere {
			ends[id+1]++
			placed++
		}
	}
	for i := 1; i < len(ends); i++ {
		ends[i] += ends[i-1]
	}
	b.order = advise(make([]uint32, placed))
	for i, id := range b.node {
		if id != nowhere {
			b.order[ends[id]] = uint32(i)
			ends[id]++
		}
	}
	begin := uint32(0)
	for _, end := range ends[:len(b.z.nodes)] {
		if own := b.order[begin:end]; len(own) > 1 {
			slices.SortStableFunc(own, func(i, j uint32) int { return int(recs[i].Type) - int(recs[j].Type) })
		}
		begin = end
	}
}

// forget takes the records that do not count out of the order.
func (b *builder) forget(recs []Record) {
	b.order = slices.DeleteFunc(b.order, func(i uint32) bool { return recs[i].Type == 0 })
}
