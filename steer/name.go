package steer

import (
	"errors"
	"fmt"
)

// wireName turns an absolute name in presentation form into wire form (RFC 1035 sections 3.1 and 5.1).
func wireName(s string) ([]byte, error) {
	if s == "." {
		return []byte{0}, nil
	}
	wire, label := make([]byte, 1, len(s)+1), 0
	for i := 0; i < len(s); {
		c, next, dot, err := nameByte(s, i)
		if err != nil {
			return nil, fmt.Errorf("name %q: %w", s, err)
		}
		i = next
		if !dot {
			wire = append(wire, c)
			continue
		}
		if err := closeLabel(wire, label); err != nil {
			return nil, fmt.Errorf("name %q: %w", s, err)
		}
		label = len(wire)
		wire = append(wire, 0)
	}
	if label == 0 || label != len(wire)-1 {
		return nil, fmt.Errorf("name %q: not absolute, a final dot is missing", s)
	}
	if len(wire) > 255 {
		return nil, fmt.Errorf("name %q: longer than 255 bytes", s)
	}
	return wire, nil
}

// nameByte reads one byte of a name: a plain one, \DDD or \X. dot is true for a dot that ends a label.
func nameByte(s string, i int) (c byte, next int, dot bool, err error) {
	switch {
	case s[i] != '\\':
		return s[i], i + 1, s[i] == '.', nil
	case i+1 < len(s) && !digit(s[i+1]):
		return s[i+1], i + 2, false, nil
	case i+3 < len(s) && digit(s[i+2]) && digit(s[i+3]):
		v := int(s[i+1]-'0')*100 + int(s[i+2]-'0')*10 + int(s[i+3]-'0')
		if v <= 255 {
			return byte(v), i + 4, false, nil
		}
	}
	return 0, 0, false, errors.New("bad escape")
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// closeLabel writes the length of the label whose length byte stands at the given offset.
func closeLabel(wire []byte, at int) error {
	n := len(wire) - at - 1
	if n == 0 {
		return errors.New("empty label")
	}
	if n > 63 {
		return errors.New("label longer than 63 bytes")
	}
	wire[at] = byte(n)
	return nil
}
