package nameserver

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestStateFolderHasOneOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "state")
	s, err := openState(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := openState(path); err == nil || !strings.Contains(err.Error(), "pid "+strconv.Itoa(os.Getpid())) {
		t.Errorf("a second owner: %v, want an error with the first one's pid", err)
	}
	s.close()
	again, err := openState(path)
	if err != nil {
		t.Fatalf("after the first owner left: %v", err)
	}
	again.close()
}

// TestStateLockIsNoLink holds that a link in the place of the lock costs the file it leads to nothing.
func TestStateLockIsNoLink(t *testing.T) {
	path, other := t.TempDir(), filepath.Join(t.TempDir(), "other")
	if err := errors.Join(os.WriteFile(other, []byte("precious"), 0o600), os.Symlink(other, filepath.Join(path, "lock"))); err != nil {
		t.Fatal(err)
	}
	if s, err := openState(path); err == nil {
		s.close()
		t.Error("a link was taken for the lock")
	}
	if text, _ := os.ReadFile(other); string(text) != "precious" {
		t.Errorf("the file that the link leads to holds %q", text)
	}
}

func TestCookieSecret(t *testing.T) {
	s := &stateFolder{path: t.TempDir()}
	made, err := s.cookieSecret()
	if err != nil || made == [16]byte{} {
		t.Fatalf("%x, %v", made, err)
	}
	info, err := os.Stat(s.file("cookie.secret"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if kept, err := s.cookieSecret(); err != nil || kept != made {
		t.Errorf("the second time: %x, %v; want %x", kept, err, made)
	}
	if left, _ := filepath.Glob(s.file("*.tmp*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	for _, bad := range []string{"", "abc", strings.Repeat("z", 32), strings.Repeat("a", 33)} {
		if err := os.WriteFile(s.file("cookie.secret"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := s.cookieSecret(); err == nil || !strings.Contains(err.Error(), "32 hexadecimal digits") {
			t.Errorf("secret %q: %v", bad, err)
		}
	}
}
