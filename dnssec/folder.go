package dnssec

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ErrNoKeys is what Load's error wraps if a zone's folder has no keys or is not there.
var ErrNoKeys = errors.New("no keys")

// Load reads all keys of a zone from its folder. A public part without its private one is no key: it is what is left of
// one that was being written when the machine stopped.
func Load(folder, origin string) (*Ring, error) {
	files, err := ReadFolder(folder, origin)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%w in %s", ErrNoKeys, folder)
	}
	keys := make([]*Key, len(files))
	for i, f := range files {
		keys[i] = f.Key
	}
	r, err := NewRing(origin, keys...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", folder, err)
	}
	r.Leave, err = readLeave(filepath.Join(folder, leaveName))
	return r, err
}

// ReadFolder reads the keys of a zone that stand in a folder, which may hold those of other zones too; none if the
// folder is not there. Roles that the files do not tell are those that fit the keys together.
func ReadFolder(folder, origin string) ([]*File, error) {
	entries, err := os.ReadDir(folder)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, plain(folder, err)
	}
	var files []*File
	for _, e := range entries {
		if name := e.Name(); !strings.HasPrefix(name, keyPrefix(origin)) || !strings.HasSuffix(name, ".private") {
			continue
		}
		f, err := ReadFile(filepath.Join(folder, e.Name()))
		if err != nil {
			return nil, err
		}
		if f.Origin != origin {
			return nil, fmt.Errorf("%s: a key of the zone %s, not of %s", f.Path, f.Origin, origin)
		}
		if want := f.Key.FileName(origin) + ".private"; e.Name() != want {
			return nil, fmt.Errorf("%s: the key in it belongs into %s", f.Path, want)
		}
		files = append(files, f)
	}
	assignRoles(files)
	return files, nil
}

// Edit changes the keys of a zone: change gets those there are, nil if there are none, and returns what shall be. Keys
// are added and get other times; none is taken away. Whoever else edits waits.
func Edit(folder, origin string, change func(*Ring) (*Ring, error)) (*Ring, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, plain(folder, err)
	}
	unlock, err := lockFolder(folder)
	if err != nil {
		return nil, err
	}
	defer unlock()
	old, err := Load(folder, origin)
	if err != nil && !errors.Is(err, ErrNoKeys) {
		return nil, err
	}
	ring, err := change(old)
	if err != nil || ring == nil {
		return old, err
	}
	removeTemporary(folder)
	return ring, write(folder, old, ring)
}

// lockFolder keeps other editors out until unlock. The lock goes with the process, however that ends.
func lockFolder(folder string) (unlock func(), err error) {
	d, err := os.Open(folder)
	if err != nil {
		return nil, plain(folder, err)
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX); err != nil {
		d.Close()
		return nil, plain(folder, err)
	}
	return func() { d.Close() }, nil
}

// removeTemporary takes away what was being written when a machine stopped. The lock is held.
func removeTemporary(folder string) {
	stale, _ := filepath.Glob(filepath.Join(folder, "*"+temporary+"*"))
	for _, path := range stale {
		os.Remove(path)
	}
}

// write brings a folder from one ring to another. New keys come first: should the machine stop in between, an old one
// has no end yet, so it signs on.
func write(folder string, old, ring *Ring) error {
	var added, changed []*Key
	for _, k := range ring.Keys {
		before := old.same(k)
		if before == nil {
			added = append(added, k)
		} else if before.Times != k.Times || before.Role != k.Role {
			changed = append(changed, k)
		}
	}
	for _, k := range slices.Concat(added, changed) {
		if err := k.WriteFiles(folder, ring.Origin); err != nil {
			return err
		}
	}
	if old == nil || old.Leave != ring.Leave {
		return writeLeave(filepath.Join(folder, leaveName), ring.Leave)
	}
	return nil
}

// same is the key of an older ring with the same key pair.
func (r *Ring) same(k *Key) *Key {
	if r == nil {
		return nil
	}
	for _, o := range r.Keys {
		if slices.Equal(o.Public, k.Public) && o.Algorithm == k.Algorithm {
			return o
		}
	}
	return nil
}

// leaveName is the file that says that a zone becomes unsigned. It has the form of the times in key files.
const leaveName = "unsign"

func leaveFields(l *Leave) []moment {
	return []moment{{"Unsign", &l.Since}, {"DSGone", &l.DSGone}, {"Safe", &l.Safe}}
}

func readLeave(path string) (l Leave, err error) {
	text, err := readText(path)
	if errors.Is(err, os.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return l, err
	}
	fields := leaveFields(&l)
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		t, err := time.Parse(timeLayout, value)
		i := slices.IndexFunc(fields, func(f moment) bool { return f.name == name })
		if i < 0 || err != nil {
			return l, fmt.Errorf("%s: %q is no line such as \"Unsign: 20260131235959\"", path, strings.TrimSpace(line))
		}
		*fields[i].at = t
	}
	return l, nil
}

// writeLeave writes the file. Where the zone stays signed after all it is left empty, not removed: copies of the folder
// seldom take files away.
func writeLeave(path string, l Leave) error {
	if _, err := os.Lstat(path); l == (Leave{}) && errors.Is(err, os.ErrNotExist) {
		return nil
	}
	var text strings.Builder
	for _, f := range leaveFields(&l) {
		if !f.at.IsZero() {
			fmt.Fprintf(&text, "%s: %s\n", f.name, f.at.UTC().Format(timeLayout))
		}
	}
	return writeFile(path, []byte(text.String()))
}

// Fingerprint tells versions of a folder's keys apart without reading them; "" if the folder is not there.
func Fingerprint(folder string) string {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return ""
	}
	var b strings.Builder
	for _, e := range entries {
		if info, err := os.Stat(filepath.Join(folder, e.Name())); err == nil && !strings.Contains(e.Name(), temporary) {
			fmt.Fprintln(&b, e.Name(), info.Size(), info.ModTime().UnixNano(), info.Mode())
		}
	}
	return b.String()
}
