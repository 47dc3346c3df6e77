package zones

import (
	"cmp"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// checker applies the rules of the DNS to the records of one zone. Not safe
// for concurrent use.
type checker struct {
	origin string
	rep    *report
	recs   []Record

	soa     int  // index of the SOA record in recs, -1 for none
	hasNS   bool // at the apex
	cuts    bool // some zone cut exists
	dnames  bool
	foreign bool // the zone was signed elsewhere

	dropped int      // records
	own     []uint32 // scratch: the records of one owner
	sets    []tally  // scratch: their RRsets
}

// tally is what the rules need to know of one RRset.
type tally struct {
	typ    uint16
	count  int
	first  int // index in recs
	second int // if count > 1
}

// check applies the rules that concern one owner at a time to the records that
// b has in order. It drops, with a report, what cannot be compiled: duplicates
// and data out of the zone; and gives every RRset one TTL.
func (c *checker) check(recs []Record, b *builder) {
	c.recs, c.soa = recs, -1
	c.outside(b)
	for rest := b.order; len(rest) > 0; {
		own := b.head(rest)
		c.owner(own)
		rest = rest[len(own):]
	}
	if c.soa < 0 {
		c.rep.fail(Pos{Line: 1}, "no SOA record at %s", nameText(c.origin))
	} else if !c.hasNS {
		c.rep.warn(recs[c.soa].Pos, "no NS record at %s", nameText(c.origin))
	}
	if c.dropped > 0 {
		b.forget(recs)
	}
}

func (c *checker) drop(i uint32) {
	c.recs[i].Type = 0
	c.dropped++
}

// outside drops the records that b found no node for. Each of their owners is
// reported once, as long as reports are kept.
func (c *checker) outside(b *builder) {
	told, last := map[string]bool{}, ""
	for i, id := range b.node {
		if id != nowhere {
			continue
		}
		c.drop(uint32(i))
		owner := c.recs[i].Owner
		if owner == last || told[owner] {
			continue
		}
		if last = owner; !c.rep.full() {
			told[owner] = true
		}
		c.rep.fail(c.recs[i].Pos, "%s is out of the zone %s", nameText(owner), nameText(c.origin))
	}
}

// owner looks at the records of one owner, which stand by type.
func (c *checker) owner(own []uint32) {
	c.own = append(c.own[:0], own...)
	head := slices.Min(own)
	if len(c.own) > 1 {
		slices.SortStableFunc(c.own, func(a, b uint32) int {
			return cmp.Or(cmp.Compare(c.recs[a].Type, c.recs[b].Type), strings.Compare(c.dataKey(a), c.dataKey(b)))
		})
	}
	c.sets = c.sets[:0]
	for i := 0; i < len(c.own); {
		end := i + 1
		for end < len(c.own) && c.recs[c.own[end]].Type == c.recs[c.own[i]].Type {
			end++
		}
		c.rrset(c.own[i:end])
		i = end
	}
	c.rules(&c.recs[head])
}

// dataKey is the RDATA as duplicates are told by it: names count without
// regard to case.
func (c *checker) dataKey(i uint32) string {
	switch r := &c.recs[i]; r.Type {
	case typeNS, typeCNAME, typePTR, typeDNAME:
		return folded(r.Data)
	default:
		return r.Data
	}
}

// folded is a wire-form name in lower case.
func folded(name string) string {
	for i := range len(name) {
		if name[i]-'A' < 26 {
			b := []byte(name)
			lowerASCII(b)
			return string(b)
		}
	}
	return name
}

// rrset looks at the records of one owner and type, sorted by RDATA.
func (c *checker) rrset(own []uint32) {
	own = c.dropDuplicates(own)
	slices.Sort(own)
	first := &c.recs[own[0]]
	t := tally{typ: first.Type, count: len(own), first: int(own[0])}
	if len(own) > 1 {
		t.second = int(own[1])
		c.oneTTL(own)
	}
	c.sets = append(c.sets, t)
	c.fits(first, own)
}

// fits drops an RRset that no message can carry.
func (c *checker) fits(first *Record, own []uint32) {
	size := 0
	for _, i := range own {
		size += rrHeader + len(c.recs[i].Data)
	}
	if size > MaxRRset {
		c.rep.fail(first.Pos, "the %s records of %s, %d from here on, do not fit one DNS message of 64 KiB",
			typeText(first.Type), nameText(first.Owner), len(own))
		for _, i := range own {
			c.drop(i)
		}
	}
}

// dropDuplicates gives the records without those that repeat another one, in
// the memory of own.
func (c *checker) dropDuplicates(own []uint32) []uint32 {
	kept := own[:1]
	for _, i := range own[1:] {
		same := kept[len(kept)-1]
		if c.dataKey(i) != c.dataKey(same) {
			kept = append(kept, i)
			continue
		}
		c.rep.warn(c.recs[i].Pos, "the same record stands in line %d; it counts once", c.recs[same].Pos.Line)
		c.drop(i)
	}
	return kept
}

// oneTTL gives an RRset the lowest TTL in it (RFC 2181 section 5.2). RRSIG
// records follow the RRsets they cover instead (RFC 4034 section 3).
func (c *checker) oneTTL(own []uint32) {
	first := &c.recs[own[0]]
	if first.Type == dns.TypeRRSIG {
		return
	}
	low, differs := first.TTL, uint32(0)
	for _, i := range own[1:] {
		if c.recs[i].TTL != first.TTL && differs == 0 {
			differs = i
		}
		low = min(low, c.recs[i].TTL)
	}
	if differs == 0 {
		return
	}
	c.rep.warn(c.recs[differs].Pos, "the TTL differs from that of line %d in the same RRset; the lowest, %d, is used", first.Pos.Line, low)
	for _, i := range own {
		c.recs[i].TTL = low
	}
}
