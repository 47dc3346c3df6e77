package ring

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// TestSlots hands numbers over while another goroutine takes them: all that were given come, in order.
func TestSlots(t *testing.T) {
	s := NewSlots[int](8)
	given := make(chan int)
	go func() {
		n := 0
		for i := range 20_000 {
			if slot := s.Next(); slot != nil {
				*slot = i
				if w := s.Give(); w < 0 || w > 8 {
					t.Errorf("%d wait", w)
				}
				n++
			}
		}
		given <- n
	}()
	got, last, all, open := 0, -1, 0, true
	for open || got < all {
		if v := s.Peek(); v != nil {
			if *v <= last {
				t.Fatalf("%d behind %d", *v, last)
			}
			last = *v
			got++
			s.Take()
		} else if open {
			select {
			case all = <-given:
				open = false
			default:
			}
		}
	}
	if got != all || got < 8 {
		t.Errorf("%d of %d", got, all)
	}
}

// TestSlotsAreBounded fills a ring that nobody takes from.
func TestSlotsAreBounded(t *testing.T) {
	s := NewSlots[int](4)
	for i := range 4 {
		*s.Next() = i
		s.Give()
	}
	if s.Next() != nil {
		t.Error("a fifth slot")
	}
	s.Take()
	if s.Next() == nil {
		t.Error("no slot after one was taken")
	}
}

// TestFrames hands messages of all sizes over, around the end of the ring too.
func TestFrames(t *testing.T) {
	f := NewFrames(1 << 10)
	given := make(chan uint32)
	go func() {
		r, n := rand.New(rand.NewPCG(1, 1)), uint32(0)
		for n < 2000 {
			body := bytes.Repeat([]byte{byte(n)}, r.IntN(200))
			if f.Give(binary.BigEndian.AppendUint32(nil, n), body) > 0 {
				n++
			}
		}
		given <- n
	}()
	next, all, open := uint32(0), uint32(0), true
	var buffer []byte
	for open || next < all {
		var ok bool
		if buffer, ok = f.Take(buffer[:0], 1<<10); !ok {
			if open {
				select {
				case all = <-given:
					open = false
				default:
				}
			}
			continue
		}
		body := buffer[8:]
		if n := binary.BigEndian.Uint32(buffer); int(n) != len(buffer)-4 || binary.BigEndian.Uint32(buffer[4:]) != next {
			t.Fatalf("frame %d: % x", next, buffer)
		}
		if !bytes.Equal(body, bytes.Repeat([]byte{byte(next)}, len(body))) {
			t.Fatalf("frame %d: % x", next, body)
		}
		next++
	}
}

// TestFramesAreBounded fills a ring that nobody takes from, and takes no more than fits.
func TestFramesAreBounded(t *testing.T) {
	f := NewFrames(64)
	if f.Give(make([]byte, 61), nil) != 0 {
		t.Error("more than the ring holds was taken")
	}
	if f.Give(make([]byte, 20), make([]byte, 10)) != 34 || f.Give(make([]byte, 26), nil) != 64 || f.Give(nil, nil) != 0 {
		t.Error("the ring is not filled to its end")
	}
	if to, ok := f.Take(make([]byte, 10), 43); ok || len(to) != 10 {
		t.Error("more than the limit was given")
	}
	if to, ok := f.Take(make([]byte, 10), 44); !ok || len(to) != 44 {
		t.Error("the first frame was not given")
	}
}
