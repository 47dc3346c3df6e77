package demo

import (
	"math"
	"net/netip"
	"slices"
	"strconv"

	"github.com/meridian-dns/meridian/geo"
)

// The atlas is a grid of the embedded world's own resolution. Rows go from the north; polar ones are left out.
const (
	step      = 2.5 // degrees
	atlasCols = 144
	atlasRows = 52
	north     = 75.0 // the edge of the first row
)

// atlas is the map of the world as the geo database has it: where in it clients are, and whom each is sent to.
type atlas struct {
	clients []netip.Prefix // one for each dot
	cells   []int          // row*atlasCols + column of each dot
	servers []int          // whom the dot is sent to; -1: not known
}

// newAtlas picks one IPv4 network for every dot of the map.
func newAtlas(part *geo.Partition) atlas {
	where := make([]int, len(part.Places))
	for i, p := range part.Places {
		where[i] = cellOf(p)
	}
	first := map[int]netip.Prefix{}
	for i := range part.V4.Len() {
		id := int(part.V4.Place(i))
		if id >= len(where) || where[id] < 0 {
			continue
		}
		if _, taken := first[where[id]]; !taken {
			first[where[id]] = block(part.V4.Start(i))
		}
	}
	var a atlas
	for cell := range first {
		a.cells = append(a.cells, cell)
	}
	slices.Sort(a.cells)
	for _, cell := range a.cells {
		a.clients = append(a.clients, first[cell])
		a.servers = append(a.servers, -1)
	}
	return a
}

// cellOf is the cell of a place, -1 if it is not on the map.
func cellOf(p geo.Place) int {
	if !p.Located || p.Special {
		return -1
	}
	return cellAt(float64(p.Lat), float64(p.Lon))
}

func cellAt(lat, lon float64) int {
	row := int(math.Floor((north - lat) / step))
	col := int(math.Floor((lon + 180) / step))
	if row < 0 || row >= atlasRows {
		return -1
	}
	return row*atlasCols + min(max(col, 0), atlasCols-1)
}

// block is the /24 with this number.
func block(n uint64) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(n >> 16), byte(n >> 8), byte(n), 0}), 24)
}

const (
	mapCols = atlasCols / 2
	mapRows = (atlasRows + 3) / 4
)

// draw paints the map in braille, two by four dots to a character, each in the ink of the server that most of its
// dots are sent to; without inks it writes the server's number. Marks stand for servers, by cell.
func (a *atlas) draw(inks []ink, marks map[int]span) []line {
	dots := make([][]int, mapRows*mapCols) // the servers of the dots of a character
	bits := make([]rune, mapRows*mapCols)
	for i, cell := range a.cells {
		row, col := cell/atlasCols, cell%atlasCols
		at := row/4*mapCols + col/2
		dots[at] = append(dots[at], a.servers[i])
		bits[at] |= brailleDot(row%4, col%2)
	}
	set := map[int]span{}
	for cell, m := range marks {
		set[cell/atlasCols/4*mapCols+cell%atlasCols/2] = m
	}
	lines := make([]line, mapRows)
	for at := range bits {
		s := span{text: " "}
		if bits[at] != 0 {
			s = dot(most(dots[at]), bits[at], inks)
		}
		if m, marked := set[at]; marked {
			s = m
		}
		lines[at/mapCols] = append(lines[at/mapCols], s)
	}
	return lines
}

// brailleDot is the bit of a dot in a braille character.
func brailleDot(row, col int) rune {
	return [4][2]rune{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}[row][col]
}

// dot is one character of the map.
func dot(server int, bits rune, inks []ink) span {
	switch {
	case server < 0:
		return span{ink{dim: true}, "·"}
	case server >= len(inks):
		return span{text: strconv.Itoa(server + 1)}
	}
	return span{inks[server], string(0x2800 + bits)}
}

// most is the commonest of a few numbers, the least of those on a tie.
func most(of []int) int {
	best, count := -1, 0
	for _, v := range of {
		n := 0
		for _, w := range of {
			if v == w {
				n++
			}
		}
		if n > count || n == count && v < best {
			best, count = v, n
		}
	}
	return best
}
