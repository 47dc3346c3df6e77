package proc

import "testing"

func TestSumMapped(t *testing.T) {
	const maps = `c000000000-c000400000 rw-p 00000000 00:00 0
7f0000200000-7f0000300000 r--s 00001000 00:01 42   /memfd:meridian-tables (deleted)
7f0000400000-7f0000401000 r--s 00101000 00:01 42   /memfd:meridian-tables (deleted)
7f0000500000-7f0000600000 r--s 00000000 00:01 43   /memfd:meridian-database (deleted)
`
	if got, err := sumMapped(maps, "meridian-tables"); got != 1<<20+1<<12 || err != nil {
		t.Errorf("got %d, %v", got, err)
	}
	if _, err := sumMapped("what /memfd:meridian-tables\n", "meridian-tables"); err == nil {
		t.Error("a line without addresses is no error")
	}
}
