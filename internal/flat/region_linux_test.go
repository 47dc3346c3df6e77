package flat

import (
	"bytes"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

func TestRegions(t *testing.T) {
	f, err := NewFile("test")
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(f)
	for i := range 3 {
		w.Next()
		Put(w, make([]byte, 10_000*(i+1)))
	}
	pieces, err := w.Pieces()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range pieces {
		r, err := Map(f, p)
		if err != nil {
			t.Fatal(err)
		}
		r.Populate()
		if got := Get[byte](NewReader(r.Bytes())); len(got) != 10_000*(i+1) {
			t.Errorf("piece %d: %d octets", i, len(got))
		}
		runtime.KeepAlive(r)
	}
	if err := f.Truncate(0); err == nil {
		t.Error("a mapped file can be cut")
	}
	if _, err := Map(f, Piece{0, 1 << 30}); err == nil {
		t.Error("mapped more than there is")
	}
}

func blocks(t *testing.T, f *os.File) int64 {
	t.Helper()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks
}

// TestUnreachable lets go of one of two regions and waits until its memory is back. The other stays.
func TestUnreachable(t *testing.T) {
	if testing.Short() {
		t.Skip("takes as long as the grace")
	}
	t.Parallel()
	f, err := NewFile("test")
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(f)
	for range 2 {
		w.Next()
		Put(w, append(make([]byte, 1<<22), 7))
	}
	pieces, _ := w.Pieces()
	before := blocks(t, f)
	if gone, err := Map(f, pieces[0]); err != nil {
		t.Fatal(err)
	} else {
		gone.Enlarge()
	}
	kept, err := Map(f, pieces[1])
	if err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(4 * grace); blocks(t, f) > before/2+8; time.Sleep(50 * time.Millisecond) {
		runtime.GC()
		if time.Now().After(end) {
			t.Fatalf("%d blocks of %d are still there", blocks(t, f), before)
		}
	}
	if got := Get[byte](NewReader(kept.Bytes())); got[1<<22] != 7 {
		t.Error("the other region has changed")
	}
	runtime.KeepAlive(kept)
}

// TestEnlarge puts two regions that share a huge page into such pages, and looks at them by another mapping.
func TestEnlarge(t *testing.T) {
	f, err := NewFile("test")
	if err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 5<<20)
	for i := range text {
		text[i] = byte(i * 7 >> 3)
	}
	w := NewWriter(f)
	for _, n := range []int{3 << 20, 5 << 20} {
		w.Next()
		Put(w, text[:n])
	}
	pieces, err := w.Pieces()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for i, p := range pieces {
			r, err := Map(f, p)
			if err != nil {
				t.Fatal(err)
			}
			if at := uintptr(unsafe.Pointer(&r.Bytes()[0])); at%huge != uintptr(p.Offset)%huge {
				t.Errorf("piece %d at %d of its file lies at %#x: no huge page can hold it", i, p.Offset, at)
			}
			r.Enlarge()
			if got := Get[byte](NewReader(r.Bytes())); !bytes.Equal(got, text[:len(got)]) || len(got) == 0 {
				t.Errorf("piece %d has changed", i)
			}
			runtime.KeepAlive(r)
		}
	}
}
