package config

import "bytes"

// keyLines returns the line, from 1, of every table header and every "key =" of a TOML document in the order in
// which they stand, and how deep brackets nest or how many dots a key has at most. The document's syntax need not be
// valid; where it is not, the lines mean nothing.
//
// The TOML library tells the order of the keys but not their lines. Outside strings and comments "=" only ever
// follows a key, and a bracket that opens a line outside all others only ever opens a header, so this is enough.
func keyLines(data []byte) (lines []int, depth int) {
	line, level, dots, fresh := 1, 0, 0, true
	for i := 0; i < len(data); i++ {
		was := fresh
		fresh = false
		switch data[i] {
		case '\n':
			line++
			dots, fresh = 0, true
		case '.':
			dots++
			depth = max(depth, dots)
		case ',':
			dots = 0
		case ' ', '\t', '\r':
			fresh = was
		case '#':
			i = endOfLine(data, i) - 1
		case '"', '\'':
			end := endOfString(data, i)
			line += bytes.Count(data[i:end], []byte("\n"))
			i = end - 1
		case '=':
			lines = append(lines, line)
			dots = 0
		case '[', '{':
			if level == 0 && was {
				lines = append(lines, line)
			}
			level++
			depth = max(depth, level)
		case ']', '}':
			level--
		}
	}
	return lines, depth
}

// endOfLine returns the index of the first newline from i on, or the length.
func endOfLine(data []byte, i int) int {
	if n := bytes.IndexByte(data[i:], '\n'); n >= 0 {
		return i + n
	}
	return len(data)
}

// endOfString returns the index behind the string whose opening quote is at i.
func endOfString(data []byte, i int) int {
	quote := data[i]
	triple := bytes.Repeat(data[i:i+1], 3)
	long := bytes.HasPrefix(data[i:], triple)
	if long {
		i += 2
	}
	for i++; i < len(data); i++ {
		switch {
		case data[i] == '\\' && quote == '"':
			i++
		case data[i] == '\n' && !long:
			return i
		case data[i] == quote && !long:
			return i + 1
		case data[i] == quote && bytes.HasPrefix(data[i:], triple):
			return endOfQuotes(data, i+3, quote)
		}
	}
	return len(data)
}

// endOfQuotes steps over up to two more quotes: a long string may end in quotes of its own.
func endOfQuotes(data []byte, i int, quote byte) int {
	for n := 0; n < 2 && i < len(data) && data[i] == quote; n++ {
		i++
	}
	return i
}
