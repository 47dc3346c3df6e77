package server

import (
	"fmt"
	"testing"

	"github.com/meridian-dns/meridian/resolver"
)

// still is a view whose answers cost nothing.
type still struct{}

func (still) Prepare([]resolver.Request, *resolver.Scratch) {}
func (still) Write([]byte, int, *resolver.Scratch) int      { return 100 }

// BenchmarkTally tells what a query costs around its answer: the batch, the guard against panics, the counts.
func BenchmarkTally(b *testing.B) {
	for _, batch := range []int{1, 8, 64} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			s := &Server{view: func() answerer { return still{} }}
			c := new(counters)
			r := newResponder(s, resolver.UDP, batch, c)
			msg, dst := question(1, "www.example.com"), make([]byte, answerSize)
			for b.Loop() {
				r.begin()
				for range batch {
					r.add(msg, loopback4)
				}
				r.prepare()
				for i := range batch {
					r.answer(dst, i)
				}
				r.end()
				c.flush(&r.tally)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch), "ns/query")
		})
	}
}
