package main

import (
	"testing"

	"golang.org/x/sys/unix"
)

// tinyFolder puts a file system of a few pages over a folder, for which a test has to be root.
func tinyFolder(t *testing.T, folder string) {
	t.Helper()
	if err := unix.Mount("tmpfs", folder, "tmpfs", 0, "size=16k,mode=700"); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(folder, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
}
