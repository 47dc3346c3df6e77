package coverage

import (
	"math"
	"slices"
)

// cell is a piece of a country whose clients are told of by those in its middle.
type cell struct {
	lat, lon float64
	weight   float64 // area, in square degrees at the equator
}

// coarsest and finest are the sides of cells, in steps.
const (
	coarsest  = steps // a degree
	finest    = steps / 4
	wantCells = 400 // a country with fewer gets finer ones
)

// cellsOf lists those cells of a grid whose middles lie in the rings.
func cellsOf(rings []ring) []cell {
	var cells []cell
	for side := coarsest; side >= finest; side /= 2 {
		if cells = grid(rings, side); len(cells) >= wantCells {
			break
		}
	}
	return cells
}

// grid goes along the middles of rows from west to east: within the land are those an odd number of edges lie west of.
func grid(rings []ring, side int) []cell {
	rows := map[int][]float64{} // where edges cross each row
	for _, r := range rings {
		for i, a := range r {
			b := r[(i+1)%len(r)]
			if a.y > b.y {
				a, b = b, a
			}
			for row := floorDiv(a.y-side/2+side-1, side); row*side+side/2 < b.y; row++ {
				y := row*side + side/2
				rows[row] = append(rows[row], float64(a.x)+float64(b.x-a.x)*float64(y-a.y)/float64(b.y-a.y))
			}
		}
	}
	var cells []cell
	for row, xs := range rows {
		slices.Sort(xs)
		lat := float64(row*side+side/2) / steps
		weight := float64(side*side) / steps / steps * math.Cos(lat*math.Pi/180)
		for i := 0; i+1 < len(xs); i += 2 {
			for col := int(math.Ceil((xs[i] - float64(side)/2) / float64(side))); float64(col*side+side/2) < xs[i+1]; col++ {
				cells = append(cells, cell{lat, float64(col*side+side/2) / steps, weight})
			}
		}
	}
	slices.SortFunc(cells, func(a, b cell) int { // rows come in any order
		if a.lat != b.lat {
			return int(math.Copysign(1, b.lat-a.lat))
		}
		return int(math.Copysign(1, a.lon-b.lon))
	})
	return cells
}

// floorDiv rounds down.
func floorDiv(a, b int) int {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}
