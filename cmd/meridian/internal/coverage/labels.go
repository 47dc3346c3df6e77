package coverage

import (
	"fmt"
	"math"
)

// letter is the mean width of one, in sizes of the type, and boldLetter that of a bold one.
const (
	letter     = 0.56
	boldLetter = 0.64
)

// spot is where a site stands on the map.
type spot struct {
	site int
	at   unit
}

// lettering is how labels are written.
type lettering struct {
	class      string
	size, away int // of the type, and of a label's edge from its mark
}

// label is one that has found room.
type label struct {
	x, y   int    // of the baseline's end that anchor says: "" for the left one, " end", " mid" for the middle
	anchor string // as a class
	text   string
	mark   unit // if a line to it must say whose the label is
	led    bool
}

// rect is the room that something takes.
type rect struct{ x0, y0, x1, y1 int }

func (r rect) meets(s rect) bool { return r.x0 < s.x1 && s.x0 < r.x1 && r.y0 < s.y1 && s.y0 < r.y1 }

// place finds room for labels: beside, above or below their marks, where neither a mark nor another label is, or else a
// little farther, with a line to the mark. Those that find none are left out; the marks have their names, and so has the
// legend.
func (t lettering) place(m *Map, spots []spot) []label {
	var taken []rect
	for _, s := range spots {
		r := t.away
		taken = append(taken, rect{s.at.x - r, s.at.y - r, s.at.x + r, s.at.y + r})
	}
	var labels []label
	for _, s := range spots {
		text := m.sites[s.site].name
		w := int(math.Ceil(float64(len([]rune(text))*t.size) * boldLetter))
		for _, l := range append(t.around(s.at), t.farther(s.at)...) {
			l.text = text
			if r := t.room(l, w); r.x0 >= 0 && r.x1 <= width && r.y0 >= 0 && r.y1 <= int(height()) && !meetsAny(r, taken) {
				taken, labels = append(taken, r), append(labels, l)
				break
			}
		}
	}
	return labels
}

// around lists the places for a label, the best first.
func (t lettering) around(at unit) []label {
	mid, up, low := at.y+t.size/3, at.y-t.away-t.size/4, at.y+t.away+t.size*8/10
	gap := t.away + t.size/6
	return []label{
		{x: at.x + gap, y: mid}, {x: at.x - gap, y: mid, anchor: " end"}, {x: at.x, y: up, anchor: " mid"},
		{x: at.x, y: low, anchor: " mid"}, {x: at.x + gap/2, y: up}, {x: at.x + gap/2, y: low},
		{x: at.x - gap/2, y: up, anchor: " end"}, {x: at.x - gap/2, y: low, anchor: " end"},
	}
}

// farther lists the places for a label with a line, the nearest first. Where a map is small there are none.
func (t lettering) farther(at unit) (list []label) {
	if t.class != "wide" {
		return nil
	}
	for far := t.size * 2; far <= t.size*5; far += t.size {
		for _, way := range []float64{90, 270, 45, 135, 315, 225, 0, 180, 20, 160, 340, 200} { // degrees from the right, upwards
			sin, cos := math.Sincos(way * math.Pi / 180)
			l := label{x: at.x + int(float64(far)*cos), y: at.y - int(float64(far)*sin) + t.size/3, mark: at, led: true}
			switch {
			case cos < -0.1:
				l.anchor = " end"
			case cos < 0.1:
				l.anchor = " mid"
			}
			list = append(list, l)
		}
	}
	return list
}

// leader is the path of the line from a label to its mark.
func (t lettering) leader(l label) string {
	y := l.y - t.size/3
	if l.anchor == " mid" { // it ends above or below the label
		if y += t.size / 2; y > l.mark.y {
			y -= t.size * 5 / 4
		}
	}
	return fmt.Sprintf("M%d %dL%d %d", l.x, y, l.mark.x, l.mark.y)
}

// room is what a label of a width takes.
func (t lettering) room(l label, w int) rect {
	x := l.x
	switch l.anchor {
	case " end":
		x -= w
	case " mid":
		x -= w / 2
	}
	return rect{x, l.y - t.size*8/10, x + w, l.y + t.size/4}
}

func meetsAny(r rect, list []rect) bool {
	for _, s := range list {
		if r.meets(s) {
			return true
		}
	}
	return false
}
