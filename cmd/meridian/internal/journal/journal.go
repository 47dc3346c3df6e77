// Package journal keeps a small table of keys and values in one file that survives the end of the process and of the
// machine at any moment.
//
// The file is a line that names the format, then a line per change: the CRC-32C of the rest in eight hexadecimal digits, a
// space, and {"k": key, "v": value} in JSON; without a value the key is gone. A change is one write at the end of the
// file. A last line that was torn is dropped when the file is opened; a line that is damaged elsewhere is passed over and
// counted. When the file has grown to several times what it holds it is written anew beside the old one and renamed over
// it.
//
// A Journal is safe for concurrent use. One process at a time may have it open; the caller sees to that.
package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

const (
	version  = 1
	header   = "meridian state, version "
	slack    = 256 << 10 // octets a file may hold beyond twice what it must
	maxValue = 1 << 20
)

// Journal is an open table.
type Journal struct {
	path    string
	damaged int

	mu     sync.Mutex // guards what follows
	file   *os.File
	size   int64 // of the file
	live   int64 // octets of it that still count
	table  map[string]json.RawMessage
	failed error // of the last write; nil: it went well
}

// change is one line.
type change struct {
	Key   string          `json:"k"`
	Value json.RawMessage `json:"v,omitempty"`
}

// Open reads the table at path, or begins an empty one.
func Open(path string) (*Journal, error) {
	j := &Journal{path: path, table: map[string]json.RawMessage{}}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state: %w", err)
	}
	j.file = f
	if err := j.load(); err != nil {
		f.Close()
		return nil, fmt.Errorf("state: %s: %w", path, err)
	}
	return j, nil
}

// load replays the file and cuts what was torn off its end.
func (j *Journal) load() error {
	r := bufio.NewReaderSize(j.file, 64<<10)
	first, err := r.ReadString('\n')
	switch {
	case err == io.EOF: // nothing, or a torn first line: nothing was in it yet
		return j.rewrite()
	case err != nil:
		return err
	}
	if err := checkHeader(strings.TrimSuffix(first, "\n")); err != nil {
		return err
	}
	j.size = int64(len(first))
	for {
		line, err := r.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		j.size += int64(len(line))
		if c, ok := parse(line); ok {
			j.take(c)
		} else {
			j.damaged++
		}
	}
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	_, err = j.file.Seek(j.size, io.SeekStart)
	return err
}

