package steer

import "github.com/meridian-dns/meridian/internal/prefetch"

// Ahead asks in advance for the memory that Answer is going to read for a client. It decides nothing: Answer reads the
// same tables again, and finds them in the cache. Its steps are Find, Place and Rank; a step reads what the one before
// asked for, so there should be some time between them. A plain value.
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
		a.atom = a.side.atoms.Find(a.block)
		a.side.atoms.AskPlace(a.atom)
		prefetch.Line(&a.side.starts.level[0][a.atom>>6])
	}
}

// Rank asks for the ranking and the ends of its run.
func (a *Ahead) Rank() {
	if a.side != nil {
		s := a.side
		s.atoms.AskStart(s.starts.prev(a.atom))
		s.atoms.AskStart(s.starts.next(a.atom))
		prefetch.Line(&a.table.rank[s.atoms.Place(a.atom)])
	}
}
