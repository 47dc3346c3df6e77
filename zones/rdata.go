package zones

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strings"

	"github.com/miekg/dns"
)

// rdata reads the RDATA of an entry into wire form, in scratch memory: what
// RFC 3597 writes for any type, the types of fields, GEO, and the rest
// through the library.
func (p *parser) rdata(src *source, typ uint16, tokens []token) (data []byte, err error) {
	form := fields(typ)
	switch {
	case len(tokens) > 0 && isGeneric(src, tokens[0]):
		data, err = p.generic(src, typ, tokens[1:])
	case form != "":
		data, err = p.fields(src, form, tokens)
	case typ == TypeGEO:
		data, err = p.geo(src, tokens)
	default:
		data, err = p.library(src, typ, tokens)
	}
	if err == nil && len(data) > math.MaxUint16 {
		err = errors.New("the data is longer than 65535 octets")
	}
	return data, err
}

// fields gives the form of the RDATA of a type, a letter a field; "" if the
// type is left to the library.
//
//	4 6      an IPv4, an IPv6 address
//	n        a name
//	b s l    a number of 8, 16, 32 bits
//	T        a time in seconds
//	a        a DNSSEC algorithm
//	c        a character-string
//	C        character-strings to the end
//	t v      the tag and the value of CAA
//	x        hexadecimal digits to the end
func fields(typ uint16) string {
	switch typ {
	case typeA:
		return "4"
	case typeAAAA:
		return "6"
	case typeNS, typeCNAME, typePTR, typeDNAME:
		return "n"
	case typeMX, dns.TypeAFSDB, dns.TypeKX:
		return "sn"
	case typeSRV:
		return "sssn"
	case typeSOA:
		return "nnlTTTT"
	case dns.TypeTXT, dns.TypeSPF:
		return "C"
	case dns.TypeHINFO:
		return "cc"
	case dns.TypeCAA:
		return "btv"
	case dns.TypeNAPTR:
		return "sscccn"
	case dns.TypeDS, dns.TypeCDS:
		return "sabx"
	case dns.TypeSSHFP:
		return "bbx"
	case dns.TypeTLSA, dns.TypeSMIMEA:
		return "bbbx"
	}
	return ""
}

func (p *parser) fields(src *source, form string, tokens []token) ([]byte, error) {
	p.data = p.data[:0]
	if len(tokens) == 0 {
		return nil, errNoData
	}
	var err error
	for i := range len(form) {
		if len(tokens) == 0 {
			return nil, fmt.Errorf("%d of %d fields are missing", len(form)-i, len(form))
		}
		switch form[i] {
		case 'C':
			err = p.strings(src, tokens)
			tokens = nil
		case 'x':
			err = p.hex(src, tokens)
			tokens = nil
		default:
			err = p.field(form[i], src, tokens[0])
			tokens = tokens[1:]
		}
		if err != nil {
			return nil, err
		}
	}
	if len(tokens) > 0 {
		return nil, fmt.Errorf("%q is one word too many", src.scanner.text(tokens[0]))
	}
	return p.data, nil
}

var (
	errQuotedWord = errors.New("only text stands in quotes here")
	errMixed      = errors.New("a quote within a word")
)

// field reads a field of one token.
func (p *parser) field(kind byte, src *source, t token) (err error) {
	word := src.scanner.text(t)
	switch {
	case t.mixed:
		return errMixed
	case kind == 'c' || kind == 'v':
		return p.text1(kind, word)
	case t.quoted:
		return errQuotedWord
	}
	switch kind {
	case 'n':
		if p.data, err = appendName(p.data, word, src.origin); err != nil {
			err = fmt.Errorf("%q: %w", word, err)
		}
	case '4':
		p.data, err = appendIPv4(p.data, word)
	case '6':
		p.data, err = appendIPv6(p.data, word)
	case 't':
		p.data, err = appendTag(p.data, word)
	case 'a':
		err = p.algorithm(word)
	default:
		err = p.number(kind, word)
	}
	return err
}

