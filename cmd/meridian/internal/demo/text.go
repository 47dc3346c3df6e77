package demo

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// ink is how a piece of text looks. The zero value is the terminal's own.
type ink struct {
	color   int // 30 to 37 or 90 to 97 as ANSI counts; 0: the terminal's own
	bold    bool
	dim     bool
	reverse bool
}

// span is text in one ink; its characters are one cell wide each.
type span struct {
	ink
	text string
}

// line is one row of the screen.
type line []span

func (l line) add(i ink, text string) line { return append(l, span{i, text}) }

// pad fills up to a column with blanks, with at least one.
func (l line) pad(column int) line {
	return l.add(ink{}, strings.Repeat(" ", max(1, column-l.width())))
}

func (l line) width() int {
	n := 0
	for _, s := range l {
		n += utf8.RuneCountInString(s.text)
	}
	return n
}

// clip cuts a line to so many cells.
func (l line) clip(cells int) line {
	var out line
	for _, s := range l {
		n := utf8.RuneCountInString(s.text)
		if n > cells {
			s.text = string([]rune(s.text)[:cells])
			n = cells
		}
		if cells -= n; n > 0 {
			out = append(out, s)
		}
	}
	return out
}

// paint writes a line with the terminal's codes, or without any.
func (l line) paint(color bool) string {
	var b strings.Builder
	for _, s := range l {
		codes := s.codes(color)
		if codes == "" {
			b.WriteString(s.text)
			continue
		}
		b.WriteString("\x1b[" + codes + "m" + s.text + "\x1b[0m")
	}
	return b.String()
}

func (i ink) codes(color bool) string {
	if !color {
		return ""
	}
	var codes []string
	if i.bold {
		codes = append(codes, "1")
	}
	if i.dim {
		codes = append(codes, "2")
	}
	if i.reverse {
		codes = append(codes, "7")
	}
	if i.color != 0 {
		codes = append(codes, strconv.Itoa(i.color))
	}
	return strings.Join(codes, ";")
}
