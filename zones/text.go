package zones

import (
	"errors"
	"fmt"
	"strings"
)

var (
	errEmptyLabel = errors.New("a name with an empty label")
	errLongLabel  = errors.New("a label of more than 63 octets")
	errLongName   = errors.New("a name of more than 255 octets")
	errNoOrigin   = errors.New("an empty name")
	errEscape     = errors.New(`a backslash needs one character or three digits up to 255 after it`)
)

// appendName appends the wire form of a name in presentation form to dst. "@"
// is the origin, and a name without a final dot is relative to it. The
// limits are those of RFC 1035 section 2.3.4.
func appendName(dst, text []byte, origin string) ([]byte, error) {
	if len(text) == 1 && text[0] == '@' {
		return append(dst, origin...), nil
	}
	if len(text) == 1 && text[0] == '.' {
		return append(dst, 0), nil
	}
	if len(text) == 0 {
		return dst, errNoOrigin
	}
	start := len(dst)
	for i := 0; i < len(text); {
		var err error
		if dst, i, err = appendLabel(dst, text, i); err != nil {
			return dst, err
		}
		if len(dst)-start >= MaxName {
			return dst, errLongName
		}
		if i == len(text)+1 { // a final dot
			return append(dst, 0), nil
		}
	}
	if len(dst)-start+len(origin) > MaxName {
		return dst, errLongName
	}
	return append(dst, origin...), nil
}

// appendLabel appends the label at text[i:], length octet first, and returns
// where the next one starts: len(text) where the text ends without a dot, one
// more where it ends with one.
func appendLabel(dst, text []byte, i int) ([]byte, int, error) {
	at := len(dst)
	dst = append(dst, 0)
	for i < len(text) && text[i] != '.' {
		c, n := text[i], 1
		if c == '\\' {
			if c, n = unescape(text[i:]); n == 0 {
				return dst, i, errEscape
			}
		}
		dst = append(dst, c)
		i += n
	}
	size := len(dst) - at - 1
	switch {
	case size == 0:
		return dst, i, errEmptyLabel
	case size > 63:
		return dst, i, errLongLabel
	}
	dst[at] = byte(size)
	if i == len(text) {
		return dst, i, nil
	}
	if i++; i == len(text) {
		i++
	}
	return dst, i, nil
}

// unescape reads the escape that text starts with: \X or \DDD. n is its
// length, 0 if it is none.
func unescape(text []byte) (c byte, n int) {
	if len(text) < 2 {
		return 0, 0
	}
	if text[1]-'0' > 9 {
		return text[1], 2
	}
	if len(text) < 4 || text[2]-'0' > 9 || text[3]-'0' > 9 {
		return 0, 0
	}
	v := int(text[1]-'0')*100 + int(text[2]-'0')*10 + int(text[3]-'0')
	if v > 255 {
		return 0, 0
	}
	return byte(v), 4
}

// appendOctets appends a character-string's content, escapes resolved.
func appendOctets(dst, text []byte) ([]byte, error) {
	for i := 0; i < len(text); {
		c, n := text[i], 1
		if c == '\\' {
			if c, n = unescape(text[i:]); n == 0 {
				return dst, errEscape
			}
		}
		dst = append(dst, c)
		i += n
	}
	return dst, nil
}

// lowerASCII folds the case of a wire-form name in place: length octets are
// below 64, so they are no letters.
func lowerASCII(name []byte) {
	for i, c := range name {
		if c-'A' < 26 {
			name[i] = c + 'a' - 'A'
		}
	}
}

// nameText is the presentation form of a wire-form name, with its final dot.
func nameText(wire string) string {
	if wire == "" || wire == "\x00" {
		return "."
	}
	var b strings.Builder
	for i := 0; i < len(wire) && wire[i] != 0; {
		end := min(i+1+int(wire[i]), len(wire))
		for _, c := range []byte(wire[i+1 : end]) {
			writeOctet(&b, c)
		}
		b.WriteByte('.')
		i = end
	}
	return b.String()
}

func writeOctet(b *strings.Builder, c byte) {
	switch {
	case c <= ' ' || c >= 0x7f:
		fmt.Fprintf(b, `\%03d`, c)
	case strings.IndexByte(`."\;()@$`, c) >= 0:
		b.WriteByte('\\')
		b.WriteByte(c)
	default:
		b.WriteByte(c)
	}
}

// shortText is nameText without the final dot, as people write zone names.
func shortText(wire string) string {
	if t := nameText(wire); t != "." {
		return strings.TrimSuffix(t, ".")
	}
	return "."
}

// within tells whether a wire-form name is at or below origin; both must be in
// lower case.
func within(name, origin string) bool {
	at := len(name) - len(origin)
	return at >= 0 && name[at:] == origin && (at == 0 || labelAt(name, at))
}
