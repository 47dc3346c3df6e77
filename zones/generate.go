package zones

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
)

// generate makes records by counting, as BIND does: $GENERATE
// start-stop[/step] owner [TTL] [class] type RDATA, where $ stands for the
// number and ${offset,width,base} for a changed one.
func (p *parser) generate(src *source, args []token) error {
	if len(args) < 3 {
		return errors.New("$GENERATE takes a range, an owner, a type and data")
	}
	span, err := parseSpan(string(src.scanner.text(args[0])))
	if err != nil {
		return fmt.Errorf("$GENERATE: %w", err)
	}
	n, most := span.count(), int64(p.limits.Generate)
	if n > most {
		return fmt.Errorf("$GENERATE: %d records are more than %d", n, most)
	}
	if p.counted += n; p.counted > generates*most {
		p.stop(src.start(), "$GENERATE: more than %d records are made for the zone", generates*most)
		return nil
	}
	line, err := parseTemplate(src.joined(args[1:]))
	if err != nil {
		return fmt.Errorf("$GENERATE: %w", err)
	}
	p.recs = slices.Grow(p.recs, int(min(n, int64(max(0, p.limits.Records-len(p.recs))))))
	at := src.start()
	inner := &source{file: src.file, parent: src, origin: src.origin, generated: &at}
	inner.scanner = newScanner(&counter{p: p, span: span, line: line}, 0, maxGenerated)
	p.made(inner)
	return nil
}

// generates is how many $GENERATE of full length a zone may have: each of its
// records takes some hundred octets of memory while the zone is loaded.
const generates = 16

// maxGenerated bounds a line that $GENERATE makes, in octets: a small file
// shall not turn into a huge zone.
const maxGenerated = 4096

// made takes the entries that a $GENERATE makes, up to the first error: the
// others would have the same.
func (p *parser) made(inner *source) {
	before := p.rep.errors
	for !p.stopped && p.rep.errors == before {
		err := inner.entry()
		switch {
		case err == io.EOF:
			return
		case err != nil:
			p.rep.fail(*inner.generated, "$GENERATE: %v", err)
		case inner.fault != "":
			p.rep.fail(*inner.generated, "$GENERATE: %s", inner.fault)
		default:
			p.record(inner)
		}
	}
}

// span is a range of numbers; start <= stop, step > 0.
type span struct{ start, stop, step int64 }

func (s span) count() int64 { return (s.stop-s.start)/s.step + 1 }

func parseSpan(text string) (span, error) {
	bounds, step, stepped := strings.Cut(text, "/")
	start, stop, ok := strings.Cut(bounds, "-")
	s := span{step: 1}
	var err [3]error
	s.start, err[0] = count(start)
	s.stop, err[1] = count(stop)
	if stepped {
		s.step, err[2] = count(step)
	}
	if !ok || errors.Join(err[:]...) != nil || s.start > s.stop || s.step == 0 {
		return s, fmt.Errorf("%q is not a range like 1-254 or 0-20/2", text)
	}
	return s, nil
}

func count(text string) (int64, error) {
	v, err := number([]byte(text), math.MaxInt32)
	return int64(v), err
}

// joined is the tokens as one line of text, quotes and escapes as written.
func (s *source) joined(tokens []token) []byte {
	var b []byte
	for i, t := range tokens {
		if i > 0 && !t.glued {
			b = append(b, ' ')
		}
		if t.quoted {
			b = append(b, '"')
		}
		b = append(b, s.scanner.text(t)...)
		if t.quoted {
			b = append(b, '"')
		}
	}
	return b
}

// piece is fixed text followed by a number.
type piece struct {
	text   []byte
	last   bool // no number follows
	offset int64
	width  int
	base   byte // d, o, x, X, n or N
}

