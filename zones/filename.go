package zones

import (
	"errors"
	"fmt"
	"strings"
)

const suffix = ".zone"

// isZoneFile tells the names of zone files from those of the other files in
// the folder: what is included, and what editors leave behind, which is hidden
// (".example.com.zone.swp", ".#example.com.zone") or ends differently
// ("example.com.zone~").
func isZoneFile(name string) bool {
	return strings.HasSuffix(name, suffix) && !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "#")
}

// OriginOf gives the apex, in wire form and lower case, of the zone whose file
// has the name: "example.com.zone", "root.zone" for the root. An octet that a
// file name cannot hold is written %XX and is never a separator.
func OriginOf(file string) (string, error) {
	name, ok := strings.CutSuffix(file, suffix)
	switch {
	case !ok || name == "":
		return "", fmt.Errorf("a zone file has the name of its zone and ends in %s", suffix)
	case name == "root":
		return "\x00", nil
	}
	var wire []byte
	for label := range strings.SplitSeq(name, ".") {
		at := len(wire)
		wire = append(wire, 0)
		var err error
		if wire, err = appendFileLabel(wire, label); err != nil {
			return "", err
		}
		switch size := len(wire) - at - 1; {
		case size == 0:
			return "", errEmptyLabel
		case size > 63:
			return "", errLongLabel
		default:
			wire[at] = byte(size)
		}
	}
	if wire = append(wire, 0); len(wire) > MaxName {
		return "", errLongName
	}
	lowerASCII(wire)
	return string(wire), nil
}

func appendFileLabel(wire []byte, label string) ([]byte, error) {
	for i := 0; i < len(label); i++ {
		c := label[i]
		switch {
		case c == '%':
			hi, lo := hexDigit(label, i+1), hexDigit(label, i+2)
			if hi < 0 || lo < 0 {
				return wire, errors.New("a percent sign needs two hexadecimal digits after it")
			}
			c = byte(hi<<4 | lo)
			i += 2
		case c <= ' ' || c == '\\' || c == '/' || c == 0x7f:
			return wire, fmt.Errorf("the character %q is written %%%02X in the name of a zone file", c, c)
		case c > 0x7f:
			return wire, errors.New("a name with letters beyond ASCII is written in its xn-- form")
		}
		wire = append(wire, c)
	}
	return wire, nil
}

func hexDigit(s string, i int) int {
	if i >= len(s) {
		return -1
	}
	switch c := s[i]; {
	case isDigit(c):
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}
