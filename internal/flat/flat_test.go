package flat

import (
	"bytes"
	"errors"
	"slices"
	"testing"
)

type pair struct {
	a uint8
	b [3]uint32
}

func TestRoundTrip(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	w.Next()
	Put(w, []uint16{1, 2, 3})
	Put(w, []pair(nil))
	Put(w, []pair{{1, [3]uint32{2, 3, 4}}, {5, [3]uint32{6, 7, 8}}})
	w.Next()
	Put(w, []byte("text"))
	pieces, err := w.Pieces()
	if err != nil || len(pieces) != 2 || pieces[1].Offset%page != 0 {
		t.Fatalf("pieces %v, %v", pieces, err)
	}
	r := NewReader(buf.Bytes()[pieces[0].Offset:][:pieces[0].Length])
	if got := Get[uint16](r); !slices.Equal(got, []uint16{1, 2, 3}) {
		t.Errorf("got %v", got)
	}
	if got := Get[pair](r); len(got) != 0 {
		t.Errorf("got %v for nothing", got)
	}
	if got := Get[pair](r); len(got) != 2 || got[1].b[2] != 8 || r.Err() != nil {
		t.Errorf("got %v, %v", got, r.Err())
	}
	if got := Get[byte](r); got != nil || r.Err() == nil {
		t.Errorf("got %q behind the end, %v", got, r.Err())
	}
	if got := Get[byte](NewReader(buf.Bytes()[pieces[1].Offset:][:pieces[1].Length])); string(got) != "text" {
		t.Errorf("got %q", got)
	}
}

// TestCutShort reads every beginning of what was written: an error or what was put, never a panic.
func TestCutShort(t *testing.T) {
	var buf bytes.Buffer
	w := NewWriter(&buf)
	Put(w, []uint64{1, 2, 3, 4, 5, 6, 7, 8, 9})
	for n := range buf.Len() {
		r := NewReader(buf.Bytes()[:n])
		if got := Get[uint64](r); r.Err() == nil && len(got) != 9 {
			t.Errorf("%d octets: %v without an error", n, got)
		}
	}
	huge := bytes.Repeat([]byte{0xff}, 128)
	if r := NewReader(huge); Get[uint64](r) != nil || r.Err() == nil {
		t.Error("a count beyond all memory is no error")
	}
}

func TestPointersAreRefused(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a slice of strings was put")
		}
	}()
	Put(NewWriter(&bytes.Buffer{}), []struct{ s string }{{"x"}})
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space") }

func TestWriteError(t *testing.T) {
	w := NewWriter(full{})
	w.Next()
	Put(w, []byte{1})
	if _, err := w.Pieces(); err == nil || err.Error() != "no space" {
		t.Errorf("error %v", err)
	}
}
