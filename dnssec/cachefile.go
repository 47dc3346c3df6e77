package dnssec

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
)

// cacheFile is a file of signatures of one size: a header, and entries of one
// length, the newest last.
//
//	header  the magic word, padded with zeros to the length of an entry
//	entry   hash 16, inception 4, expiration 4, signature, CRC-32C of these 4
//
// The index in memory leads from a hash to the number of its entry. Not safe
// for concurrent use, but for several calls of get.
type cacheFile struct {
	path  string
	file  *os.File // nil: the file is not there, and is only read
	size  int      // of a signature, in octets
	slots []cacheSlot
	live  int    // entries in the index
	count int    // entries in the file and in tail
	tail  []byte // entries that are not in the file yet
	read  bool   // nothing is written
}

// cacheSlot is an entry of an open-addressing index. tag is a part of the hash,
// which also tells its place; ref is the number of the entry, from 1.
type cacheSlot struct{ tag, ref uint32 }

func tagOf(hash hash128) uint32 { return binary.BigEndian.Uint32(hash[:]) }

const (
	cacheMagic = "meridian signatures 1\n"
	cacheHead  = 16 + 4 + 4
	cacheSum   = 4
	tailSize   = 64 << 10
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func (f *cacheFile) entrySize() int { return cacheHead + f.size + cacheSum }

// offset is where an entry, numbered from 1, stands in the file.
func (f *cacheFile) offset(ref uint32) int64 { return int64(ref) * int64(f.entrySize()) }

func openCacheFile(path string, size int, readOnly bool, now int64) (*cacheFile, error) {
	f := &cacheFile{path: path, size: size, read: readOnly, slots: make([]cacheSlot, 16)}
	flags := os.O_RDWR | os.O_CREATE
	if readOnly {
		flags = os.O_RDONLY
	}
	file, err := os.OpenFile(path, flags, 0o600)
	if err != nil {
		if readOnly && errors.Is(err, os.ErrNotExist) {
			return f, nil
		}
		return nil, err
	}
	f.file = file
	if err := f.load(now); err != nil {
		file.Close()
		return nil, fmt.Errorf("signature cache %s: %w", path, err)
	}
	return f, nil
}

// load reads the whole file into the index. A file that is none of ours, or
// whose tail is torn, is cut where it stops making sense.
func (f *cacheFile) load(now int64) error {
	info, err := f.file.Stat()
	if err != nil {
		return err
	}
	n := info.Size()/int64(f.entrySize()) - 1
	f.resize(max(int(n), 0))
	if ok, err := f.begin(n); !ok || err != nil {
		return err
	}
	block := make([]byte, 4096*f.entrySize())
	for {
		got, err := f.file.ReadAt(block, f.offset(uint32(f.count+1)))
		if err != nil && err != io.EOF {
			return err
		}
		whole := block[:got-got%f.entrySize()]
		for ; len(whole) > 0; whole = whole[f.entrySize():] {
			f.count++
			if e := whole[:f.entrySize()]; f.intact(e) && int64(expirationOf(e)) > now {
				f.index(hash128(e[:16]), uint32(f.count))
			}
		}
		if err == io.EOF {
			break
		}
	}
	if f.read {
		return nil
	}
	if err := f.file.Truncate(f.offset(uint32(f.count + 1))); err != nil {
		return err
	}
	if f.wasteful() {
		return f.compact(now)
	}
	return nil
}

// begin looks at the header of a file of n entries; one without is made anew.
func (f *cacheFile) begin(n int64) (ok bool, err error) {
	head := make([]byte, f.entrySize())
	want := make([]byte, f.entrySize())
	copy(want, cacheMagic)
	if n >= 0 && n < 1<<31 {
		if _, err := f.file.ReadAt(head, 0); err != nil {
			return false, err
		}
		if bytes.Equal(head, want) {
			return true, nil
		}
	}
	if f.read {
		return false, nil
	}
	f.resize(0)
	if err := f.file.Truncate(0); err != nil {
		return false, err
	}
	_, err = f.file.WriteAt(want, 0)
	return false, err
}

func (f *cacheFile) intact(entry []byte) bool {
	at := len(entry) - cacheSum
	return crc32.Checksum(entry[:at], castagnoli) == binary.BigEndian.Uint32(entry[at:])
}

func expirationOf(entry []byte) uint32 { return binary.BigEndian.Uint32(entry[20:]) }

// entry reads an entry, which may be damaged.
func (f *cacheFile) entry(dst []byte, ref uint32) ([]byte, bool) {
	written := f.count - len(f.tail)/f.entrySize()
	if int(ref) > written {
		at := (int(ref) - written - 1) * f.entrySize()
		return f.tail[at : at+f.entrySize()], true
	}
	if _, err := f.file.ReadAt(dst, f.offset(ref)); err != nil {
		return nil, false
	}
	return dst, f.intact(dst)
}

func (f *cacheFile) get(hash hash128) (signature, bool) {
	var buf [cacheHead + maxSignature + cacheSum]byte
	at, e := f.find(hash, buf[:f.entrySize()])
	if e == nil || f.slots[at].ref == 0 {
		return signature{}, false
	}
	return signature{
		inception:  binary.BigEndian.Uint32(e[16:]),
		expiration: expirationOf(e),
		octets:     append([]byte(nil), e[cacheHead:cacheHead+f.size]...),
	}, true
}

// find gives the slot of a hash and its entry, read into buf, or the free slot
// that it gets.
func (f *cacheFile) find(hash hash128, buf []byte) (at uint32, entry []byte) {
	mask := uint32(len(f.slots) - 1)
	tag := tagOf(hash)
	for at = tag & mask; f.slots[at].ref != 0; at = (at + 1) & mask {
		if f.slots[at].tag != tag {
			continue
		}
		if e, ok := f.entry(buf, f.slots[at].ref); ok && hash128(e[:16]) == hash {
			return at, e
		}
	}
	return at, nil
}

// index notes which entry is the newest of a hash.
func (f *cacheFile) index(hash hash128, ref uint32) {
	if f.live*3 >= len(f.slots)*2 {
		f.grow()
	}
	var buf [cacheHead + maxSignature + cacheSum]byte
	at, _ := f.find(hash, buf[:f.entrySize()])
	if f.slots[at].ref == 0 {
		f.live++
	}
	f.slots[at] = cacheSlot{tagOf(hash), ref}
}

// resize makes an empty index with room for n entries.
func (f *cacheFile) resize(n int) {
	size := 16
	for size*2 < n*3 {
		size *= 2
	}
	f.slots, f.live, f.count, f.tail = make([]cacheSlot, size), 0, 0, f.tail[:0]
}

// grow doubles the index.
func (f *cacheFile) grow() {
	old := f.slots
	f.slots = make([]cacheSlot, 2*len(old))
	mask := uint32(len(f.slots) - 1)
	for _, s := range old {
		if s.ref == 0 {
			continue
		}
		at := s.tag & mask
		for f.slots[at].ref != 0 {
			at = (at + 1) & mask
		}
		f.slots[at] = s
	}
}

func (f *cacheFile) put(hash hash128, sig signature) error {
	start := len(f.tail)
	f.tail = append(f.tail, hash[:]...)
	f.tail = binary.BigEndian.AppendUint32(f.tail, sig.inception)
	f.tail = binary.BigEndian.AppendUint32(f.tail, sig.expiration)
	f.tail = append(f.tail, sig.octets...)
	f.tail = binary.BigEndian.AppendUint32(f.tail, crc32.Checksum(f.tail[start:], castagnoli))
	f.count++
	f.index(hash, uint32(f.count))
	if len(f.tail) < tailSize {
		return nil
	}
	return f.flush()
}

// flush writes the tail to the file. If that fails the tail is given up.
func (f *cacheFile) flush() error {
	if len(f.tail) == 0 || f.read {
		return nil
	}
	n := len(f.tail) / f.entrySize()
	_, err := f.file.WriteAt(f.tail, f.offset(uint32(f.count-n+1)))
	f.tail = f.tail[:0]
	return err
}

// wasteful tells whether more than half of a file is of no use.
func (f *cacheFile) wasteful() bool {
	const small = 4096
	return f.count > 2*f.live+small
}

// compact writes what is of use into a new file that takes the place of the
// old one.
func (f *cacheFile) compact(now int64) error {
	file, err := os.CreateTemp(filepath.Dir(f.path), ".signatures-*")
	if err != nil {
		return err
	}
	next := &cacheFile{path: f.path, file: file, size: f.size}
	next.resize(f.live)
	if err = f.copyTo(next, now); err == nil {
		err = os.Rename(file.Name(), f.path)
	}
	if err != nil {
		file.Close()
		os.Remove(file.Name())
		return fmt.Errorf("signature cache %s: compact: %w", f.path, err)
	}
	f.file.Close()
	*f = *next
	return nil
}

// copyTo puts the newest entries that have not expired into another file, in
// their order, and makes them last.
func (f *cacheFile) copyTo(next *cacheFile, now int64) error {
	if _, err := next.begin(-1); err != nil {
		return err
	}
	next.resize(f.live)
	if err := f.flush(); err != nil {
		return err
	}
	newest := make([]uint64, f.count/64+1)
	for _, s := range f.slots {
		newest[s.ref/64] |= 1 << (s.ref % 64)
	}
	buf := make([]byte, f.entrySize())
	for ref := uint32(1); int(ref) <= f.count; ref++ {
		if newest[ref/64]>>(ref%64)&1 == 0 {
			continue
		}
		e, ok := f.entry(buf, ref)
		if !ok || int64(expirationOf(e)) <= now {
			continue
		}
		sig := signature{binary.BigEndian.Uint32(e[16:]), expirationOf(e), e[cacheHead : cacheHead+f.size]}
		if err := next.put(hash128(e[:16]), sig); err != nil {
			return err
		}
	}
	if err := next.flush(); err != nil {
		return err
	}
	return next.file.Sync()
}

func (f *cacheFile) close() error {
	if f.file == nil {
		return nil
	}
	if f.read {
		return f.file.Close()
	}
	return errors.Join(f.flush(), f.file.Sync(), f.file.Close())
}
