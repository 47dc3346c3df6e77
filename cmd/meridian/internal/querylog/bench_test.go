package querylog

import "testing"

// BenchmarkTake is what a sampled query costs its worker.
func BenchmarkTake(b *testing.B) {
	l := New(Options{Sample: 1, Write: func([]byte) error { return nil }})
	s, x := l.Tap().Open().(*sink), exchange(b, "www.example.com.", 1)
	b.ReportAllocs()
	for b.Loop() {
		s.Take(x)
		s.ring.Take()
	}
}

// BenchmarkLine is what a line costs, without its way to the disk and, of a name outside all zones, hardly any reasons.
func BenchmarkLine(b *testing.B) {
	l := New(Options{Sample: 1, Write: func([]byte) error { return nil }})
	s, x := l.Tap().Open().(*sink), exchange(b, "www.example.com.", 1)
	b.ReportAllocs()
	for b.Loop() {
		s.Take(x)
		l.drain()
	}
}
