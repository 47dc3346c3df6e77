package flat

import "os"

// Region is a piece of a file in memory.
type Region struct {
	file  *os.File
	piece Piece
	b     []byte
}

// Bytes are the region's octets. Read only.
func (r *Region) Bytes() []byte { return r.b }

// File is where the region lies, for another process to map it.
func (r *Region) File() (*os.File, Piece) { return r.file, r.piece }

func pageSize() int64 { return int64(os.Getpagesize()) }
