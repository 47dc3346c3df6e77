package resolver

import (
	"maps"
	"net/netip"
	"slices"
	"testing"
)

func BenchmarkAnswer(b *testing.B) {
	v := testView(b, &Options{NSID: []byte("here"), CookieSecrets: make([][16]byte, 1)})
	all := kinds()
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		wire, err := all[kind].Pack()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(kind, func(b *testing.B) {
			dst, s := make([]byte, maxUDP), new(Scratch)
			req := &Request{Msg: wire, Client: netip.MustParseAddrPort("8.8.8.8:53")}
			b.ReportAllocs()
			for b.Loop() {
				if v.Answer(dst, req, s) == 0 {
					b.Fatal("no answer")
				}
			}
		})
	}
}
