package nameserver

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meridian-dns/meridian/cmd/meridian/internal/journal"
)

// stateFolder holds what must last. One process at a time has it.
type stateFolder struct {
	path string
	lock *os.File
}

// openState makes the folder if need be and locks it. The lock goes with the process, however that ends.
func openState(path string) (*stateFolder, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, fmt.Errorf("state folder %s: cannot be created: %w; make it, owned by the user that serves, "+
			"or name another one with state = in the configuration", path, reason(err))
	}
	// No link is followed: the file is emptied below, and whoever may write into the folder would choose which.
	f, err := os.OpenFile(filepath.Join(path, "lock"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("state folder %s: cannot be written: %w", path, reason(err))
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("state folder %s: in use by another meridian%s; stop it, or give this one "+
				"a folder of its own", path, holder(f))
		}
		return nil, fmt.Errorf("state folder %s: cannot be locked: %w", path, err)
	}
	return &stateFolder{path, f}, sign(f)
}

// reason is an error without the path that the caller names.
func reason(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// sign writes this process's id into the lock file, for whoever finds it locked.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("state folder: %w", err)
	}
	return nil
}

func holder(f *os.File) string {
	text, err := io.ReadAll(io.LimitReader(f, 20))
	pid := strings.TrimSpace(string(text))
	if _, bad := strconv.Atoi(pid); err != nil || bad != nil {
		return ""
	}
	return " (pid " + pid + ")"
}

func (s *stateFolder) file(name string) string { return filepath.Join(s.path, name) }

func (s *stateFolder) close() { s.lock.Close() }

// cookieSecret returns the secret kept in the folder, and makes one if there is none yet: so cookies stay valid when
// the nameserver starts anew.
func (s *stateFolder) cookieSecret() (secret [16]byte, err error) {
	path := s.file("cookie.secret")
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		return secret, fmt.Errorf("cookie secret: %s is no regular file; remove it, and one is made", path)
	}
	text, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		rand.Read(secret[:])
		return secret, writeFile(path, []byte(hex.EncodeToString(secret[:])+"\n"))
	case err != nil:
		return secret, fmt.Errorf("cookie secret: %w", err)
	}
	digits := strings.TrimSpace(string(text))
	if n, err := hex.Decode(secret[:], []byte(digits[:min(len(digits), 32)])); err != nil || n != 16 || len(digits) != 32 {
		return secret, fmt.Errorf("cookie secret: %s does not hold 32 hexadecimal digits; remove it, and a new one is made", path)
	}
	return secret, nil
}

// writeFile leaves either the old file or the whole new one behind, whenever the machine stops.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".tmp*") // mode 0600
	if err != nil {
		return fmt.Errorf("write %s: %w", path, reason(err))
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", path, err)
	}
	return journal.SyncFolder(filepath.Dir(path))
}
