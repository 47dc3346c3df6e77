package zones

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// isGeneric tells the RDATA of RFC 3597 section 5: \# length hexadecimal.
func isGeneric(src *source, t token) bool {
	return !t.quoted && string(src.scanner.text(t)) == `\#`
}

// generic reads RFC 3597 RDATA, which any type may be written in.
func (p *parser) generic(src *source, typ uint16, tokens []token) ([]byte, error) {
	if len(tokens) == 0 {
		return nil, errors.New(`\# without a length`)
	}
	size, err := number(src.scanner.text(tokens[0]), math.MaxUint16)
	if err != nil {
		return nil, err
	}
	p.data = p.data[:0]
	if err := p.hex(src, tokens[1:]); err != nil {
		return nil, err
	}
	if len(p.data) != int(size) {
		return nil, fmt.Errorf(`\# announces %d octets and %d follow`, size, len(p.data))
	}
	if typ == TypeGEO {
		return p.data, checkGEO(p.data)
	}
	return p.data, p.validate(typ, p.data)
}

var (
	errNoData    = errors.New("no data")
	errMalformed = errors.New("the data is not what the type asks for")
)

// validate takes RDATA of a known type apart and together again: it has to be
// well-formed and its names uncompressed.
func (p *parser) validate(typ uint16, data []byte) error {
	if _, ok := dns.TypeToRR[typ]; !ok {
		return nil
	}
	if len(data) == 0 && typ != dns.TypeAPL {
		return errNoData
	}
	return guarded(func() error {
		h := dns.RR_Header{Name: ".", Rrtype: typ, Class: dns.ClassINET, Rdlength: uint16(len(data))}
		rr, _, err := dns.UnpackRRWithHeader(h, data, 0)
		if err != nil {
			return errMalformed
		}
		again, err := packed(rr, &p.wire[0])
		if err != nil || !bytes.Equal(again, data) {
			return errMalformed
		}
		return nil
	})
}

// guarded runs code of the library on what people wrote. Should some text make
// it panic, that is an error of the text.
func guarded(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot be read: %v", r)
		}
	}()
	return f()
}

// packed is the RDATA of a record in wire form, in memory that is made once
// and used again.
func packed(rr dns.RR, memory *[]byte) ([]byte, error) {
	const head = 1 + 2 + 2 + 4 + 2 // the root as owner
	if *memory == nil {
		*memory = make([]byte, head+math.MaxUint16)
	}
	rr.Header().Name = "."
	sortTypes(rr)
	n, err := dns.PackRR(rr, *memory, 0, nil, false)
	if err != nil {
		return nil, plainError(err)
	}
	return (*memory)[head:n], nil
}

// sortTypes puts a list of types in the order that its wire form has (RFC 4034
// section 4.1.2); people may write them in any.
func sortTypes(rr dns.RR) {
	switch rr := rr.(type) {
	case *dns.NSEC:
		slices.Sort(rr.TypeBitMap)
	case *dns.NSEC3:
		slices.Sort(rr.TypeBitMap)
	case *dns.CSYNC:
		slices.Sort(rr.TypeBitMap)
	}
}

// library reads RDATA through the DNS library, as one line of text.
func (p *parser) library(src *source, typ uint16, tokens []token) ([]byte, error) {
	if _, ok := dns.TypeToRR[typ]; !ok {
		return nil, fmt.Errorf(`the data of this type is written as \# length hexadecimal (RFC 3597)`)
	}
	if len(tokens) == 0 && typ != dns.TypeAPL {
		return nil, errNoData
	}
	line := ". 0 IN " + typeText(typ) + " " + string(src.joined(tokens)) + "\n"
	var data []byte
	err := guarded(func() (err error) {
		data, err = p.readLine(line, nameText(src.origin))
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, p.validate(typ, data)
}

// readLine turns one line into RDATA.
func (p *parser) readLine(line, origin string) ([]byte, error) {
	zp := dns.NewZoneParser(strings.NewReader(line), origin, "")
	rr, ok := zp.Next()
	if !ok {
		return nil, plainError(zp.Err())
	}
	return packed(rr, &p.wire[1])
}

// plainError takes the library's name and its line, which is not the file's,
// off an error.
func plainError(err error) error {
	if err == nil {
		return errNoData
	}
	text := strings.TrimPrefix(err.Error(), "dns: ")
	if i := strings.LastIndex(text, " at line: "); i >= 0 {
		text = text[:i]
	}
	return errors.New(strings.TrimPrefix(text, ": "))
}

// geo reads the RDATA of GEO: "pool" or "pool/server".
func (p *parser) geo(src *source, tokens []token) ([]byte, error) {
	data, err := p.fields(src, "c", tokens)
	if err != nil {
		return nil, err
	}
	return data, checkGEO(data)
}

// checkGEO looks at the RDATA of a GEO record.
func checkGEO(data []byte) error {
	if len(data) == 0 || int(data[0]) != len(data)-1 {
		return errors.New("not one character-string")
	}
	pool, server, pinned := strings.Cut(string(data[1:]), "/")
	if pool == "" || pinned && (server == "" || strings.Contains(server, "/")) {
		return fmt.Errorf("%q is neither a pool nor pool/server", data[1:])
	}
	return nil
}
