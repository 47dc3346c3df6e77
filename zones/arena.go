package zones

import "strings"

// arena keeps the many short strings of a zone in few allocations. The
// strings share memory: a kept one keeps its whole block.
type arena struct {
	block *strings.Builder
	size  int // of the next block, octets
}

const maxBlock = 256 << 10

// keep gives the octets as a string of the arena.
func (a *arena) keep(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if a.block == nil || a.block.Cap()-a.block.Len() < len(b) {
		a.block = new(strings.Builder)
		a.block.Grow(max(a.size, len(b)))
		a.size = min(2*a.size, maxBlock)
	}
	at := a.block.Len()
	a.block.Write(b)
	return a.block.String()[at:]
}
