package steer

import (
	"encoding/binary"

	"github.com/meridian-dns/meridian/healthcheck"
)

// answers is all a pool answers while its checks stand as they do. It holds offsets, no pointers, so that the
// garbage collector passes over it.
type answers struct {
	pool       *pool
	byRank     [2][]uint32 // by family and ranking: index into list; only family 0 if every type is a CNAME
	list       []answered
	candidates []candidate
	groups     []group  // of variants, by ascending first
	variants   uint32   // how many there are
	arena      []byte   // resource records and names, in wire form
	servers    []uint32 // the numbers of the servers of answers, behind how many there are
}

// span is a piece of an arena.
type span struct{ from, to uint32 }

// answered is the answer of one set of servers.
type answered struct {
	kind    Kind
	allDown bool
	rrs     uint16 // in wire
	until   uint32 // Choice.Cap
	wire    span   // the records, or the target's name if kind is Alias
	from    uint32 // candidates to pick from for each query, instead of wire
	to      uint32
	variant uint32 // its number; where several candidates are picked, that of the first combination
	servers uint32 // of the servers in wire, where it says how many there are
}

// candidate is a server that Weighted or Sticky may pick.
type candidate struct {
	hash   uint64
	wire   span
	weight uint32
	alone  uint32 // the variant's number if nothing else is picked
	number uint32 // of the server
	rrs    uint16
	alias  bool
}

// writer makes the answers of one pool, family after family.
type writer struct {
	*answers
	health *healthcheck.Snapshot
	family int
	crew   crew // the pool's servers
	spare  crew // the fallback servers
	calm   uint32
	seen   map[string]uint32 // answers by what they are made of
	key    []byte
	picked []uint16

	numbers map[string]uint32 // of the first variant of a group, by what it is made of
	known   []byte            // that, of the group in hand
}

func answer(p *pool, h *healthcheck.Snapshot, duties []Duty) *answers {
	w := &writer{answers: &answers{pool: p}, health: h, seen: map[string]uint32{}, numbers: map[string]uint32{}}
	w.crew, w.spare = p.newCrews(h, duties)
	for _, u := range w.crew.urgency {
		w.calm = sooner(w.calm, u)
	}
	for f := range w.byRank {
		if p.types.has[f] || p.types.alias && f == 0 {
			w.writeFamily(f)
		}
	}
	return w.answers
}

func (w *writer) writeFamily(f int) {
	w.family = f
	w.crew.look(w.health, f)
	w.spare.look(w.health, f)
	clear(w.seen)
	list := w.pool.table.list
	w.byRank[f] = make([]uint32, list.len())
	for id := range w.byRank[f] {
		w.byRank[f][id] = w.writeRanking(list.at(uint16(id)))
	}
}

// writeRanking returns the answer of a ranking: of its serving tier, or as all_down says.
func (w *writer) writeRanking(seq []uint16) uint32 {
	until := w.until(seq)
	c := w.pool.candidates(seq, &w.crew, &w.spare)
	d := w.pool.decide(seq, c, &w.spare)
	if d.kind != Addresses {
		return w.once(answered{kind: d.kind, allDown: d.allDown, until: until}, nil, nil)
	}
	if d.fallback {
		c = &w.spare
	}
	w.picked = w.pool.choose(w.picked[:0], d.serving, c)
	return w.once(answered{allDown: d.allDown, until: until}, c, w.picked)
}

// until returns the seconds until a check of any server in the ranking may flip.
func (w *writer) until(seq []uint16) uint32 {
	if len(seq) == len(w.crew.members) || w.calm == 0 {
		return w.calm
	}
	var soonest uint32
	for _, s := range seq {
		soonest = sooner(soonest, w.crew.urgency[s&^tierEnd])
	}
	return soonest
}

