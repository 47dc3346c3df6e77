// Package flat keeps big tables outside the Go heap. Slices of values without pointers are written one after the
// other, and read back where they lie, without being copied or parsed.
//
// Values are laid out as in this machine's memory and nothing says which version of the program wrote them: writer and
// reader must be the same program. A Reader checks that slices lie within what it was given, and no more.
//
// On Linux a Region is a piece of a file that has no name and lies in memory, so that one process can make tables for
// another. A Region is immutable and safe for concurrent use. Slices read from it are valid as long as the Region is
// reachable: whoever keeps them keeps the Region, and calls runtime.KeepAlive on its owner after the last use.
package flat

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"unsafe"
)

const (
	align = 64   // of slices: a line of the cache
	page  = 4096 // of pieces, as memory is mapped; the larger pages of other machines are multiples
)

// Piece is where in a file something stands, in octets.
type Piece struct{ Offset, Length int64 }

// Writer writes slices. The first error stays and makes all that follows do nothing.
type Writer struct {
	w      io.Writer
	at     int64
	pieces []Piece
	err    error
}

// NewWriter writes to w, from its beginning.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w} }

// Next begins a piece, which can be mapped by itself.
func (w *Writer) Next() {
	w.end()
	w.pad(max(page, pageSize()))
	w.pieces = append(w.pieces, Piece{Offset: w.at})
}

func (w *Writer) end() {
	if n := len(w.pieces); n > 0 && w.pieces[n-1].Length == 0 {
		w.pieces[n-1].Length = w.at - w.pieces[n-1].Offset
	}
}

// Pieces ends the last piece and returns all, in order.
func (w *Writer) Pieces() ([]Piece, error) {
	w.end()
	return w.pieces, w.err
}

// Put writes a slice. It panics if its values hold pointers, which mean nothing elsewhere.
func Put[T any](w *Writer, s []T) {
	if t := reflect.TypeFor[T](); !plain(t) {
		panic(fmt.Sprintf("flat: values of type %v hold pointers", t))
	}
	count := [1]uint64{uint64(len(s))}
	w.write(octets(count[:]))
	w.pad(align)
	w.write(octets(s))
	w.pad(align)
}

func (w *Writer) write(b []byte) {
	if w.err != nil || len(b) == 0 {
		return
	}
	n, err := w.w.Write(b)
	w.at, w.err = w.at+int64(n), err
}

func (w *Writer) pad(to int64) {
	if over := w.at % to; over != 0 {
		w.write(make([]byte, to-over))
	}
}

// octets are the values of a slice as they lie in memory.
func octets[T any](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

// plain tells whether values of a type hold no pointers.
func plain(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return plain(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if !plain(t.Field(i).Type) {
				return false
			}
		}
		return true
	}
	return t.Kind() <= reflect.Complex128
}

// Reader reads back a piece that a Writer wrote.
type Reader struct {
	b   []byte
	at  int
	err error
}

// NewReader reads b, which begins at a multiple of 64.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Err tells whether something was missing. Slices that Get gave after that are empty.
func (r *Reader) Err() error { return r.err }

var errShort = errors.New("tables end too early")

// Get returns the next slice, in place. Its type must be the one that was put.
func Get[T any](r *Reader) []T {
	var zero T
	head := r.take(1, 8)
	if head == nil {
		return nil
	}
	count, size := *(*uint64)(unsafe.Pointer(&head[0])), int(unsafe.Sizeof(zero))
	if count > uint64(len(r.b)) {
		r.err = errShort
		return nil
	}
	b := r.take(int(count), size)
	if len(b) == 0 {
		return nil
	}
	return unsafe.Slice((*T)(unsafe.Pointer(&b[0])), count)
}

// take returns the next count values of size octets, and goes to the next multiple of align behind them.
func (r *Reader) take(count, size int) []byte {
	if r.err != nil || count*size > len(r.b)-r.at {
		r.err = errShort
		return nil
	}
	b := r.b[r.at : r.at+count*size : r.at+count*size]
	r.at = min((r.at+count*size+align-1)/align*align, len(r.b))
	return b
}
