//go:build unix

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestKeysAreGivenToTheOwner holds that root gives key files to the owner of the state folder, and nothing else: that
// user may have put a link to a folder of root's in the place of the keys'.
func TestKeysAreGivenToTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	const user = 65534
	state, other := t.TempDir(), t.TempDir()
	keys := filepath.Join(state, "keys")
	zone, link := filepath.Join(keys, "example.com"), filepath.Join(keys, "example.org")
	key, shadow := filepath.Join(zone, "key"), filepath.Join(other, "shadow")
	if err := errors.Join(os.MkdirAll(zone, 0o700), os.WriteFile(key, nil, 0o600), os.WriteFile(shadow, nil, 0o600),
		os.Symlink(other, link), os.Chown(state, user, user)); err != nil {
		t.Fatal(err)
	}
	if err := giveAway(state, keys, zone); err != nil {
		t.Fatal(err)
	}
	if err := giveAway(state, keys, link); err == nil {
		t.Error("a link out of the state folder is no error")
	}
	for path, want := range map[string]uint32{keys: user, zone: user, key: user, other: 0, shadow: 0} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Sys().(*syscall.Stat_t).Uid; got != want {
			t.Errorf("%s belongs to %d, want %d", path, got, want)
		}
	}
}

// TestKeysFollowNoLink has root make, list and import keys where the user that serves put a symbolic link: nothing is
// read or written behind it. In a state folder of root's own a link is root's own choice.
func TestKeysFollowNoLink(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("takes root")
	}
	for _, at := range []string{"state/keys", "state/keys/example.com"} {
		h := newSigned(t, "")
		h.must("init", "example.com")
		other := t.TempDir()
		if err := errors.Join(os.RemoveAll(h.path(at)), os.Symlink(other, h.path(at))); err != nil {
			t.Fatal(err)
		}
		for _, owner := range []int{65534, 0} {
			if err := os.Chown(h.path("state"), owner, owner); err != nil {
				t.Fatal(err)
			}
			for _, args := range [][]string{{"list", "example.com"}, {"init", "example.com"}, {"ds", "example.com"}} {
				out, code := h.keys(args...)
				if refused := code == 1 && strings.Contains(out, at+" is a symbolic link"); refused != (owner != 0) {
					t.Errorf("%s, of %d: keys %v: exit code %d: %s", at, owner, args, code, out)
				}
			}
			entries, err := os.ReadDir(other)
			if written := len(entries) > 0; err != nil || written != (owner == 0) {
				t.Errorf("%s, of %d: %d files behind the link, %v", at, owner, len(entries), err)
			}
		}
	}
}