// once returns the index of an answer, written when it is first needed.
func (w *writer) once(a answered, c *crew, servers []uint16) uint32 {
	w.key = append(w.key[:0], byte(a.kind), 0)
	if a.allDown { // perhaps of the fallback servers, all or none of these answers are
		w.key[1] = 1
	}
	w.key = binary.LittleEndian.AppendUint32(w.key, a.until)
	for _, s := range servers {
		w.key = binary.LittleEndian.AppendUint16(w.key, s)
	}
	if i, ok := w.seen[string(w.key)]; ok {
		return i
	}
	if len(servers) > 0 {
		w.write(&a, c, servers)
	}
	i := uint32(len(w.list))
	w.list = append(w.list, a)
	w.seen[string(w.key)] = i
	return i
}

// write puts servers into wire form, in order: as candidates where each query picks anew, else all of them
// cut at the limit of addresses. CNAME servers count only at the head (see choose).
func (w *writer) write(a *answered, c *crew, servers []uint16) {
	if w.pool.Pick == Weighted || w.pool.Pick == Sticky {
		a.from = uint32(len(w.candidates))
		for _, s := range servers {
			w.candidates = append(w.candidates, w.candidate(c, s))
		}
		a.to = uint32(len(w.candidates))
		if w.pool.several() {
			a.variant = w.combinations(a.from, a.to)
		}
		return
	}
	if alias := c.members[servers[0]].alias; alias != nil {
		a.kind, a.wire = Alias, w.store(alias)
		a.servers = w.name(c, servers[0])
		a.variant = w.alone(typeCNAME, a.wire)
		return
	}
	room := maxAll
	if w.pool.Pick == All {
		room = w.pool.limit()
	}
	a.wire.from = uint32(len(w.arena))
	a.servers = w.name(c)
	for _, s := range servers {
		if n := w.writeRecords(c, s, room-int(a.rrs)); n > 0 {
			a.rrs += n
			w.nameAlso(a.servers, c, s)
		}
	}
	a.wire.to = uint32(len(w.arena))
	a.variant = w.alone(familyTypes[w.family], a.wire)
}

// name notes which servers an answer holds, and returns where.
func (w *writer) name(c *crew, servers ...uint16) uint32 {
	at := uint32(len(w.servers))
	w.servers = append(w.servers, 0)
	for _, s := range servers {
		w.nameAlso(at, c, s)
	}
	return at
}

// nameAlso adds a server to those noted last.
func (w *writer) nameAlso(at uint32, c *crew, server uint16) {
	w.servers[at]++
	w.servers = append(w.servers, c.members[server].number...)
}

// named returns the numbers of the servers that an answer holds.
func (a *answers) named(at uint32) []uint32 { return a.servers[at+1:][:a.servers[at]] }

func (w *writer) candidate(c *crew, server uint16) candidate {
	m := &c.members[server]
	n := candidate{hash: m.hash, weight: m.weight, number: m.number[0], alias: m.alias != nil}
	if n.alias {
		n.wire = w.store(m.alias)
		n.alone = w.alone(typeCNAME, n.wire)
		return n
	}
	n.wire.from = uint32(len(w.arena))
	n.rrs = w.writeRecords(c, server, maxAll)
	n.wire.to = uint32(len(w.arena))
	if !w.pool.several() {
		n.alone = w.alone(familyTypes[w.family], n.wire)
	}
	return n
}

// writeRecords appends at most room of a server's addresses that are as fit as the server itself: of one that
// is up only those that are up, of one that is down all.
func (w *writer) writeRecords(c *crew, server uint16, room int) (n uint16) {
	for i, r := range c.members[server].addrs[w.family] {
		if int(n) < room && c.address(w.health, w.family, int(server), i) >= c.levels[server] {
			w.arena = append(w.arena, r.wire...)
			n++
		}
	}
	return n
}

func (w *writer) store(b []byte) span {
	from := uint32(len(w.arena))
	w.arena = append(w.arena, b...)
	return span{from, uint32(len(w.arena))}
}

func (a *answers) bytes(s span) []byte { return a.arena[s.from:s.to:s.to] }
