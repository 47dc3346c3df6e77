package zones

import "unsafe"

// arena keeps the many short strings of a zone in few allocations. The
// strings share memory: a kept one keeps its whole block.
type arena struct {
	block []byte // what is written stays as it is
	size  int    // of the next block, octets
}

const (
	firstBlock = 256 << 10
	maxBlock   = 4 << 20
)

// keep gives the octets as a string of the arena.
func (a *arena) keep(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if cap(a.block)-len(a.block) < len(b) {
		a.block = advise(make([]byte, 0, max(a.size, len(b))))
		a.size = min(2*a.size, maxBlock)
	}
	at := len(a.block)
	a.block = append(a.block, b...)
	return unsafe.String(&a.block[at], len(b))
}
