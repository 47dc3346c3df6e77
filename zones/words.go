package zones

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

func isDigit(c byte) bool { return c-'0' <= 9 }

var errWide = errors.New("a number that does not fit 32 bits")

// number reads a decimal number up to limit.
func number(word []byte, limit uint64) (uint32, error) {
	v := uint64(0)
	for _, c := range word {
		if !isDigit(c) {
			return 0, fmt.Errorf("%q is not a number", word)
		}
		if v = v*10 + uint64(c-'0'); v > limit {
			return 0, fmt.Errorf("%s is more than %d", word, limit)
		}
	}
	if len(word) == 0 {
		return 0, errors.New("an empty word is not a number")
	}
	return uint32(v), nil
}

// seconds reads a duration: a number of seconds, or numbers with BIND's units
// as in 1h30m.
func seconds(word []byte) (uint32, error) {
	sum, v, digits, units := uint64(0), uint64(0), 0, 0
	for _, c := range word {
		if isDigit(c) {
			v = v*10 + uint64(c-'0')
			digits++
		} else {
			u := unit(c)
			if u == 0 || digits == 0 {
				return 0, fmt.Errorf("%q is not a TTL: write seconds, or numbers with units as in 1h30m", word)
			}
			sum, v, digits = sum+v*u, 0, 0
			units++
		}
		if v > math.MaxUint32 || sum > math.MaxUint32 {
			return 0, errWide
		}
	}
	if digits > 0 && units > 0 {
		return 0, fmt.Errorf("%q is not a TTL: its last number has no unit", word)
	}
	return uint32(sum + v), nil
}

func unit(c byte) uint64 {
	switch c | 0x20 {
	case 's':
		return 1
	case 'm':
		return 60
	case 'h':
		return 3600
	case 'd':
		return 24 * 3600
	case 'w':
		return 7 * 24 * 3600
	}
	return 0
}

func isIN(word []byte) bool {
	return len(word) == 2 && word[0]|0x20 == 'i' && word[1]|0x20 == 'n' || bytes.EqualFold(word, []byte("CLASS1"))
}

func isClass(word []byte) bool {
	switch {
	case isIN(word):
		return true
	case len(word) == 2:
		w := string(bytes.ToUpper(word))
		return w == "CH" || w == "HS" || w == "CS"
	case len(word) <= 5 || !bytes.EqualFold(word[:5], []byte("CLASS")):
		return false
	}
	_, err := number(word[5:], math.MaxUint16)
	return err == nil
}

// dataType reads the mnemonic of a type that may stand in a zone.
func dataType(word []byte) (uint16, error) {
	typ, ok := plainType(word)
	if !ok {
		typ, ok = namedType(strings.ToUpper(string(word)))
	}
	switch {
	case !ok:
		return 0, fmt.Errorf("%q is not a type", word)
	case !isData(typ):
		return 0, fmt.Errorf("type %s is no data: it does not stand in a zone", typeText(typ))
	}
	return typ, nil
}

// plainType knows the types that make up nearly all of every zone.
func plainType(word []byte) (uint16, bool) {
	switch string(word) {
	case "A":
		return typeA, true
	case "AAAA":
		return typeAAAA, true
	case "NS":
		return typeNS, true
	case "CNAME":
		return typeCNAME, true
	case "PTR":
		return typePTR, true
	case "MX":
		return typeMX, true
	case "TXT":
		return dns.TypeTXT, true
	case "DS":
		return dns.TypeDS, true
	case "GEO":
		return TypeGEO, true
	}
	return 0, false
}

func namedType(word string) (uint16, bool) {
	if word == "GEO" {
		return TypeGEO, true
	}
	if typ, ok := dns.StringToType[word]; ok {
		return typ, true
	}
	digits, ok := strings.CutPrefix(word, "TYPE")
	typ, err := strconv.ParseUint(digits, 10, 16)
	return uint16(typ), ok && err == nil
}

// isData tells the types that may stand in a zone from those that exist in
// messages only: 0, OPT, the query and meta types (RFC 6895 section 3.1) and
// the reserved last one; and NULL (RFC 1035 section 3.3.10).
func isData(typ uint16) bool {
	return typ != 0 && typ != dns.TypeNULL && typ != dns.TypeOPT && (typ < 128 || typ > 255) && typ != math.MaxUint16
}

// typeText is the mnemonic of a type.
func typeText(typ uint16) string {
	if typ == TypeGEO {
		return "GEO"
	}
	if name, ok := dns.TypeToString[typ]; ok {
		return name
	}
	return "TYPE" + strconv.Itoa(int(typ))
}
