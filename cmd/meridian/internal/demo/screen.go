package demo

import (
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// screen draws on a terminal what has changed, and puts everything back at the end.
type screen struct {
	out      *os.File
	in       *os.File
	color    bool
	before   *term.State
	shown    []string
	width    int
	height   int
	restored bool
}

const (
	enter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J" // alternate screen, no cursor, no wrapping, empty
	leave = "\x1b[?7h\x1b[?25h\x1b[?1049l"
)

// openScreen takes the terminal over: keys come unbuffered and unseen.
func openScreen(in, out *os.File, color bool) (*screen, error) {
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, fmt.Errorf("demo: terminal: %w", err)
	}
	s := &screen{in: in, out: out, color: color, before: before}
	_, err = io.WriteString(out, enter)
	s.measure()
	return s, err
}

// close gives the terminal back. It may be called again.
func (s *screen) close() {
	if s.restored {
		return
	}
	s.restored = true
	_, _ = io.WriteString(s.out, leave)
	_ = term.Restore(int(s.in.Fd()), s.before)
}

// measure looks how large the terminal is; after a change everything is drawn anew.
func (s *screen) measure() {
	w, h, err := term.GetSize(int(s.out.Fd()))
	if err != nil || w < 1 || h < 1 {
		w, h = 80, 24
	}
	if w != s.width || h != s.height {
		s.width, s.height, s.shown = w, h, nil
	}
}

// show draws the lines that differ from those that stand there.
func (s *screen) show(lines []line) {
	next := make([]string, len(lines))
	for i, l := range lines {
		next[i] = l.paint(s.color)
	}
	var b strings.Builder
	if s.shown == nil {
		b.WriteString("\x1b[2J")
	}
	for i, text := range next {
		if i >= len(s.shown) || s.shown[i] != text {
			fmt.Fprintf(&b, "\x1b[%d;1H%s\x1b[K", i+1, text)
		}
	}
	s.shown = next
	_, _ = io.WriteString(s.out, b.String()) // a terminal that is gone ends the demo by a signal
}
