//go:build !linux

package flat

import (
	"errors"
	"os"
)

var errNoRegions = errors.New("tables are not shared between processes on this system")

// NewFile fails: only Linux has files that lie in memory and have no name.
func NewFile(string) (*os.File, error) { return nil, errNoRegions }

// Map fails.
func Map(*os.File, Piece) (*Region, error) { return nil, errNoRegions }

// Populate does nothing.
func (r *Region) Populate() {}

// Enlarge does nothing.
func (r *Region) Enlarge() {}
