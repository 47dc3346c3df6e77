package steer

import "github.com/meridian-dns/meridian/internal/prefetch"

// Ahead is the search for a client's ranking that goes ahead of its answer, in steps: Find, Place and Rank ask for the
// memory that Choose is going to read, and remember where in the tables it is. A step reads what the one before asked for,
// so there should be some time between them. Choose does what was not done; steps decide nothing else. A plain value.
type Ahead struct {
	table *table
	side  *side
	block uint64
	run   run
	known bool // what run is
}

// run is some atoms with one ranking, and which of them holds a block.
type run struct{ atom, from, to int }

// Begin sets out for a client at a reference.
func (a *Ahead) Begin(s *State, r Ref, c *Client) {
	a.side, a.known = nil, false
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

// None makes it one with nothing to ask for.
func (a *Ahead) None() { a.side = nil }

// Find asks for the index of the atoms.
func (a *Ahead) Find() {
	if a.side != nil {
		a.side.atoms.Ask(a.block)
	}
}

// Place asks for what is kept by atom.
func (a *Ahead) Place() {
	if a.side != nil {
		a.run.atom = a.side.atoms.Find(a.block)
		a.side.atoms.AskPlace(a.run.atom)
		prefetch.Line(&a.side.starts.level[0][a.run.atom>>6])
	}
}

// Rank asks for the ranking and the ends of its run.
func (a *Ahead) Rank() {
	if a.side != nil {
		s := a.side
		a.run, a.known = s.around(a.run.atom), true
		s.atoms.AskStart(a.run.from)
		s.atoms.AskStart(a.run.to)
		prefetch.Line(&a.table.rank[s.atoms.Place(a.run.atom)])
	}
}

// find is the run around a block of a side, which may be the one that was gone for.
func (a *Ahead) find(s *side, block uint64) run {
	if a != nil && a.known && a.side == s && a.block == block {
		return a.run
	}
	return s.around(s.atoms.Find(block))
}
