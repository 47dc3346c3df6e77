package steer

// Ahead reads in advance what Answer is going to read for a client, so that several queries wait for memory at
// the same time instead of one after the other. It decides nothing: Answer reads the same tables again, and
// finds them in the cache. Its steps are Find, Place and Rank. A plain value.
type Ahead struct {
	table *table
	side  *side
	block uint64
	atom  int
}

// Begin sets out for a client at a reference.
func (a *Ahead) Begin(s *State, r Ref, c *Client) {
	a.side = nil
	if r.Server >= 0 || !s.set.holds(r) {
		return
	}
	at := spotOf(c.Resolver, 128)
	if c.subnet() {
		at = spotOf(c.Subnet, c.Source)
	}
	if !at.blind {
		a.table, a.block = s.pools[r.Pool].pool.table, at.block
		a.side = &a.table.side[at.family]
	}
}

// None makes it one with nothing to read.
func (a *Ahead) None() { a.side = nil }

// Find reads the index of the atoms. Like the other steps, it gives a number that means nothing, but keeps the
// compiler from leaving out the reading.
func (a *Ahead) Find() uint64 {
	if a.side == nil {
		return 0
	}
	return uint64(a.side.atoms.Touch(a.block))
}

// Place reads what is kept by atom.
func (a *Ahead) Place() uint64 {
	if a.side == nil {
		return 0
	}
	a.atom = a.side.atoms.Find(a.block)
	return uint64(a.side.atoms.Place(a.atom)) ^ a.side.starts.level[0][a.atom>>6]
}

// Rank reads the ranking and the ends of its run.
func (a *Ahead) Rank() uint64 {
	if a.side == nil {
		return 0
	}
	s := a.side
	from, to := s.atoms.Start(s.starts.prev(a.atom)), s.atoms.Start(s.starts.next(a.atom))
	return uint64(a.table.rank[s.atoms.Place(a.atom)]) ^ from ^ to
}
