package steer

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/meridian-dns/meridian/geo"
	"github.com/meridian-dns/meridian/healthcheck"
)

// Set is the compiled pools. Immutable.
type Set struct {
	db    *geo.Database
	part  *geo.Partition
	pools []*pool
	names map[string]int32
	slots []healthcheck.Slot // of the checks behind the pools, each once
	users [][]int32          // the pools behind which each of slots stands

	tables Tables // of the pools
}

// pool is a pool compiled.
type pool struct {
	*Pool
	table    *table
	types    types
	members  []member
	fallback []member
	refs     map[string]int32 // servers by name
	mixed    bool             // of servers with addresses and servers with CNAMEs
	choices  binomials        // of candidates, if several are picked
	variants func() int       // while all servers are up; worked out when it is first asked for
}

// Compile builds the tables of all pools over the partition, which must have been cut with Want of the same
// pools. Pools whose rankings depend on the same things share a table. The database serves explanations and
// says which attributes there are; without one (nil), rules by ASN or subdivision are errors. Without pools there
// need be no partition. An error joins a *PoolError for all that is wrong.
func Compile(db *geo.Database, part *geo.Partition, pools []Pool) (*Set, error) {
	return CompileWith(db, part, pools, Tables{})
}

// CompileWith does what Compile does, and takes those tables that are at hand.
func CompileWith(db *geo.Database, part *geo.Partition, pools []Pool, have Tables) (*Set, error) {
	c := newCompiler(db, part)
	c.have = have
	return c.compile(pools)
}

// compiler holds what the pools of a set share while it is built.
type compiler struct {
	set   *Set
	has   geo.Attributes
	walk  *walk                    // over the partition's places, from the first table on
	have  Tables                   // made before
	slots map[healthcheck.Slot]int // index into Set.slots
	limit int                      // of rankings in a table
}

func newCompiler(db *geo.Database, part *geo.Partition) *compiler {
	c := &compiler{
		set:   &Set{db: db, part: part, names: map[string]int32{}, tables: Tables{part, map[string]*table{}}},
		slots: map[healthcheck.Slot]int{}, limit: maxRankings,
	}
	if db != nil {
		c.has = db.Has()
	}
	return c
}

func (c *compiler) compile(pools []Pool) (*Set, error) {
	if len(pools) == 0 {
		return c.set, nil
	}
	part := c.set.part
	if len(part.Places) == 0 || part.V4.Len() == 0 || part.V6.Len() == 0 {
		return nil, errors.New("the partition does not cover the address space")
	}
	matchers, err := c.check(pools)
	if err != nil {
		return nil, err
	}
	var errs []error
	for i := range pools {
		if err := c.add(&pools[i], matchers[i]); err != nil {
			errs = append(errs, &PoolError{i, pools[i].Name, err})
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return c.set, nil
}

// check finds all errors that can be found before a table is made.
func (c *compiler) check(pools []Pool) ([]*matcher, error) {
	var errs []error
	matchers, nets := make([]*matcher, len(pools)), newNetworks(c.set.part.Nets)
	for i := range pools {
		var twice, err error
		if _, taken := c.set.names[pools[i].Name]; taken {
			twice = errors.New("listed twice")
		}
		c.set.names[pools[i].Name] = int32(i)
		if err = pools[i].check(c.has); err == nil {
			matchers[i], err = newMatcher(pools[i].Rules, nets)
		}
		for _, e := range leaves(errors.Join(twice, err)) {
			errs = append(errs, &PoolError{i, pools[i].Name, e})
		}
	}
	return matchers, errors.Join(errs...)
}

func (c *compiler) add(p *Pool, m *matcher) error {
	made, err := newPool(p)
	if err != nil {
		return err
	}
	if made.table, err = c.table(p, m); err != nil {
		return err
	}
	made.variants = sync.OnceValue(func() int { return int(answer(made, nil, nil).variants) })
	c.register(made)
	return nil
}

func newPool(p *Pool) (*pool, error) {
	made := &pool{Pool: p, types: typesOf(p), refs: map[string]int32{}}
	for i := range p.Servers {
		made.refs[p.Servers[i].Name] = int32(i)
	}
	var err error
	if made.members, err = newMembers(p.Servers); err == nil && p.AllDown == UseFallback {
		made.fallback, err = newMembers(p.Fallback)
	}
	info := p.info()
	made.mixed = info.CNAME && !info.OnlyCNAME
	if made.several() {
		made.choices = newBinomials(max(len(p.Servers), len(p.Fallback)), p.limit())
	}
	return made, err
}

// several says whether each query picks more than one server.
func (p *pool) several() bool {
	return (p.Pick == Weighted || p.Pick == Sticky) && p.limit() > 1 && !p.types.alias && !p.mixed
}

// register adds a pool and notes which checks stand behind it.
func (c *compiler) register(p *pool) {
	index := int32(len(c.set.pools))
	c.set.pools = append(c.set.pools, p)
	for _, members := range [][]member{p.members, p.fallback} {
		for i := range members {
			members[i].slots(func(slot healthcheck.Slot) { c.use(slot, index) })
		}
	}
}

// use notes that a check stands behind a pool, once.
func (c *compiler) use(slot healthcheck.Slot, pool int32) {
	s := c.set
	if slot == healthcheck.NoCheck {
		return
	}
	i, known := c.slots[slot]
	if !known {
		i = len(s.slots)
		c.slots[slot] = i
		s.slots, s.users = append(s.slots, slot), append(s.users, nil)
	}
	if users := s.users[i]; len(users) == 0 || users[len(users)-1] != pool {
		s.users[i] = append(users, pool)
	}
}

// Find resolves what a GEO record names, "web" or "web/ny".
func (s *Set) Find(ref string) (Ref, error) {
	name, server, pinned := strings.Cut(ref, "/")
	i, ok := s.names[name]
	if !ok {
		return Ref{}, fmt.Errorf("no pool is named %q", name)
	}
	if !pinned {
		return Ref{i, -1}, nil
	}
	j, ok := s.pools[i].refs[server]
	if !ok {
		return Ref{}, fmt.Errorf("pool %s has no server %q", name, server)
	}
	return Ref{i, j}, nil
}

// Info says which types exist at a reference; zero for one this set did not give.
func (s *Set) Info(r Ref) Info {
	if !s.holds(r) {
		return Info{}
	}
	p := s.pools[r.Pool]
	if r.Server >= 0 {
		return p.Servers[r.Server].info()
	}
	return p.info()
}

// holds says whether a reference is within this set.
func (s *Set) holds(r Ref) bool {
	return r.Pool >= 0 && int(r.Pool) < len(s.pools) && int(r.Server) < len(s.pools[r.Pool].members)
}

// Pools returns how many pools there are; Pool gives them by Ref.Pool.
func (s *Set) Pools() int { return len(s.pools) }

// Pool returns a pool as it was given to Compile. Read only.
func (s *Set) Pool(i int32) *Pool { return s.pools[i].Pool }
