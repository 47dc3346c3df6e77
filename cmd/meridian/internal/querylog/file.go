package querylog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// File is where lines are added. One that was moved away, or removed, is followed by a new one, within a second. It
// belongs to one goroutine.
type File struct {
	path   string
	file   *os.File
	looked time.Time // when it was last found to be the one at path
	torn   bool      // it ends within a line
}

// OpenFile opens a file, or begins it.
func OpenFile(path string) (*File, error) {
	f := &File{path: path}
	if err := f.open(); err != nil {
		return nil, fmt.Errorf("query log: %w", err)
	}
	return f, nil
}

// Usable says why a file cannot be begun or gone on with at a path, as far as that shows without writing.
func Usable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		return fmt.Errorf("%s is no regular file", path) // a pipe would hold up the start
	case errors.Is(err, fs.ErrNotExist):
		_, err = os.Stat(filepath.Dir(path))
	}
	return err
}

func (f *File) open() error {
	if err := Usable(f.path); err != nil {
		return err
	}
	file, err := os.OpenFile(f.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return err
	}
	f.Close()
	f.file, f.looked, f.torn = file, time.Now(), false
	return nil
}

// Write adds lines, all of them or with an error some. Where no file can be begun in the place of one that was moved away,
// nothing is written: lines in the old one would not be found.
func (f *File) Write(lines []byte) error {
	if time.Since(f.looked) > time.Second {
		if err := f.follow(); err != nil {
			return err
		}
	}
	if f.torn { // by a full disk
		if _, err := f.file.Write([]byte{'\n'}); err != nil {
			return err
		}
		f.torn = false
	}
	n, err := f.file.Write(lines)
	f.torn = n > 0 && n < len(lines) && lines[n-1] != '\n'
	return err
}

func (f *File) follow() error {
	own, err := f.file.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Stat(f.path); err == nil && os.SameFile(own, now) {
		f.looked = time.Now()
		return nil
	}
	return f.open()
}

// Close closes the file; of none (nil) it does nothing.
func (f *File) Close() {
	if f != nil && f.file != nil {
		f.file.Close()
	}
}