// parseTemplate cuts a line at its dollar signs. "\$" and "$$" are one dollar
// sign that stands for itself.
func parseTemplate(line []byte) ([]piece, error) {
	var pieces []piece
	cur := piece{base: 'd'}
	for i := 0; i < len(line); i++ {
		switch {
		case line[i] == '\\' && i+1 < len(line):
			cur.text = append(cur.text, line[i], line[i+1])
			i++
		case line[i] != '$':
			cur.text = append(cur.text, line[i])
		case i+1 < len(line) && line[i+1] == '$':
			cur.text = append(cur.text, '\\', '$')
			i++
		default:
			n, err := cur.modifier(line[i+1:])
			if err != nil {
				return nil, err
			}
			i += n
			pieces = append(pieces, cur)
			cur = piece{base: 'd'}
		}
	}
	cur.last = true
	return append(pieces, cur), nil
}

// maxWidth bounds the digits of one number: no label is longer.
const maxWidth = 63

// modifier reads {offset[,width[,base]]}, if there is one, and returns its
// length.
func (c *piece) modifier(text []byte) (int, error) {
	if len(text) == 0 || text[0] != '{' {
		return 0, nil
	}
	end := bytes.IndexByte(text, '}')
	if end < 0 {
		return 0, errors.New("${ without }")
	}
	parts := strings.Split(string(text[1:end]), ",")
	if len(parts) > 3 {
		return 0, fmt.Errorf("$%s has more than offset, width and base", text[:end+1])
	}
	var err error
	if c.offset, err = strconv.ParseInt(parts[0], 10, 32); err != nil {
		return 0, fmt.Errorf("$%s: bad offset", text[:end+1])
	}
	if len(parts) > 1 {
		if c.width, err = strconv.Atoi(parts[1]); err != nil || c.width < 0 || c.width > maxWidth {
			return 0, fmt.Errorf("$%s: the width is 0 to %d", text[:end+1], maxWidth)
		}
	}
	if len(parts) > 2 {
		if len(parts[2]) != 1 || !strings.Contains("doxXnN", parts[2]) {
			return 0, fmt.Errorf("$%s: the base is d, o, x, X, n or N", text[:end+1])
		}
		c.base = parts[2][0]
	}
	return end + 1, nil
}

func (c *piece) append(b []byte, i int64) ([]byte, error) {
	b = append(b, c.text...)
	if c.last {
		return b, nil
	}
	v := i + c.offset
	switch {
	case v < 0:
		return b, fmt.Errorf("the offset makes %d of %d", v, i)
	case c.base == 'n' || c.base == 'N':
		return appendNibbles(b, v, c.width, c.base), nil
	}
	return fmt.Appendf(b, "%0*"+string(c.base), c.width, v), nil
}

// appendNibbles writes v as hexadecimal digits in reverse order with dots
// between, as ip6.arpa names have them. width counts digits and dots, and an
// even one ends in a dot.
func appendNibbles(b []byte, v int64, width int, base byte) []byte {
	digits := "0123456789abcdef"
	if base == 'N' {
		digits = "0123456789ABCDEF"
	}
	for start := len(b); ; {
		b = append(b, digits[v&15])
		v >>= 4
		if v == 0 && len(b)-start >= width {
			return b
		}
		if b = append(b, '.'); v == 0 && len(b)-start >= width {
			return b
		}
	}
}

// counter reads as the lines of a $GENERATE, one at a time.
type counter struct {
	p    *parser
	span span
	line []piece
	buf  []byte // the line now read
	at   int    // what of it was read
	done bool
}

func (c *counter) Read(b []byte) (int, error) {
	if c.at == len(c.buf) {
		if err := c.step(); err != nil {
			return 0, err
		}
	}
	n := copy(b, c.buf[c.at:])
	c.at += n
	return n, nil
}

func (c *counter) step() (err error) {
	if c.done {
		return io.EOF
	}
	c.buf, c.at = c.buf[:0], 0
	for i := range c.line {
		if c.buf, err = c.line[i].append(c.buf, c.span.start); err != nil {
			return err
		}
	}
	c.buf = append(c.buf, '\n')
	if c.p.generated += int64(len(c.buf)); c.p.generated > c.p.limits.Generated {
		return fmt.Errorf("more than %d octets of text are made for the zone", c.p.limits.Generated)
	}
	c.span.start += c.span.step
	c.done = c.span.start > c.span.stop
	return nil
}