func checkHeader(line string) error {
	text, ok := strings.CutPrefix(line, header)
	if !ok {
		return errors.New("is no state of meridian; move it away to start without what it may hold")
	}
	if n, err := strconv.Atoi(text); err != nil || n > version {
		return fmt.Errorf("is of version %s, and this meridian reads up to %d; run the newer one, or move it away "+
			"to start without what it holds", text, version)
	}
	return nil
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// parse reads a line that was written whole.
func parse(line []byte) (change, bool) {
	var c change
	line = bytes.TrimSuffix(line, []byte("\n"))
	if len(line) < 10 || line[8] != ' ' {
		return c, false
	}
	sum, err := strconv.ParseUint(string(line[:8]), 16, 32)
	if err != nil || uint32(sum) != crc32.Checksum(line[9:], castagnoli) {
		return c, false
	}
	return c, json.Unmarshal(line[9:], &c) == nil && c.Key != ""
}

// line is what encoding/json would make of it, which would look through the whole value once more.
func (c change) line() ([]byte, error) {
	const sum = len("01234567 ")
	key, err := json.Marshal(c.Key)
	if err != nil {
		return nil, err
	}
	line := make([]byte, sum, sum+len(key)+len(c.Value)+len(`{"k":,"v":}`)+1)
	line = append(append(line, `{"k":`...), key...)
	if c.Value != nil {
		line = append(append(line, `,"v":`...), c.Value...)
	}
	line = append(line, '}')
	copy(line, fmt.Sprintf("%08x ", crc32.Checksum(line[sum:], castagnoli)))
	return append(line, '\n'), nil
}

// take applies a change to the table.
func (j *Journal) take(c change) {
	if old, ok := j.table[c.Key]; ok {
		j.live -= cost(c.Key, old)
	}
	if c.Value == nil {
		delete(j.table, c.Key)
		return
	}
	j.table[c.Key] = c.Value
	j.live += cost(c.Key, c.Value)
}

// cost is about how long the line of a value is.
func cost(key string, value []byte) int64 { return int64(len(key) + len(value) + 25) }

// Damaged counts the lines that could not be read.
func (j *Journal) Damaged() int { return j.damaged }

// Each calls f with the keys that begin with a prefix, in order, and their values in JSON.
func (j *Journal) Each(prefix string, f func(key string, value []byte)) {
	j.mu.Lock()
	var keys []string
	for key := range j.table {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	found := make([]json.RawMessage, len(keys))
	for i, key := range keys {
		found[i] = j.table[key]
	}
	j.mu.Unlock()
	for i, key := range keys {
		f(key, found[i])
	}
}

// Put sets values, all with one write; a nil value takes its key out. With sync it returns when they are on the disk.
func (j *Journal) Put(values map[string]any, sync bool) error {
	var changes []change
	var text []byte
	for _, key := range slices.Sorted(maps.Keys(values)) {
		c := change{Key: key}
		if v := values[key]; v != nil {
			var err error
			if c.Value, err = json.Marshal(v); err != nil {
				return fmt.Errorf("state: %s: %w", key, err)
			}
		}
		line, err := c.line()
		if err == nil && len(line) > maxValue {
			err = errors.New("the value is too large")
		}
		if err != nil {
			return fmt.Errorf("state: %s: %w", key, err)
		}
		text = append(text, line...)
		changes = append(changes, c)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.failed = j.append(text, changes, sync)
	return j.failed
}

// append writes changes, and the whole table anew if it is time. mu is held.
func (j *Journal) append(text []byte, changes []change, sync bool) error {
	if len(text) == 0 {
		return nil
	}
	if _, err := j.file.Write(text); err != nil {
		// What is half written would spoil the next line.
		err = errors.Join(err, j.file.Truncate(j.size))
		_, seek := j.file.Seek(j.size, io.SeekStart)
		return fmt.Errorf("state: %w", errors.Join(err, seek))
	}
	j.size += int64(len(text))
	for _, c := range changes {
		j.take(c)
	}
	if j.size > 2*j.live+slack {
		if err := j.rewrite(); err != nil {
			return fmt.Errorf("state: %w", err)
		}
		return nil
	}
	if sync {
		if err := j.file.Sync(); err != nil {
			return fmt.Errorf("state: %w", err)
		}
	}
	return nil
}

// rewrite writes the table anew and renames it over the old file. mu is held.
func (j *Journal) rewrite() error {
	f, err := os.OpenFile(j.path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	size, err := j.dump(f)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(f.Name(), j.path)
	}
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return err
	}
	j.file.Close()
	j.file, j.size, j.live = f, size, size
	return SyncFolder(filepath.Dir(j.path))
}

func (j *Journal) dump(f *os.File) (size int64, err error) {
	w := bufio.NewWriter(f)
	n, err := fmt.Fprintf(w, "%s%d\n", header, version)
	size = int64(n)
	for _, key := range slices.Sorted(maps.Keys(j.table)) {
		line, bad := change{key, j.table[key]}.line()
		n, bad2 := w.Write(line)
		size += int64(n)
		err = errors.Join(err, bad, bad2)
	}
	return size, errors.Join(err, w.Flush())
}

// SyncFolder makes a rename in a folder last.
func SyncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Failed is the error of the last write, nil if it went well.
func (j *Journal) Failed() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed
}

// Close makes what was written last and gives the file back.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return errors.Join(j.file.Sync(), j.file.Close())
}
