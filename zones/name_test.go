package zones

import (
	"bytes"
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
			if folded.Set(want); n.hash[0] != folded.hash[0] || n.hash[1] != folded.hash[1] {
				t.Fatalf("octet %#x at %d: the hash depends on case", c, at)
			}
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
