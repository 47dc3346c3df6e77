package zones

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path"
)

// openFile opens what $INCLUDE names, a slash-separated path below the zones
// folder, and tells its size in octets.
type openFile func(path string) (r io.ReadCloser, size int64, err error)

// parser turns master files into records. Not safe for concurrent use.
type parser struct {
	limits   Limits
	open     openFile
	rep      *report
	recs     []Record
	placed   int           // of recs
	place    func(portion) // takes them
	mem      arena
	size     int64 // octets of the zone's own file
	text     int64 // octets read so far, all files
	includes int
	stopped  bool // a limit or a reading error ended it

	generated int64 // octets of lines that $GENERATE made
	counted   int64 // how many lines these are, or will be

	ttl, lastTTL         uint32 // of $TTL, and the last one stated by a record
	haveTTL, haveLastTTL bool

	name, data []byte    // scratch
	wire       [2][]byte // scratch of the library's packing
}

// source is one file being read, or the lines of a $GENERATE.
type source struct {
	*scanner
	file      uint16
	path      string
	parent    *source
	origin    string // in force, wire form
	owner     string // of the last record, wire form, "" before the first
	generated *Pos   // of the $GENERATE that makes these lines
}

// pos is where the token stands.
func (s *source) pos(t token) Pos {
	if s.generated != nil {
		return *s.generated
	}
	return Pos{s.file, s.lineOf(t)}
}

// start is where the entry starts.
func (s *source) start() Pos { return s.pos(token{}) }

// limitedReader counts what is read for a zone and ends it at the limit.
type limitedReader struct {
	src io.Reader
	p   *parser
}

func (l limitedReader) Read(b []byte) (int, error) {
	n, err := l.src.Read(b)
	if l.p.text += int64(n); l.p.text > l.p.limits.Text {
		return n, fmt.Errorf("the zone's text is larger than %d octets", l.p.limits.Text)
	}
	return n, err
}

// parse reads the zone's own file, which stands in rep.files[0], and what it
// includes. Every record is handed to place, some at a time. Problems go to rep;
// after an error the records are incomplete.
func parse(r io.Reader, size int64, origin string, open openFile, limits Limits, rep *report, place func(portion)) []Record {
	p := &parser{limits: limits, open: open, rep: rep, size: size, place: place}
	p.mem.size = int(max(256, min(size, firstBlock)))
	p.recs = make([]Record, 0, max(16, min(size/32, 4096)))
	p.read(r, size, &source{path: path.Base(rep.files[0]), origin: origin})
	p.hand(len(p.recs))
	return p.recs
}

// hand gives away the records read since the last time.
func (p *parser) hand(expect int) {
	p.place(portion{p.recs[p.placed:], expect})
	p.placed = len(p.recs)
}

func (p *parser) read(r io.Reader, size int64, src *source) {
	src.scanner = newScanner(limitedReader{r, p}, size, p.limits.Entry)
	p.entries(src)
	if src.cut && !p.stopped {
		p.rep.cut = true
		p.rep.warn(Pos{src.file, src.line}, "the last line does not end with a newline: is the file whole?")
	}
}

func (p *parser) entries(src *source) {
	for !p.stopped && !p.rep.full() {
		err := src.entry()
		switch {
		case err == io.EOF:
			return
		case err != nil:
			p.stop(src.broken(), "%v", err)
		case src.fault != "":
			p.rep.fail(src.faultPos(), "%s", src.fault)
		case p.directive(src):
		default:
			p.record(src)
		}
	}
}

// broken is where reading ended with an error.
func (s *source) broken() Pos { return Pos{s.file, s.first} }

func (s *source) faultPos() Pos {
	if s.generated != nil {
		return *s.generated
	}
	return Pos{s.file, s.faultLine}
}

// stop ends the parse with an error.
func (p *parser) stop(at Pos, format string, args ...any) {
	p.rep.fail(at, format, args...)
	p.stopped = true
}