func (p *parser) number(kind byte, word []byte) error {
	v, err := uint32(0), error(nil)
	switch kind {
	case 'b':
		v, err = number(word, math.MaxUint8)
		p.data = append(p.data, byte(v))
	case 's':
		v, err = number(word, math.MaxUint16)
		p.data = binary.BigEndian.AppendUint16(p.data, uint16(v))
	case 'l':
		v, err = number(word, math.MaxUint32)
		p.data = binary.BigEndian.AppendUint32(p.data, v)
	case 'T':
		v, err = seconds(word)
		p.data = binary.BigEndian.AppendUint32(p.data, v)
	}
	return err
}

func (p *parser) algorithm(word []byte) error {
	if alg, ok := dns.StringToAlgorithm[strings.ToUpper(string(word))]; ok {
		p.data = append(p.data, alg)
		return nil
	}
	return p.number('b', word)
}

// text1 reads a character-string (c), or the value of CAA (v), which is not
// split and has no length in front.
func (p *parser) text1(kind byte, word []byte) (err error) {
	at := len(p.data)
	if kind == 'v' {
		p.data, err = appendOctets(p.data, word)
		return err
	}
	p.data, err = appendOctets(append(p.data, 0), word)
	size := len(p.data) - at - 1
	if err == nil && size > 255 {
		err = fmt.Errorf("a text of %d octets; 255 is the most", size)
	}
	p.data[at] = byte(size)
	return err
}

// strings reads character-strings to the end of the entry. A longer text is
// cut into pieces of 255 octets, which is how TXT readers join it again.
func (p *parser) strings(src *source, tokens []token) (err error) {
	for _, t := range tokens {
		if t.mixed {
			return errMixed
		}
		text := p.name[:0]
		if text, err = appendOctets(text, src.scanner.text(t)); err != nil {
			return err
		}
		p.name = text
		for more := true; more; more = len(text) > 0 {
			n := min(len(text), 255)
			p.data = append(append(p.data, byte(n)), text[:n]...)
			text = text[n:]
		}
	}
	return nil
}

func (p *parser) hex(src *source, tokens []token) error {
	digits := p.name[:0]
	for _, t := range tokens {
		if t.quoted {
			return errQuotedWord
		}
		digits = append(digits, src.scanner.text(t)...)
	}
	p.name = digits
	at := len(p.data)
	p.data = append(p.data, make([]byte, hex.DecodedLen(len(digits)))...)
	if _, err := hex.Decode(p.data[at:], digits); err != nil {
		return errors.New("hexadecimal digits are expected here, two for an octet")
	}
	return nil
}

// appendIPv4 reads a dotted quad: four decimal numbers without leading zeros.
func appendIPv4(dst, word []byte) ([]byte, error) {
	v, digits, dots := 0, 0, 0
	for i := 0; i <= len(word); i++ {
		switch {
		case i < len(word) && isDigit(word[i]) && (digits == 0 || v != 0):
			v = v*10 + int(word[i]-'0')
			digits++
		case (i == len(word) || word[i] == '.') && digits > 0 && v < 256 && dots < 4:
			dst = append(dst, byte(v))
			v, digits, dots = 0, 0, dots+1
		default:
			return dst, fmt.Errorf("%q is not an IPv4 address", word)
		}
		if v > 255 {
			return dst, fmt.Errorf("%q is not an IPv4 address", word)
		}
	}
	if dots != 4 {
		return dst, fmt.Errorf("%q is not an IPv4 address", word)
	}
	return dst, nil
}

func appendIPv6(dst, word []byte) ([]byte, error) {
	a, err := netip.ParseAddr(string(word))
	if err != nil || !a.Is6() || a.Zone() != "" {
		return dst, fmt.Errorf("%q is not an IPv6 address", word)
	}
	b := a.As16()
	return append(dst, b[:]...), nil
}

// appendTag reads the tag of CAA (RFC 8659 section 4.1).
func appendTag(dst, word []byte) ([]byte, error) {
	for _, c := range word {
		if !isDigit(c) && (c|0x20)-'a' >= 26 {
			return dst, fmt.Errorf("the tag %q has other characters than letters and digits", word)
		}
	}
	if len(word) == 0 || len(word) > 255 {
		return dst, errors.New("a tag has 1 to 255 characters")
	}
	return append(append(dst, byte(len(word))), word...), nil
}
