// Package prefetch asks the processor for memory before it is read.
//
// To read in advance is not the same: what follows a read may be computed before its value is there, but a processor
// has room for only some hundred instructions that wait so. Reads therefore wait for memory together only where they
// stand close together, and what is asked for comes while anything else is done. Of some twenty lines that are on their
// way processors take no more, and forget what they are asked for.
//
// Its functions are safe for concurrent use.
package prefetch

import "unsafe"

// Line asks for the line of the cache in which p points. It changes nothing but the time of a later read.
func Line[T any](p *T) { line(unsafe.Pointer(p)) }

// Lines asks for three lines at once: a call costs more than the asking.
func Lines[P, Q, R any](p *P, q *Q, r *R) {
	lines(unsafe.Pointer(p), unsafe.Pointer(q), unsafe.Pointer(r))
}
