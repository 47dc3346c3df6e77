package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing wrong with a config file.
type Problem struct {
	File string // as given to Load or Parse
	Line int    // from 1; 0 where it cannot be told
	Key  string // path of the key, quoted as in TOML; "" for a syntax error
	Text string // what is wrong, and often what to write instead
}

// Error returns "file:line: key.path: text".
func (p Problem) Error() string {
	where := position(p.File, p.Line, p.Key)
	return where + ": " + p.Text
}

// position returns "file:line: key", leaving out what is unknown.
func position(file string, line int, key string) string {
	if line > 0 {
		file = fmt.Sprintf("%s:%d", file, line)
	}
	if key == "" {
		return file
	}
	return file + ": " + key
}

// Problems is the error of Load and Parse: everything found wrong, in the order of the file. It is never empty.
type Problems []Problem

// Error returns one line for each problem.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap gives the problems to errors.As.
func (ps Problems) Unwrap() []error {
	errs := make([]error, len(ps))
	for i, p := range ps {
		errs[i] = p
	}
	return errs
}

// report collects the problems of one file.
type report struct {
	file string
	list Problems
}

// at adds a problem with the value of n.
func (r *report) at(n *node, format string, args ...any) {
	r.list = append(r.list, Problem{File: r.file, Line: n.line, Key: n.path, Text: fmt.Sprintf(format, args...)})
}

// pos returns "file:line: key.path" of n, for errors that are found after this package is done.
func (r *report) pos(n *node) string { return position(r.file, n.line, n.path) }

// err returns the problems in the order of the file, nil if there are none.
func (r *report) err() error {
	if len(r.list) == 0 {
		return nil
	}
	slices.SortStableFunc(r.list, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return r.list
}
