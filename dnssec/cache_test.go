package dnssec

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// entries makes signatures that tell their number, valid for an hour.
func entryOf(i int) (hash128, signature) {
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(nil, uint32(i)))
	now := uint32(time.Now().Unix())
	return hash128(sum[:16]), signature{now - 10, now + 3600, bytes.Repeat(sum[16:], 4)}
}

func fill(t testing.TB, dir string, n int) *Cache {
	t.Helper()
	c, err := OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		c.put(entryOf(i))
	}
	return c
}

// found counts the signatures of 0 to n that a cache has, and fails on one
// that is not what was put there.
func found(t testing.TB, c *Cache, n int) (count int) {
	t.Helper()
	for i := range n {
		hash, want := entryOf(i)
		got, ok := c.get(hash, 64)
		if !ok {
			continue
		}
		if count++; !bytes.Equal(got.octets, want.octets) {
			t.Fatalf("signature %d is another", i)
		}
	}
	return count
}

func reopen(t testing.TB, dir string) *Cache {
	t.Helper()
	c, err := OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestCacheSurvivesRestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "signatures")
	c := fill(t, dir, 5000)
	if n := found(t, c, 5000); n != 5000 {
		t.Fatalf("%d of 5000 before the restart", n)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if n := found(t, reopen(t, dir), 6000); n != 5000 {
		t.Errorf("%d of 5000 after the restart", n)
	}
	read, err := ReadCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	read.put(entryOf(5500))
	if n := found(t, read, 6000); n != 5000 {
		t.Errorf("%d of 5000 read beside the writer", n)
	}
	info, err := os.Stat(filepath.Join(dir, "64"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if none, err := ReadCache(filepath.Join(dir, "none")); err != nil || none.Len() != 0 {
		t.Errorf("a cache that is not there: %v", err)
	}
}

// What was not written at the end is lost, no more; what is written then can
// be read again.
func TestCacheWithTornTail(t *testing.T) {
	dir := t.TempDir()
	fill(t, dir, 100).Close()
	file := filepath.Join(dir, "64")
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, info.Size()-30); err != nil {
		t.Fatal(err)
	}
	c, err := OpenCache(dir)
	if err != nil {
		t.Fatal(err)
	}
	if n := found(t, c, 100); n != 99 {
		t.Errorf("%d of 99", n)
	}
	c.put(entryOf(99))
	c.Close()
	if n := found(t, reopen(t, dir), 100); n != 100 {
		t.Errorf("%d of 100", n)
	}
}

// A flipped bit costs one signature, and one in the header all of them.
func TestCacheWithFlippedBits(t *testing.T) {
	whole := t.TempDir()
	fill(t, whole, 20).Close()
	text, err := os.ReadFile(filepath.Join(whole, "64"))
	if err != nil {
		t.Fatal(err)
	}
	size := len(text) / 21
	for at := 0; at < len(text); at += 7 {
		dir := t.TempDir()
		bad := bytes.Clone(text)
		bad[at] ^= 4
		if err := os.WriteFile(filepath.Join(dir, "64"), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		want := 19
		if at < size {
			want = 0
		}
		if n := found(t, reopen(t, dir), 20); n != want {
			t.Errorf("octet %d: %d signatures, want %d", at, n, want)
		}
	}
}

// A signature made anew takes the place of the old one, and the file does not
// grow without end.
func TestCacheCompacts(t *testing.T) {
	dir := t.TempDir()
	c := fill(t, dir, 100)
	for range 100 {
		for i := range 100 {
			c.put(entryOf(i))
		}
	}
	hash, old := entryOf(7)
	old.expiration = 1
	c.put(hash, old)
	if err := c.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := found(t, c, 100); n != 99 {
		t.Errorf("%d of 99 after compaction: an expired one goes", n)
	}
	info, err := os.Stat(filepath.Join(dir, "64"))
	if err != nil || info.Size() > 200*92 {
		t.Errorf("%d octets for 100 signatures, %v", info.Size(), err)
	}
	c.put(entryOf(7))
	c.Close()
	if n := found(t, reopen(t, dir), 100); n != 100 {
		t.Errorf("%d of 100 after a restart", n)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestCacheUsedAtOnce(t *testing.T) {
	c := reopen(t, t.TempDir())
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 500 {
				hash, want := entryOf(i % 100)
				if got, ok := c.get(hash, 64); ok && !bytes.Equal(got.octets, want.octets) {
					t.Errorf("worker %d: signature %d is another", w, i%100)
				}
				c.put(hash, want)
			}
			if err := c.Flush(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// FuzzCacheFile holds that no file makes the cache panic or give back anything
// but what was put there, and that what is put there then can be found.
func FuzzCacheFile(f *testing.F) {
	dir := f.TempDir()
	fill(f, dir, 5).Close()
	text, err := os.ReadFile(filepath.Join(dir, "64"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(text[:150])
	f.Add([]byte("meridian signatures 1\n"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "64"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, open := range []func(string) (*Cache, error){ReadCache, OpenCache} {
			c, err := open(dir)
			if err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				hash, want := entryOf(i)
				c.get(hash, 64)
				c.put(hash, want)
			}
			if n := found(t, c, 10); n != 10 && !c.readOnly {
				t.Errorf("%d of 10", n)
			}
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}
