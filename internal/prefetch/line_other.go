//go:build !amd64 && !arm64

package prefetch

import "unsafe"

// line reads, which is better than nothing.
func line(p unsafe.Pointer) { _ = *(*byte)(p) }

func lines(p, q, r unsafe.Pointer) {
	line(p)
	line(q)
	line(r)
}
