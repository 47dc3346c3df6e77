//go:build unix

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// ownWay refuses a way from a folder to one within that leads over a symbolic link, if root goes it and the folder
// belongs to somebody else: who put the link there would choose where root writes.
func ownWay(within, folder string) error {
	owner, err := foreignOwner(within)
	if err != nil || owner == nil {
		return err
	}
	name, err := filepath.Rel(within, folder)
	if err != nil {
		return err
	}
	way := within
	for _, part := range strings.Split(name, string(filepath.Separator)) {
		way = filepath.Join(way, part)
		info, err := os.Lstat(way)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // nothing is below it either
		}
		if err != nil {
			return err
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a symbolic link, which root does not follow in the folder of another user: "+
				"run this as the user that serves, or put a folder in its place", way)
		}
	}
	return nil
}

// foreignOwner is whom a folder belongs to, if this process is root's and that is somebody else.
func foreignOwner(folder string) (*syscall.Stat_t, error) {
	info, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) || err == nil && os.Geteuid() != 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
		return owner, nil
	}
	return nil, nil
}

// giveAway gives folders within a folder, and the files in them, to that folder's owner, if this process may: root
// makes keys that another user serves. That user may have put links there, so nothing outside is touched.
func giveAway(within string, folders ...string) error {
	owner, err := foreignOwner(within)
	if err != nil || owner == nil {
		return err
	}
	root, err := os.OpenRoot(within)
	if err != nil {
		return err
	}
	defer root.Close()
	var errs []error
	for _, folder := range folders {
		name, err := filepath.Rel(within, folder)
		if err != nil {
			return err
		}
		files, err := fs.ReadDir(root.FS(), name)
		errs = append(errs, err, root.Lchown(name, int(owner.Uid), int(owner.Gid)))
		for _, f := range files {
			errs = append(errs, root.Lchown(path.Join(name, f.Name()), int(owner.Uid), int(owner.Gid)))
		}
	}
	return errors.Join(errs...)
}
