package main

import "slices"

// tally counts the addresses of a block by cell, in order of first address.
type tally []count

type count struct {
	cell uint32
	size float64
}

// add returns the tally with some addresses more; it may change t.
func (t tally) add(more ...count) tally {
	for _, m := range more {
		i := slices.IndexFunc(t, func(c count) bool { return c.cell == m.cell })
		if i < 0 {
			t = append(t, m)
		} else {
			t[i].size += m.size
		}
	}
	return t
}

func (t tally) size() (total float64) {
	for _, c := range t {
		total += c.size
	}
	return total
}

// country returns the one that most addresses are in.
func (t tally) country(c chart) country {
	sizes := make(map[country]float64, 2)
	for _, n := range t {
		sizes[c[n.cell].country] += n.size
	}
	var best country
	var most float64
	for _, n := range t {
		if in := c[n.cell].country; sizes[in] > most {
			best, most = in, sizes[in]
		}
	}
	return best
}

// prevailing returns the cell of the most frequent country that most addresses
// are near to, of those with equally many the one at the centre, and the share
// that is near. A tie goes to the lowest address.
func (t tally) prevailing(c chart) (cell uint32, share float64) {
	if len(t) == 1 {
		return t[0].cell, 1
	}
	in := t.country(c)
	least := -1.0
	for _, n := range t {
		if c[n.cell].country != in {
			continue
		}
		if cost := t.cost(c, n.cell); least < 0 || cost < least {
			cell, least = n.cell, cost
		}
	}
	var near float64
	for _, n := range t {
		if c.near(cell, n.cell) {
			near += n.size
		}
	}
	return cell, near / t.size()
}

// cost adds up how wrong it is to take all for the cell: how far a place is
// does not matter once it is out of tolerance.
func (t tally) cost(c chart, cell uint32) (sum float64) {
	for _, n := range t {
		if c.near(cell, n.cell) {
			sum += n.size * c.km(cell, n.cell)
		} else {
			sum += n.size * 4 * tolerance
		}
	}
	return sum
}

// centre returns the cell that is near to all and nearest to most, if there is
// one.
func (t tally) centre(c chart) (cell uint32, ok bool) {
	least := -1.0
	for _, n := range t {
		if !t.allNear(c, n.cell) {
			continue
		}
		if cost := t.cost(c, n.cell); least < 0 || cost < least {
			cell, least = n.cell, cost
		}
	}
	return cell, least >= 0
}

func (t tally) allNear(c chart, cell uint32) bool {
	for _, n := range t {
		if !c.near(cell, n.cell) {
			return false
		}
	}
	return true
}
