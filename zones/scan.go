package zones

import (
	"bytes"
	"errors"
	"io"
)

// token is one word of an entry, as offsets into the entry's text. Quotes are
// not part of it, escapes still are.
type token struct {
	from, to int32
	quoted   bool // stood in quotes
	escaped  bool // holds a backslash
	glued    bool // follows the token before it without a blank
	mixed    bool // an open word with quotes inside it: key="value"
}

// scanner cuts master-file text into logical entries (RFC 1035 section 5.1):
// the words of one line, or of several lines that parentheses join. It holds
// one entry at a time, at most limit octets of text. Not safe for concurrent
// use.
type scanner struct {
	src   io.Reader
	buf   []byte // the window: the entry and what was read beyond it
	base  int    // where the entry starts in buf
	next  int    // where the unread part starts in buf
	limit int
	line  uint32
	end   error // what src returned last

	// the current entry
	first     uint32 // its first line
	tokens    []token
	lead      bool   // it starts with a blank: no owner
	fault     string // what is wrong with its syntax, on faultLine
	depth     int    // open parentheses
	faultLine uint32
	cut       bool // the last line of the text lacks its newline
}

var errEntryLong = errors.New("an entry longer than the limit: is a parenthesis not closed?")

func newScanner(src io.Reader, size int64, limit int) *scanner {
	const window = 128 << 10
	return &scanner{src: src, buf: make([]byte, 0, max(512, min(size+1, window))), limit: limit}
}

// entry reads the next entry that holds a word or a fault. It returns io.EOF
// after the last, and errEntryLong or an error of the source, after which
// nothing more can be read.
func (s *scanner) entry() error {
	for {
		s.base = s.next
		s.tokens, s.fault, s.depth, s.lead = s.tokens[:0], "", 0, false
		s.first = s.line + 1
		if err := s.logicalLine(); err != nil {
			return err
		}
		if len(s.tokens) > 0 || s.fault != "" {
			return nil
		}
	}
}

// logicalLine reads lines up to the first one that ends outside parentheses.
func (s *scanner) logicalLine() error {
	for {
		from, to, err := s.physicalLine()
		if err != nil && (err != io.EOF || s.depth == 0) {
			return err
		}
		if err == io.EOF {
			s.blame("a parenthesis is not closed")
			s.faultLine = s.first
			return nil
		}
		if to > s.limit {
			return errEntryLong
		}
		s.words(s.margin(from, to), to)
		if s.depth == 0 || s.fault != "" {
			return nil
		}
	}
}

// margin looks at how a line begins: it notes the blank that stands for the
// owner, and skips the mark some editors put before UTF-8 text.
func (s *scanner) margin(from, to int) int {
	text := s.buf[s.base : s.base+to]
	if s.line == 1 && bytes.HasPrefix(text, []byte("\xef\xbb\xbf")) {
		from = 3
	}
	if s.line == s.first && from < to {
		s.lead = text[from] == ' ' || text[from] == '\t'
	}
	return from
}

// physicalLine takes one line, without its newline, as offsets from base.
func (s *scanner) physicalLine() (from, to int, err error) {
	seen := s.next
	for {
		if i := bytes.IndexByte(s.buf[seen:], '\n'); i >= 0 {
			from, to = s.next-s.base, seen+i-s.base
			s.next = seen + i + 1
			s.line++
			return from, to, nil
		}
		seen = len(s.buf) - s.base
		more, err := s.fill()
		seen += s.base
		if err != nil {
			return 0, 0, err
		}
		if !more {
			return s.lastLine()
		}
	}
}

// lastLine takes what stands after the last newline.
func (s *scanner) lastLine() (from, to int, err error) {
	if s.end != io.EOF {
		return 0, 0, s.end
	}
	if s.next == len(s.buf) {
		return 0, 0, io.EOF
	}
	from, to = s.next-s.base, len(s.buf)-s.base
	s.next = len(s.buf)
	s.line++
	s.cut = true
	return from, to, nil
}

