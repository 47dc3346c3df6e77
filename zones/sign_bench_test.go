package zones

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/dnssec"
)

// BenchmarkSign signs zones of so many names for the first time, and then
// again after an edit of one name; edited is from text to signed zone.
func BenchmarkSign(b *testing.B) {
	for _, nsec3 := range []bool{false, true} {
		for _, n := range []int{100_000, 1_000_000} {
			text := hostZone(n)
			edit := strings.Replace(text, "h0007777 IN A ", "h0007777 IN A 192.0.2.7\nedited IN A ", 1)
			s := testSigner(b, exampleCom, testPlan(b, dnssec.ECDSAP256SHA256, false), dnssec.Options{NSEC3: nsec3}, nil)
			var z *Zone
			name := fmt.Sprintf("%d/nsec3=%v", n, nsec3)
			b.Run(name+"/first", func(b *testing.B) {
				for b.Loop() {
					z = buildSigned(b, text, s, nil)
				}
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				b.ReportMetric(float64(m.HeapAlloc)/1e6, "MB-live")
				b.ReportMetric(float64(len(z.data))/1e6, "MB-data")
			})
			b.Run(name+"/unsigned", func(b *testing.B) {
				for b.Loop() {
					buildText(text, nil, nil)
				}
			})
			b.Run(name+"/edited", func(b *testing.B) {
				if z == nil {
					z = buildSigned(b, text, s, nil)
				}
				made := s.Made()
				for b.Loop() {
					buildSigned(b, edit, s, z)
				}
				b.ReportMetric(float64(s.Made()-made)/float64(b.N), "signatures/op")
			})
		}
	}
}
