package zones

import (
	"hash/maphash"
	"reflect"
	"strings"
	"testing"
)

// A zone is the same whether its records are placed beside the reading or
// after it, and whatever its size lets expect.
func TestPlacingBesideReading(t *testing.T) {
	zone := bigZone(60_000) + hostZone(30_000)[len("$TTL 300\n@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n"):] +
		"a.b.c.ent A 192.0.2.1\nHOST7 A 192.0.2.2\n* A 192.0.2.3\nHOST7 A 192.0.2.2\n"
	if len(zone) < largeText {
		t.Fatalf("%d octets are no large zone", len(zone))
	}
	var first *Zone
	for _, size := range []int{len(zone), 0, 10 * len(zone)} {
		got := build(text{
			origin: "\x07example\x03com\x00", files: []string{"zones/example.com.zone"},
			src: strings.NewReader(zone), size: int64(size), open: nothing, limits: Limits{}.withDefaults(),
		}, maphash.MakeSeed())
		if got.zone == nil {
			t.Fatal(got.problems[0])
		}
		got.zone.slots = nil // their number follows the expectation
		if first == nil {
			first = got.zone
		} else if !reflect.DeepEqual(first, got.zone) {
			t.Errorf("with size %d the zone differs", size)
		}
	}
}
