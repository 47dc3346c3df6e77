package dnssec

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// hash128 tells signed contents apart.
type hash128 [16]byte

// Cache keeps signatures by what they sign, across views and, in a folder of
// files, across restarts. In memory it holds eight octets for each and room to
// grow; the signatures stay in the files. What a file holds is checked when it
// is used: a torn or damaged entry is as good as none. A nil Cache keeps
// nothing. Safe for concurrent use; only one process at a time may write to a
// folder.
type Cache struct {
	dir      string
	readOnly bool

	made, reused, failed atomic.Uint64
	took                 atomic.Int64 // nanoseconds

	urgent atomic.Int32 // how many are at work for whom others stand back

	mu    sync.RWMutex
	files map[int]*cacheFile // by size of signatures, in octets
	err   error              // the first failure to write since the last Flush
}

// OpenCache opens the cache in a folder, which is made if it is not there. The
// files in it are compacted. Anything but a failing folder is no error: what
// cannot be read is not in the cache.
func OpenCache(dir string) (*Cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return openCache(dir, false)
}

// ReadCache opens the cache in a folder for reading alone; new signatures are
// kept nowhere. A folder that is not there is an empty cache. It may be used
// beside the process that writes.
func ReadCache(dir string) (*Cache, error) { return openCache(dir, true) }

func openCache(dir string, readOnly bool) (*Cache, error) {
	c := &Cache{dir: dir, readOnly: readOnly, files: map[int]*cacheFile{}}
	entries, err := os.ReadDir(dir)
	if err != nil && !(readOnly && errors.Is(err, os.ErrNotExist)) {
		return nil, err
	}
	for _, e := range entries {
		size, err := strconv.Atoi(e.Name())
		if err != nil || size <= 0 || size > maxSignature || strconv.Itoa(size) != e.Name() {
			continue
		}
		if _, err := c.open(size); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

// maxSignature is the longest signature in octets: RSA with 4096 bits.
const maxSignature = 512

func (c *Cache) open(size int) (*cacheFile, error) {
	f, err := openCacheFile(filepath.Join(c.dir, strconv.Itoa(size)), size, c.readOnly, time.Now().Unix())
	if err == nil {
		c.files[size] = f
	}
	return f, err
}

func (c *Cache) get(hash hash128, size int) (signature, bool) {
	if c == nil {
		return signature{}, false
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	f := c.files[size]
	if f == nil {
		return signature{}, false
	}
	return f.get(hash)
}

// put keeps a signature. A failure to do so costs a signature at the next
// start, no more; Flush tells of it.
func (c *Cache) put(hash hash128, sig signature) {
	if c == nil || c.readOnly {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f, err := c.files[len(sig.octets)], error(nil)
	if f == nil {
		f, err = c.open(len(sig.octets))
	}
	if err == nil {
		err = f.put(hash, sig)
	}
	if err != nil && c.err == nil {
		c.err = err
	}
}

// Len counts the signatures that can be found, expired ones among them.
func (c *Cache) Len() int {
	if c == nil {
		return 0
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	n := 0
	for _, f := range c.files {
		n += f.live
	}
	return n
}

// Flush writes what is not in the files yet, and compacts a file of which more
// than half is of no use any more. It returns the first failure to write since
// the last call.
func (c *Cache) Flush() error {
	if c == nil || c.readOnly {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.err
	c.err = nil
	for _, f := range c.files {
		err = errors.Join(err, f.flush())
		if f.wasteful() {
			err = errors.Join(err, f.compact(time.Now().Unix()))
		}
	}
	return err
}

// Close writes what is not in the files yet, so that it lasts, and closes them.
func (c *Cache) Close() error {
	if c == nil {
		return nil
	}
	err := c.Flush()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.files {
		err = errors.Join(err, f.close())
	}
	c.files = map[int]*cacheFile{}
	c.readOnly = true
	return err
}

// Work is what signers with a cache did.
type Work struct {
	Made, Reused, Failed uint64        // signatures
	Took                 time.Duration // to make them, over all processors
}

// Work counts since the cache was opened.
func (c *Cache) Work() Work {
	return Work{Made: c.made.Load(), Reused: c.reused.Load(), Failed: c.failed.Load(), Took: time.Duration(c.took.Load())}
}

// worked counts a signature that took so long to make, or that was there.
func (c *Cache) worked(made bool, took time.Duration) {
	switch {
	case c == nil:
	case made:
		c.made.Add(1)
		c.took.Add(int64(took))
	default:
		c.reused.Add(1)
	}
}

// failing counts a signature that could not be made.
func (c *Cache) failing() {
	if c != nil {
		c.failed.Add(1)
	}
}

// Hurry has those who sign by Sign stand back for those who sign by SignNow,
// until done is called.
func (c *Cache) Hurry() (done func()) {
	if c == nil {
		return func() {}
	}
	c.urgent.Add(1)
	return func() { c.urgent.Add(-1) }
}

// standBack waits while others are in a hurry, but not for ever: what it waits
// with is wanted too.
func (c *Cache) standBack() {
	if c == nil {
		return
	}
	for wait := time.Second; c.urgent.Load() > 0 && wait > 0; wait -= time.Millisecond {
		time.Sleep(time.Millisecond)
	}
}
