package zones

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Problem is something wrong with a zone, for the person who edits it.
type Problem struct {
	Zone    string // presentation form without the final dot; "" where none is meant
	File    string // with the folder's own name in front: "zones/example.com.zone"
	Line    int    // from 1; 0 where the whole file is meant
	Text    string
	Warning bool // the zone is served all the same
}

// String is "zones/example.com.zone:14: text"; warnings say that they are. It
// is one line, whatever stands in the zone.
func (p Problem) String() string {
	text := p.Text
	if p.Warning {
		text = "warning: " + text
	}
	switch {
	case p.File == "":
		return printable(text)
	case p.Line == 0:
		return printable(p.File + ": " + text)
	}
	return printable(fmt.Sprintf("%s:%d: %s", p.File, p.Line, text))
}

// printable escapes what is no text: a file or its name shall not write lines
// of its own into a log, or speak to the terminal of whoever reads it.
func printable(s string) string {
	bad := func(r rune) bool { return !unicode.IsPrint(r) }
	if utf8.ValidString(s) && strings.IndexFunc(s, bad) < 0 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if part := s[:size]; bad(r) || r == utf8.RuneError {
			b.WriteString(strings.Trim(strconv.Quote(part), `"`))
		} else {
			b.WriteString(part)
		}
		s = s[size:]
	}
	return b.String()
}

// hasErrors tells whether some problem is more than a warning.
func hasErrors(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}

func sortProblems(problems []Problem) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
}

// report collects the problems of one zone, up to a limit of errors and as
// many warnings. Not safe for concurrent use.
type report struct {
	zone     string
	files    []string // by Pos.File, as Problem.File shows them
	limit    int
	list     []Problem
	errors   int
	warnings int
	cut      bool // a file does not end with a newline
}

// full tells that no further error would be kept.
func (r *report) full() bool { return r.errors >= r.limit }

func (r *report) fail(at Pos, format string, args ...any) {
	if r.errors++; r.errors <= r.limit {
		r.add(at, false, format, args)
	}
}

func (r *report) warn(at Pos, format string, args ...any) {
	if r.warnings++; r.warnings <= r.limit {
		r.add(at, true, format, args)
	}
}

func (r *report) add(at Pos, warning bool, format string, args []any) {
	r.list = append(r.list, Problem{
		Zone: r.zone, File: r.files[at.File], Line: int(at.Line),
		Text: fmt.Sprintf(format, args...), Warning: warning,
	})
}

// problems gives what was collected, in the order of the files' lines.
func (r *report) problems() []Problem {
	sortProblems(r.list)
	r.more(r.errors-r.limit, "errors", false)
	r.more(r.warnings-r.limit, "warnings", true)
	return r.list
}

func (r *report) more(n int, what string, warning bool) {
	if n <= 0 {
		return
	}
	last := r.list[len(r.list)-1]
	last.Warning = warning
	last.Text = fmt.Sprintf("%d more %s are not shown", n, what)
	r.list = append(r.list, last)
}
