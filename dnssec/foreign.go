package dnssec

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ReadForeign reads keys of a zone from files, or folders of files, that come from elsewhere. A key without any times
// counts as in use since now. The keys alone need not be able to sign a zone.
func ReadForeign(origin string, paths []string, now time.Time) (*Ring, error) {
	r := &Ring{Origin: origin}
	var files []*File
	for _, path := range paths {
		found, leave, err := readForeign(origin, path)
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
		if leave != (Leave{}) {
			r.Leave = leave
		}
	}
	assignRoles(files)
	for _, f := range files {
		t := &f.Key.Times
		if t.Publish.IsZero() && t.Activate.IsZero() && t.Inactive.IsZero() && t.Delete.IsZero() {
			t.Publish, t.Activate = second(now), second(now)
		}
		if r.same(f.Key) == nil {
			r.with(f.Key)
		}
	}
	return r, nil
}

func readForeign(origin, path string) ([]*File, Leave, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		files, err := ReadFolder(path, origin)
		if err == nil && len(files) == 0 {
			err = fmt.Errorf("%s holds no key of %s: no file %s*.private", path, origin, keyPrefix(origin))
		}
		if err != nil {
			return nil, Leave{}, err
		}
		leave, err := readLeave(filepath.Join(path, leaveName))
		return files, leave, err
	}
	f, err := ReadFile(path)
	if err != nil {
		return nil, Leave{}, err
	}
	if f.Origin != origin {
		return nil, Leave{}, fmt.Errorf("%s: a key of the zone %s, not of %s", f.Path, f.Origin, origin)
	}
	return []*File{f}, Leave{}, nil
}

// Merge is a ring with the keys of another taken in; keys that both have get the other's times. r may be nil.
func (r *Ring) Merge(in *Ring) (*Ring, error) {
	keys := slices.Clone(in.Keys)
	leave := in.Leave
	if r != nil {
		for _, k := range r.Keys {
			if in.same(k) == nil {
				keys = append(keys, k)
			}
		}
		if leave == (Leave{}) {
			leave = r.Leave
		}
	}
	next, err := NewRing(in.Origin, keys...)
	if err != nil {
		return nil, err
	}
	next.Leave = leave
	return next, nil
}

// WriteTo writes all files of the zone's keys into a folder.
func (r *Ring) WriteTo(folder string) error { return write(folder, nil, r) }
