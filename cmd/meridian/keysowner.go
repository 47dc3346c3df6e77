//go:build unix

package main

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"syscall"
)

// giveAway gives folders within a folder, and the files in them, to that folder's owner, if this process may: root
// makes keys that another user serves. That user may have put links there, so nothing outside is touched.
func giveAway(within string, folders ...string) error {
	info, err := os.Stat(within)
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || owner.Uid == 0 {
		return nil
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
