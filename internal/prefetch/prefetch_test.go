package prefetch

import "testing"

// TestLine holds that asking neither changes nor allocates anything.
func TestLine(t *testing.T) {
	s := []uint32{1, 2, 3}
	if n := testing.AllocsPerRun(10, func() { Line(&s[2]) }); n != 0 || s[2] != 3 {
		t.Errorf("%v allocations, %v", n, s)
	}
}
