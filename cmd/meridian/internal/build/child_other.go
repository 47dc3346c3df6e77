//go:build !linux

package build

import (
	"errors"
	"io"
)

// Command is the name of the hidden command that runs Work.
const Command = "build"

// Child works in this process: only Linux hands memory from one to another.
type Child struct {
	Here
	Eager bool
}

// Work fails.
func Work(io.Reader, io.Writer) error {
	return errors.New("there is no work for a process of its own on this system")
}
