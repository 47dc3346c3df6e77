package zones

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"
)

// bigZone is a zone of n records beside its SOA and NS: hosts with A and AAAA
// records, and a tenth of delegations.
func bigZone(n int) string {
	var b strings.Builder
	b.WriteString("$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\n")
	for i := 0; i < n/2; i++ {
		if i%10 == 0 {
			fmt.Fprintf(&b, "host%d\tIN\tNS\tns1.provider%d.example.\n\t\tIN\tNS\tns2.provider%d.example.\n", i, i%1000, i%1000)
			continue
		}
		fmt.Fprintf(&b, "host%d\t3600\tIN\tA\t10.%d.%d.%d\nhost%d\t3600\tIN\tAAAA\t2001:db8::%x:%x\n", i, i>>16&255, i>>8&255, i&255, i, i>>16, i&65535)
	}
	return b.String()
}

func BenchmarkParse(b *testing.B) {
	for _, n := range []int{100, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			zone := bigZone(n)
			b.SetBytes(int64(len(zone)))
			for b.Loop() {
				rep := &report{files: []string{"zones/example.com.zone"}, limit: 50}
				recs := parse(strings.NewReader(zone), int64(len(zone)), "\x07example\x03com\x00", nothing, Limits{}.withDefaults(), rep, func(portion) {})
				if len(recs) < n || len(rep.list) > 0 {
					b.Fatal(len(recs), rep.list[0])
				}
			}
		})
	}
}

func BenchmarkBuild(b *testing.B) {
	for _, c := range []struct {
		name string
		zone string
	}{
		{"mixed=100", bigZone(100)}, {"mixed=1000000", bigZone(1_000_000)},
		{"hosts=100000", hostZone(100_000)}, {"hosts=1000000", hostZone(1_000_000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.zone)))
			for b.Loop() {
				got := build(text{
					origin: "\x07example\x03com\x00", files: []string{"zones/example.com.zone"},
					src: strings.NewReader(c.zone), size: int64(len(c.zone)), open: nothing, limits: Limits{}.withDefaults(),
				}, maphash.MakeSeed())
				if got.zone == nil {
					b.Fatal(got.problems[0])
				}
			}
		})
	}
}

// hostZone is a zone of n names with an address each.
func hostZone(n int) string {
	var b strings.Builder
	b.WriteString("$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n@ IN NS ns1\nns1 IN A 192.0.2.53\n")
	for i := range n {
		fmt.Fprintf(&b, "h%07d IN A 10.%d.%d.%d\n", i, i>>16&255, i>>8&255, i&255)
	}
	return b.String()
}