// record reads an entry as [owner] [TTL] [class] type RDATA.
func (p *parser) record(src *source) {
	tokens := src.tokens
	if !src.lead {
		p.owner(src, tokens[0])
		tokens = tokens[1:]
	} else if src.owner == "" {
		p.rep.fail(src.start(), "a line that begins with a blank takes the owner of the record before it, and there is none in this file")
		src.owner = src.origin
	}
	h, rest, err := head(src, tokens)
	if err != nil {
		p.rep.fail(src.start(), "%v", err)
		return
	}
	data, err := p.rdata(src, h.typ, rest)
	if err != nil {
		p.rep.fail(src.start(), "%s: %v", typeText(h.typ), err)
		return
	}
	r := Record{Owner: src.owner, Data: p.mem.keep(data), Type: h.typ, Pos: src.start()}
	if r.TTL, err = p.ttlOf(h, r); err != nil {
		p.rep.fail(r.Pos, "%v", err)
		return
	}
	p.add(src, r)
}

// owner notes the entry's owner. A bad one gives way to the origin, so that
// the lines after it are still read for their own errors.
func (p *parser) owner(src *source, t token) {
	name, err := p.wireName(src, t)
	if err != nil {
		p.rep.fail(src.pos(t), "owner %q: %v", src.scanner.text(t), err)
		src.owner = src.origin
		return
	}
	lowerASCII(name)
	if string(name) != src.owner {
		src.owner = p.mem.keep(name)
	}
}

var errQuotedName = errors.New("a name does not stand in quotes")

// wireName reads a token as a name, into scratch memory.
func (p *parser) wireName(src *source, t token) ([]byte, error) {
	if t.quoted || t.mixed {
		return nil, errQuotedName
	}
	name, err := appendName(p.name[:0], src.scanner.text(t), src.origin)
	p.name = name
	return name, err
}

// ttlOf gives the record's TTL: its own, else that of $TTL (RFC 2308 section
// 4), else the last one stated (RFC 1035 section 5.1). A SOA without any lends
// its MINIMUM, as BIND has it.
func (p *parser) ttlOf(h header, r Record) (uint32, error) {
	switch {
	case h.hasTTL && h.ttl > math.MaxInt32:
		p.rep.warn(r.Pos, "a TTL over 2147483647 counts as 0 (RFC 2181 section 8)")
		h.ttl = 0
		fallthrough
	case h.hasTTL:
		p.lastTTL, p.haveLastTTL = h.ttl, true
		return h.ttl, nil
	case p.haveTTL:
		return p.ttl, nil
	case p.haveLastTTL:
		return p.lastTTL, nil
	case r.Type == typeSOA:
		p.lastTTL, p.haveLastTTL = min(soaMinimum(r.Data), math.MaxInt32), true
		p.rep.warn(r.Pos, "no TTL is stated yet: the SOA's last field, %d, is taken", p.lastTTL)
		return p.lastTTL, nil
	}
	return 0, errors.New("no TTL: the record has none, and neither $TTL nor a record with one stands before it")
}

func (p *parser) add(src *source, r Record) {
	if len(p.recs) >= p.limits.Records {
		p.stop(r.Pos, "more than %d records", p.limits.Records)
		return
	}
	if len(p.recs) == cap(p.recs) {
		p.grow(p.text - int64(src.unread()))
	}
	if len(p.recs)-p.placed == maxPortion {
		p.hand(cap(p.recs))
	}
	p.recs = append(p.recs, r)
}

// grow makes room for as many records as the text used so far lets expect: a
// large slice that doubles would need three times its size at the peak.
func (p *parser) grow(used int64) {
	expect := float64(len(p.recs)) * float64(p.size) / float64(max(used, 1)) * 1.05
	room := max(int(expect), len(p.recs)+len(p.recs)/2+16)
	p.recs = append(advise(make([]Record, 0, min(room, p.limits.Records))), p.recs...)
}

// header is what stands between owner and RDATA.
type header struct {
	ttl    uint32
	hasTTL bool
	typ    uint16
}

// head reads TTL and class, in either order and both optional, and the type.
func head(src *source, tokens []token) (h header, rest []token, err error) {
	hasClass := false
	for i, t := range tokens {
		word := src.scanner.text(t)
		switch {
		case t.quoted || t.mixed || t.escaped || len(word) == 0:
			return h, nil, fmt.Errorf("%q stands where TTL, class or type belong", word)
		case !h.hasTTL && isDigit(word[0]):
			if h.ttl, err = seconds(word); err != nil {
				return h, nil, err
			}
			h.hasTTL = true
		case !hasClass && isClass(word):
			if hasClass = true; !isIN(word) {
				return h, nil, fmt.Errorf("class %s: only IN is served", word)
			}
		default:
			h.typ, err = dataType(word)
			return h, tokens[i+1:], err
		}
	}
	return h, nil, errors.New("a record without a type")
}
