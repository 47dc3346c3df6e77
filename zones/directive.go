package zones

import (
	"errors"
	"fmt"
	"io"
	"math"
	"path"
	"strings"
)

// directive handles an entry that is one: a first word with a dollar sign in
// front, at the start of the line (RFC 1035 section 5.1, RFC 2308 section 4).
func (p *parser) directive(src *source) bool {
	first := src.tokens[0]
	word := src.scanner.text(first)
	if src.lead || first.quoted || len(word) == 0 || word[0] != '$' {
		return false
	}
	args := src.tokens[1:]
	var err error
	switch name := strings.ToUpper(string(word)); {
	case name == "$ORIGIN":
		err = p.originDirective(src, args)
	case name == "$TTL":
		err = p.ttlDirective(src, args)
	case name == "$INCLUDE":
		err = p.include(src, args)
	case name == "$GENERATE":
		err = p.generate(src, args)
	default:
		err = fmt.Errorf("%s is not a directive; a name that starts with a dollar sign is written with a backslash before it", word)
	}
	if err != nil {
		p.rep.fail(src.start(), "%v", err)
	}
	return true
}

func (p *parser) originDirective(src *source, args []token) error {
	if len(args) != 1 {
		return fmt.Errorf("$ORIGIN takes one name")
	}
	name, err := p.wireName(src, args[0])
	if err != nil {
		return fmt.Errorf("$ORIGIN %s: %w", src.scanner.text(args[0]), err)
	}
	src.origin = p.mem.keep(name)
	return nil
}

func (p *parser) ttlDirective(src *source, args []token) error {
	if len(args) != 1 || args[0].quoted {
		return fmt.Errorf("$TTL takes one number")
	}
	ttl, err := seconds(src.scanner.text(args[0]))
	if err != nil {
		return fmt.Errorf("$TTL: %w", err)
	}
	if ttl > math.MaxInt32 {
		p.rep.warn(src.start(), "a TTL over 2147483647 counts as 0 (RFC 2181 section 8)")
		ttl = 0
	}
	p.ttl, p.haveTTL = ttl, true
	return nil
}

// include reads another file in place of the directive: $INCLUDE file
// [origin]. Origin and owner are as before it afterwards; a $TTL within it
// stays in force.
func (p *parser) include(src *source, args []token) error {
	if len(args) == 0 || len(args) > 2 {
		return fmt.Errorf("$INCLUDE takes a file and, if wanted, an origin")
	}
	name, err := appendOctets(nil, src.scanner.text(args[0]))
	if err != nil {
		return err
	}
	inner := &source{path: path.Clean(string(name)), parent: src, origin: src.origin}
	if len(args) == 2 {
		origin, err := p.wireName(src, args[1])
		if err != nil {
			return fmt.Errorf("$INCLUDE origin %s: %w", src.scanner.text(args[1]), err)
		}
		inner.origin = p.mem.keep(origin)
	}
	if err := p.mayInclude(inner); err != nil {
		return fmt.Errorf("$INCLUDE %s: %w", name, err)
	}
	return p.readIncluded(src, inner)
}

// mayInclude refuses loops and more files than the limits allow.
func (p *parser) mayInclude(inner *source) error {
	depth := 0
	for s := inner.parent; s != nil; s = s.parent {
		if s.path == inner.path {
			return fmt.Errorf("the file includes itself")
		}
		depth++
	}
	switch {
	case path.IsAbs(inner.path) || inner.path == ".." || strings.HasPrefix(inner.path, "../"):
		return fmt.Errorf("only files in the zones folder may be included, by a path that starts there")
	case depth > p.limits.Depth:
		return fmt.Errorf("files are included more than %d deep", p.limits.Depth)
	case p.includes >= p.limits.Includes || p.includes+1 > math.MaxUint16:
		return fmt.Errorf("more than %d files are included", p.includes)
	}
	return nil
}

func (p *parser) readIncluded(src, inner *source) error {
	p.includes++
	r, size, err := p.open(inner.path)
	if err != nil {
		return fmt.Errorf("$INCLUDE %s: %w", inner.path, err)
	}
	defer r.Close()
	inner.file = uint16(len(p.rep.files))
	p.rep.files = append(p.rep.files, p.shown(inner.path))
	p.read(r, size, inner)
	return nil
}

// shown is a path of the zones folder as problems name it.
func (p *parser) shown(name string) string {
	return path.Join(path.Dir(p.rep.files[0]), name)
}

// nothing is the folder of a zone that has none.
func nothing(string) (io.ReadCloser, int64, error) {
	return nil, 0, errors.New("there is no zones folder here")
}