// fill reads more text behind the window; false when there is none.
func (s *scanner) fill() (more bool, err error) {
	if s.end != nil {
		return false, nil
	}
	if len(s.buf)-s.base > s.limit {
		return false, errEntryLong
	}
	if s.base > 0 {
		s.buf = s.buf[:copy(s.buf, s.buf[s.base:])]
		s.next -= s.base
		s.base = 0
	}
	if len(s.buf) == cap(s.buf) {
		s.buf = append(make([]byte, 0, 2*cap(s.buf)), s.buf...)
	}
	n, err := s.src.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	s.end = err
	return true, nil
}

// special tells the octets that end an open word; all lie below 64.
func special(c byte) bool {
	const set = 1<<'\t' | 1<<'\r' | 1<<' ' | 1<<'"' | 1<<'(' | 1<<')' | 1<<';' | 1<<0
	return c < 64 && set>>c&1 != 0
}

// words cuts one line into tokens.
func (s *scanner) words(from, to int) {
	text := bytes.TrimSuffix(s.buf[s.base:s.base+to], []byte{'\r'})
	blank := true
	for i := from; i < len(text); {
		switch c := text[i]; c {
		case ' ', '\t', '\r':
			blank = true
			i++
		case ';':
			return
		case '(', ')':
			s.bracket(c)
			blank = true
			i++
		case '"':
			i = s.quoted(text, i, !blank)
			blank = false
		case 0:
			s.blame("a NUL octet: this is not text")
			return
		default:
			i = s.open(text, i, !blank)
			blank = false
		}
		if s.fault != "" {
			return
		}
	}
}

func (s *scanner) bracket(c byte) {
	if c == '(' {
		s.depth++
	} else if s.depth--; s.depth < 0 {
		s.blame("a parenthesis is closed that was not opened")
	}
}

// open takes the word that starts at i, and returns where it ends.
func (s *scanner) open(text []byte, i int, glued bool) int {
	t := token{from: int32(i), glued: glued}
	for i < len(text) {
		c := text[i]
		switch {
		case c == '\\':
			t.escaped = true
			i++
		case c == '"':
			t.mixed = true
			if i = closing(text, i+1); i >= len(text) {
				s.blame("a quote is not closed on its line")
				return i
			}
		case special(c):
			return s.push(t, i)
		}
		i++
	}
	return s.push(t, len(text))
}

// quoted takes the quoted string that starts at i, and returns where the text
// goes on behind it.
func (s *scanner) quoted(text []byte, i int, glued bool) int {
	end := closing(text, i+1)
	if end >= len(text) {
		s.blame("a quote is not closed on its line")
		return end
	}
	escaped := bytes.IndexByte(text[i+1:end], '\\') >= 0
	s.push(token{from: int32(i + 1), quoted: true, escaped: escaped, glued: glued}, end)
	return end + 1
}

// closing finds the quote that closes a string, from i on.
func closing(text []byte, i int) int {
	for i < len(text) && text[i] != '"' {
		if text[i] == '\\' {
			i++
		}
		i++
	}
	return i
}

func (s *scanner) push(t token, end int) int {
	t.to = int32(end)
	s.tokens = append(s.tokens, t)
	return end
}

func (s *scanner) blame(fault string) {
	if s.fault == "" {
		s.fault, s.faultLine = fault, s.line
	}
}

// unread is the octets in the window behind the entry.
func (s *scanner) unread() int { return len(s.buf) - s.next }

// text is the token as written.
func (s *scanner) text(t token) []byte {
	return s.buf[s.base+int(t.from) : s.base+int(t.to)]
}

// lineOf is the line a token stands on.
func (s *scanner) lineOf(t token) uint32 {
	return s.first + uint32(bytes.Count(s.buf[s.base:s.base+int(t.from)], []byte{'\n'}))
}
