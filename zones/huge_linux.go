package zones

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a large page of memory on most processors, in octets.
const hugePage = 2 << 20

// advise asks for large pages under a slice that has just been made, where the
// system gives them to whom asks: the tables of a large zone are written in a
// fraction of the time, and read by queries with fewer misses. It is advice: what
// becomes of it changes nothing else.
func advise[T any](s []T) []T {
	var one T
	start := uintptr(unsafe.Pointer(unsafe.SliceData(s)))
	size := uintptr(cap(s)) * unsafe.Sizeof(one)
	skip := -start & (hugePage - 1)
	if size < skip+hugePage {
		return s
	}
	whole := (size - skip) &^ (hugePage - 1)
	_ = unix.Madvise(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(s)), skip)), whole), unix.MADV_HUGEPAGE)
	return s
}
