package coverage

import "slices"

// mesh joins the parts of a country by server again, and draws smooth lines between servers. It holds the edges of all
// parts: those along lines that cut the country and the others, which are its outline.
type mesh struct {
	lines   map[line][]edge // by the line
	outline []edge
	inner   []edge // between two servers: of who on one way and of other on the way back
}

// line is one that parts were cut along.
type line struct {
	upright bool
	at      int
}

type edge struct {
	a, b       point
	who, other int
}

func newMesh() *mesh { return &mesh{lines: map[line][]edge{}} }

// add takes a part.
func (m *mesh) add(who int, rings []ring) {
	for _, r := range rings {
		for i, a := range r {
			b := r[(i+1)%len(r)]
			e := edge{a: a, b: b, who: who}
			switch {
			case a == b:
			case a.x == b.x && a.x%leaf == 0:
				m.lines[line{true, a.x}] = append(m.lines[line{true, a.x}], e)
			case a.y == b.y && a.y%leaf == 0:
				m.lines[line{false, a.y}] = append(m.lines[line{false, a.y}], e)
			default:
				m.outline = append(m.outline, e)
			}
		}
	}
}

// rings are the areas by server.
func (m *mesh) rings() map[int][]ring {
	for _, l := range m.sorted() {
		m.weave(l, m.lines[l])
	}
	return assemble(m.outline, m.chains())
}

// sorted lists the lines, so that the same mesh is always woven alike.
func (m *mesh) sorted() []line {
	var list []line
	for l := range m.lines {
		list = append(list, l)
	}
	slices.SortFunc(list, func(a, b line) int {
		if a.upright != b.upright {
			if a.upright {
				return -1
			}
			return 1
		}
		return a.at - b.at
	})
	return list
}

// weave lets the edges on a line that go there and back cancel out: both parts are of one server then, or there is
// nothing between them. What is left lies between two servers, or is outline.
func (m *mesh) weave(l line, edges []edge) {
	along := func(p point) int {
		if l.upright {
			return p.y
		}
		return p.x
	}
	var stops []int
	for _, e := range edges {
		stops = append(stops, along(e.a), along(e.b))
	}
	slices.Sort(stops)
	stops = slices.Compact(stops)
	net := make([]map[int]int, len(stops))
	for _, e := range edges {
		from, to, sign := along(e.a), along(e.b), 1
		if from > to {
			from, to, sign = to, from, -1
		}
		for i, _ := slices.BinarySearch(stops, from); stops[i] < to; i++ {
			if net[i] == nil {
				net[i] = map[int]int{}
			}
			net[i][e.who] += sign
		}
	}
	for i := range len(stops) - 1 {
		a, b := point{stops[i], l.at}, point{stops[i+1], l.at}
		if l.upright {
			a, b = point{l.at, stops[i]}, point{l.at, stops[i+1]}
		}
		m.keep(a, b, net[i])
	}
}

// keep takes what is left of a piece of a line: by server how often it goes from a to b, less how often back.
func (m *mesh) keep(a, b point, net map[int]int) {
	var there, back []int
	for who, n := range net {
		for ; n > 0; n-- {
			there = append(there, who)
		}
		for ; n < 0; n++ {
			back = append(back, who)
		}
	}
	slices.Sort(there)
	slices.Sort(back)
	for len(there) > 0 && len(back) > 0 {
		m.inner = append(m.inner, edge{a, b, there[0], back[0]})
		there, back = there[1:], back[1:]
	}
	for _, who := range there {
		m.outline = append(m.outline, edge{a: a, b: b, who: who})
	}
	for _, who := range back {
		m.outline = append(m.outline, edge{a: b, b: a, who: who})
	}
}

// chain is a line between two servers, from the outline or where a third one begins, to the next such point.
type chain struct {
	points     []point
	who, other int // whose area has it in this direction, and whose in the other
}

// chains strings the inner edges together and smooths them.
func (m *mesh) chains() []chain {
	at := map[point][]int{}
	for i, e := range m.inner {
		at[e.a], at[e.b] = append(at[e.a], i), append(at[e.b], i)
	}
	fixed := map[point]bool{}
	for _, e := range m.outline {
		fixed[e.a], fixed[e.b] = true, true
	}
	for p, edges := range at {
		fixed[p] = fixed[p] || len(edges) != 2
	}
	used := make([]bool, len(m.inner))
	var all []chain
	for _, loops := range []bool{false, true} {
		for i, e := range m.inner {
			for _, from := range []point{e.a, e.b} {
				if !used[i] && (loops || fixed[from]) {
					all = append(all, m.follow(i, from, at, fixed, used))
				}
			}
		}
	}
	return all
}

// follow goes on from an edge until it must end.
func (m *mesh) follow(i int, from point, at map[point][]int, fixed map[point]bool, used []bool) chain {
	e := m.inner[i]
	c := chain{points: []point{from}, who: e.who, other: e.other}
	if from != e.a {
		c.who, c.other = e.other, e.who
	}
	for next := i; next >= 0; {
		used[next] = true
		e := m.inner[next]
		to := e.a
		if c.points[len(c.points)-1] == e.a {
			to = e.b
		}
		c.points = append(c.points, to)
		next = -1
		if fixed[to] || to == from {
			break
		}
		for _, k := range at[to] {
			if !used[k] {
				next = k
			}
		}
	}
	return c
}
