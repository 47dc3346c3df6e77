package server

import "sync/atomic"

const (
	chunkSize = 1 << 10
	maxChunks = 1 << 10
)

// numbered counts by numbers, of which a later view may have more. It grows by chunks, so that no count ever moves; what
// is numbered beyond the last chunk is not counted. Safe for concurrent use.
type numbered struct {
	chunks [maxChunks]atomic.Pointer[[chunkSize]atomic.Uint64]
}

func (n *numbered) add(number uint32, count uint64) {
	if number >= chunkSize*maxChunks {
		return
	}
	at := &n.chunks[number/chunkSize]
	chunk := at.Load()
	if chunk == nil {
		at.CompareAndSwap(nil, new([chunkSize]atomic.Uint64))
		chunk = at.Load()
	}
	chunk[number%chunkSize].Add(count)
}

// addTo adds the counts to those of sums, which grows as it must.
func (n *numbered) addTo(sums []uint64) []uint64 {
	for i := range n.chunks {
		chunk := n.chunks[i].Load()
		if chunk == nil {
			continue
		}
		if need := (i + 1) * chunkSize; len(sums) < need {
			sums = append(sums, make([]uint64, need-len(sums))...)
		}
		loadAll(sums[i*chunkSize:], chunk[:])
	}
	return sums
}

// numberTally counts by numbers without atomics, for one goroutine between two flushes. It allocates only when it meets a
// higher number than ever.
type numberTally struct {
	counts []uint32 // by number
	met    []uint32 // the numbers whose count is not 0
}

func (t *numberTally) add(number uint32) {
	if number >= chunkSize*maxChunks {
		return
	}
	if int(number) >= len(t.counts) {
		t.counts = append(t.counts, make([]uint32, int(number)+1-len(t.counts))...)
	}
	if t.counts[number]++; t.counts[number] == 1 {
		t.met = append(t.met, number)
	}
}

// flush moves what t holds into n.
func (t *numberTally) flush(n *numbered) {
	for _, number := range t.met {
		n.add(number, uint64(t.counts[number]))
		t.counts[number] = 0
	}
	t.met = t.met[:0]
}
