package steer

import (
	"fmt"
	"runtime"
	"strings"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/internal/flat"
)

// Tables are the rankings of pools over one partition: the big part of a Set, and the one that takes long to make. The
// zero Tables holds none. Immutable.
type Tables struct {
	part *geo.Partition
	like map[string]*table // by tableKey
}

// Tables are those of the set's pools.
func (s *Set) Tables() Tables { return s.tables }

// over returns the tables if they are over a partition, else none.
func (t Tables) over(part *geo.Partition) map[string]*table {
	if t.part != part {
		return nil
	}
	return t.like
}

// Lacking returns the pools whose tables over the partition are not at hand, one of each kind. An error is one that
// CompileWith would give.
func Lacking(db *geo.Database, part *geo.Partition, pools []Pool, have Tables) ([]Pool, error) {
	if len(pools) == 0 {
		return nil, nil
	}
	if _, err := newCompiler(db, part).check(pools); err != nil {
		return nil, err
	}
	var lacking []Pool
	seen := map[string]bool{}
	for i := range pools {
		like := tableKey(&pools[i])
		if have.over(part)[like] == nil && !seen[like] {
			lacking = append(lacking, pools[i])
			seen[like] = true
		}
	}
	return lacking, nil
}

// SaveTables makes the tables of pools that Lacking returned and writes each, in a piece of its own, before it makes
// the next one. An error is a *PoolError.
func SaveTables(w *flat.Writer, part *geo.Partition, pools []Pool) error {
	c := newCompiler(nil, part)
	for i := range pools {
		m, err := newMatcher(pools[i].Rules, newNetworks(part.Nets))
		if err != nil {
			return &PoolError{i, pools[i].Name, err}
		}
		t, err := c.make(&pools[i], m)
		if err != nil {
			return &PoolError{i, pools[i].Name, err}
		}
		w.Next()
		t.save(w)
	}
	return nil
}

// Save writes the tables of the set's pools, in their order, each kind once.
func (s *Set) Save(w *flat.Writer) {
	saved := map[*table]bool{}
	for _, p := range s.pools {
		if !saved[p.table] {
			saved[p.table] = true
			w.Next()
			p.table.save(w)
		}
	}
	runtime.KeepAlive(s)
}

// ReadTables takes over the tables that SaveTables wrote of these pools, a region each, in place.
func ReadTables(part *geo.Partition, pools []Pool, regions []*flat.Region) (Tables, error) {
	read := Tables{part, map[string]*table{}}
	if len(pools) != len(regions) {
		return read, fmt.Errorf("%d tables for %d pools", len(regions), len(pools))
	}
	for i := range pools {
		m, err := newMatcher(pools[i].Rules, newNetworks(part.Nets))
		if err != nil {
			return read, err
		}
		t := &table{part: part, match: m, region: regions[i]}
		if err := t.read(flat.NewReader(regions[i].Bytes())); err != nil {
			return read, fmt.Errorf("table of pool %s: %w", pools[i].Name, err)
		}
		read.like[tableKey(&pools[i])] = t
	}
	return read, nil
}

// And joins tables over the same partition.
func (t Tables) And(more Tables) Tables {
	both := Tables{more.part, map[string]*table{}}
	for _, from := range []map[string]*table{t.over(more.part), more.like} {
		for like, table := range from {
			both.like[like] = table
		}
	}
	return both
}

// table returns the table of a pool, made anew only if there is none like it.
func (c *compiler) table(p *Pool, m *matcher) (*table, error) {
	like := tableKey(p)
	t := c.set.tables.like[like]
	if t == nil {
		t = c.have.over(c.set.part)[like]
	}
	if t == nil {
		var err error
		if t, err = c.make(p, m); err != nil {
			return nil, err
		}
	}
	c.set.tables.like[like] = t
	return t, nil
}

func (c *compiler) make(p *Pool, m *matcher) (*table, error) {
	if c.walk == nil {
		c.walk = newWalk(c.set.part.Places)
	}
	t, err := newTable(c.set.part, c.walk, m, newOrdering(p), c.limit)
	runtime.KeepAlive(c.set.part)
	return t, err
}

// tableKey spells out all that a table depends on. The names of groups do not count, that there is one does.
func tableKey(p *Pool) string {
	var b strings.Builder
	fmt.Fprintln(&b, p.Order, exactWithinTiers(p))
	for i := range p.Servers {
		fmt.Fprintln(&b, p.Servers[i].Located, p.Servers[i].At)
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		fmt.Fprintln(&b, r.Fence, r.Tiers)
		for _, t := range r.Tokens {
			fmt.Fprintln(&b, t, t.Group != "")
		}
	}
	return b.String()
}

func (t *table) save(w *flat.Writer) {
	one := []uint8{0}
	if t.one {
		one[0] = 1
	}
	flat.Put(w, one)
	flat.Put(w, t.rank)
	flat.Put(w, t.list.seqs)
	flat.Put(w, t.list.ends)
	for i := range t.side {
		for _, words := range t.side[i].starts.level {
			flat.Put(w, words)
		}
	}
}

func (t *table) read(r *flat.Reader) error {
	one := flat.Get[uint8](r)
	t.one = len(one) == 1 && one[0] == 1
	t.rank = flat.Get[uint16](r)
	t.list = &rankings{seqs: flat.Get[uint16](r), ends: flat.Get[uint32](r)}
	for i, atoms := range []*geo.Atoms{&t.part.V4, &t.part.V6} {
		s := &t.side[i]
		s.atoms, s.width, s.starts.n = atoms, []int{width4, width6}[i], atoms.Len()
		for l := range s.starts.level {
			if s.starts.level[l] = flat.Get[uint64](r); len(s.starts.level[l]) > 0 {
				s.starts.top = l
			}
		}
	}
	if err := r.Err(); err != nil {
		return err
	}
	if len(t.rank) != len(t.part.Places)+t.part.Mixes.Len() {
		return fmt.Errorf("%d rankings for %d places and %d mixes", len(t.rank), len(t.part.Places), t.part.Mixes.Len())
	}
	return nil
}
