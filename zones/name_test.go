package zones

import (
	"bytes"
	"fmt"
	"testing"
)

// Every octet at every place of a word is folded as ASCII says, and so is its
// hash, whatever the Name held before.
func TestNameFoldsASCIIOnly(t *testing.T) {
	var n, folded Name
	for at := range 2 * wordSize {
		for c := range 256 {
			n.Set([]byte("\x3f" + string(bytes.Repeat([]byte("Z"), 63)) + "\x00")) // what was there before must not count
			label := bytes.Repeat([]byte{'M'}, 2*wordSize)
			label[at] = byte(c)
			wire := append(append([]byte{byte(len(label))}, label...), "\x03CoM\x00"...)
			want := bytes.Clone(wire)
			for i, o := range want {
				if 'A' <= o && o <= 'Z' {
					want[i] = o + 'a' - 'A'
				}
			}
			if size, err := n.Set(wire); err != nil || size != len(wire) || !bytes.Equal(n.Wire(), want) {
				t.Fatalf("octet %#x at %d: %q, want %q", c, at, n.Wire(), want)
			}
			if folded.Set(want); n.at[0].hash != folded.at[0].hash || n.at[1].hash != folded.at[1].hash {
				t.Fatalf("octet %#x at %d: the hash depends on case", c, at)
			}
		}
	}
}

// TestHashSpreads fills the index of zones whose names are like each other. With
// a hash as good as chance, and an index two fifths full, a name stands a third
// of a step behind where it belongs.
func TestHashSpreads(t *testing.T) {
	const names = 100_000
	for _, format := range []string{
		"\x08h%07d\x03big\x05bench\x00", "\x07w%06d\x03www\x01x\x03org\x00", "\x0ahost-%05x\x01a\x01b\x00",
		"\x01a\x06%06d\x03net\x00",
	} {
		slots, steps := make([]slot, 1<<18), 0
		var n Name
		for i := range names {
			if _, err := n.Set(fmt.Appendf(nil, format, i*13%names)); err != nil {
				t.Fatal(err)
			}
			insert(slots, n.at[0].hash, uint32(i))
		}
		for at, s := range slots {
			if s.ref != 0 {
				steps += (at - int(s.hash)) & (len(slots) - 1)
			}
		}
		if mean := float64(steps) / names; mean > 0.5 {
			t.Errorf("%q: %.2f steps a name", format, mean)
		}
	}
}

func TestEqualFold(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			want := bytes.Equal(bytes.ToLower([]byte{byte(a) & 0x7f}), bytes.ToLower([]byte{byte(b) & 0x7f})) && a>>7 == b>>7
			if a >= 128 {
				want = a == b
			}
			if got := equalFold([]byte{byte(a)}, string([]byte{byte(b)})); got != want {
				t.Errorf("%#x and %#x: %v", a, b, got)
			}
		}
	}
}
