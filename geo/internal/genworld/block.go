package main

// granularity says in what blocks networks are taken together: in coarse ones
// where one place prevails, else in fine ones.
type granularity struct{ coarse, fine int }

func granularityV4() granularity { return granularity{96 + 22, 96 + 24} }
func granularityV6() granularity { return granularity{40, 48} }

const (
	// prevails is the share of a coarse block that must be near one place for
	// the block not to be split.
	prevails = 0.9
	// tolerance is how far, in km, places of one country may be apart and still
	// count as the same.
	tolerance = 225
)

// blocker overrules minorities: networks of a block that are not near its
// prevailing place move there. All keep their bounds, so that what the source
// leaves out stays out; buildTree joins them. Not safe for concurrent use.
type blocker struct {
	granularity
	chart   chart
	emit    func(network)
	pending []network // of one coarse block
}

// add takes the next network, in ascending order.
func (b *blocker) add(n network) {
	if len(b.pending) > 0 && b.pending[0].start.cut(b.coarse) != n.start.cut(b.coarse) {
		b.flush()
	}
	if n.bits <= b.coarse {
		b.emit(n)
		return
	}
	b.pending = append(b.pending, n)
}

// flush ends the last block.
func (b *blocker) flush() {
	if cell, share := prevailing(b.chart, b.pending); share >= prevails {
		b.settle(b.pending, cell)
	} else {
		b.split()
	}
	b.pending = b.pending[:0]
}

func (b *blocker) split() {
	for rest := b.pending; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].start.cut(b.fine) == rest[0].start.cut(b.fine) {
			n++
		}
		cell, _ := prevailing(b.chart, rest[:n])
		b.settle(rest[:n], cell)
		rest = rest[n:]
	}
}

func (b *blocker) settle(block []network, cell uint32) {
	for _, n := range block {
		if !b.chart.near(cell, n.cell) {
			n.cell = cell
		}
		b.emit(n)
	}
}

func prevailing(c chart, block []network) (cell uint32, share float64) {
	var t tally
	for _, n := range block {
		t = t.add(count{n.cell, n.size()})
	}
	if len(t) == 0 {
		return 0, 1
	}
	return t.prevailing(c)
}
