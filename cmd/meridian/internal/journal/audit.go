package journal

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
)

// Audit is a file to which lines of JSON are added and from which nothing is taken. A file that was moved away, or
// removed, is followed by a new one. Safe for concurrent use.
type Audit struct {
	path string

	mu   sync.Mutex // orders writes; guards file
	file *os.File
}

// OpenAudit opens the file, or begins it. A last line that was torn is dropped.
func OpenAudit(path string) (*Audit, error) {
	f, err := openAudit(path)
	if err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return &Audit{path: path, file: f}, nil
}

func openAudit(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := dropTorn(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// follow opens the file anew if another or none has its name. Entries are rare, so looking costs nothing. mu is held.
func (a *Audit) follow() error {
	own, err := a.file.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Stat(a.path); err == nil && os.SameFile(own, now) {
		return nil
	}
	f, err := openAudit(a.path)
	if err != nil {
		return err
	}
	a.file.Close()
	a.file = f
	return nil
}

// dropTorn cuts a file behind its last line end, which it looks for from the end on.
func dropTorn(f *os.File) error {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return err
	}
	part := make([]byte, min(size, 64<<10))
	for end := size; end > 0; {
		part = part[:min(end, int64(len(part)))]
		end -= int64(len(part))
		if _, err := f.ReadAt(part, end); err != nil {
			return err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return f.Truncate(end + int64(i) + 1)
		}
	}
	return f.Truncate(0)
}

// Add writes an entry and returns when it is on the disk.
func (a *Audit) Add(entry any) error {
	line, err := json.Marshal(entry)
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.follow(); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	if _, err := a.file.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	if err := a.file.Sync(); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}

// Close gives the file back.
func (a *Audit) Close() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.file.Close()
}
