package coverage

import "slices"

// leaf is the side of the smallest square that may have a server of its own, in steps: a dot of the map.
const leaf = steps / 4

// stride is how many leaves lie between those that are asked before a square is taken to be of one server.
const stride = 4

// box is an area in leaves, without its last column and row.
type box struct{ x0, y0, x1, y1 int }

// boxOf is the smallest box around rings.
func boxOf(rings []ring) box {
	lo, hi := point{1 << 30, 1 << 30}, point{-1 << 30, -1 << 30}
	for _, r := range rings {
		for _, p := range r {
			lo, hi = point{min(lo.x, p.x), min(lo.y, p.y)}, point{max(hi.x, p.x), max(hi.y, p.y)}
		}
	}
	return box{floorDiv(lo.x, leaf), floorDiv(lo.y, leaf), -floorDiv(-hi.x, leaf), -floorDiv(-hi.y, leaf)}
}

func (b box) empty() bool { return b.x1 <= b.x0 || b.y1 <= b.y0 }

// field knows who serves the leaves of a country, and asks once for each.
type field struct {
	ask  func(lat, lon float64) int
	area box
	seen []int // who+2; 0: not asked yet
}

func newField(rings []ring, ask func(lat, lon float64) int) *field {
	b := boxOf(rings)
	f := &field{ask: ask, area: b}
	if !b.empty() {
		f.seen = make([]int, (b.x1-b.x0)*(b.y1-b.y0))
	}
	return f
}

// at is who serves a leaf.
func (f *field) at(x, y int) int {
	known := &f.seen[(y-f.area.y0)*(f.area.x1-f.area.x0)+x-f.area.x0]
	if *known == 0 {
		*known = f.ask((float64(y)+0.5)*leaf/steps, (float64(x)+0.5)*leaf/steps) + 2
	}
	return *known - 2
}

// uniform says who serves a box, if it seems to be one.
func (f *field) uniform(b box) (who int, ok bool) {
	who = f.at(b.x0, b.y0)
	for y := b.y0; ; y = min(y+stride, b.y1-1) {
		for x := b.x0; ; x = min(x+stride, b.x1-1) {
			if f.at(x, y) != who {
				return who, false
			}
			if x == b.x1-1 {
				break
			}
		}
		if y == b.y1-1 {
			return who, true
		}
	}
}

// split cuts land in two until each part is of one server, and hands the parts on.
func (f *field) split(rings []ring, emit func(who int, rings []ring)) {
	b := boxOf(rings)
	if len(rings) == 0 || b.empty() {
		return
	}
	who, ok := f.uniform(b)
	wide, high := b.x1-b.x0, b.y1-b.y0
	if ok || wide == 1 && high == 1 {
		emit(who, rings)
		return
	}
	along := func(p point) (int, int) { return p.x, p.y }
	at := (b.x0 + b.x1) / 2
	if high > wide {
		along = func(p point) (int, int) { return p.y, p.x }
		at = (b.y0 + b.y1) / 2
	}
	f.split(cut(rings, along, at*leaf, 1), emit)
	f.split(cut(rings, along, at*leaf, -1), emit)
}

// cut keeps what lies on one side of a line: where a coordinate is at most the line's (side 1), or at least (side -1).
// Parts that a line leaves of one ring stay joined along it, there and back (Sutherland and Hodgman 1974).
func cut(rings []ring, along func(point) (int, int), line, side int) []ring {
	var kept []ring
	for _, r := range rings {
		var out ring
		for i, a := range r {
			b := r[(i+1)%len(r)]
			av, _ := along(a)
			bv, _ := along(b)
			inside, next := (av-line)*side <= 0, (bv-line)*side <= 0
			if inside {
				out = append(out, a)
			}
			if inside != next && av != line && bv != line {
				out = append(out, crossing(a, b, along, line))
			}
		}
		if out = slices.Compact(out); len(out) > 2 {
			kept = append(kept, out)
		}
	}
	return kept
}

// crossing is where an edge meets a line, the same from either end.
func crossing(a, b point, along func(point) (int, int), line int) point {
	if a.x > b.x || a.x == b.x && a.y > b.y {
		a, b = b, a
	}
	av, aw := along(a)
	bv, bw := along(b)
	num, den := (bw-aw)*(line-av)*2, (bv-av)*2
	w := aw + floorDiv(num+den/2, den)
	if v, _ := along(point{1, 0}); v == 1 {
		return point{line, w}
	}
	return point{w, line}
}
