// Package npm fetches published packages for the generators of this folder. It
// is no part of the server. Safe for concurrent use with different folders.
package npm

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// In calls generate with the folder of a package's files: from, or if that is empty one that the package is fetched into
// and that is gone afterwards.
func In(from, pkg string, generate func(dir string) error) error {
	if from != "" {
		return generate(from)
	}
	temp, err := os.MkdirTemp("", "npm")
	if err != nil {
		return err
	}
	dir, err := Fetch(pkg, temp)
	if err == nil {
		err = generate(dir)
	}
	return errors.Join(err, os.RemoveAll(temp))
}

// Fetch gets a package ("name" or "name@version") with the npm client into dir
// and returns the folder its files are in.
func Fetch(pkg, dir string) (string, error) {
	cmd := exec.Command("npm", "pack", "--silent", pkg)
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("npm pack %s: %w", pkg, err)
	}
	f, err := os.Open(filepath.Join(dir, strings.TrimSpace(string(out))))
	if err != nil {
		return "", err
	}
	defer f.Close()
	return filepath.Join(dir, "package"), unpack(f, dir)
}

// unpack writes the files of a compressed archive below dir.
func unpack(r io.Reader, dir string) error {
	z, err := gzip.NewReader(r)
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for archive := tar.NewReader(z); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			_, err = io.Copy(io.Discard, z) // the checksum is at the very end
			return err
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := write(root, h.Name, archive); err != nil {
			return err
		}
	}
}

func write(root *os.Root, name string, r io.Reader) error {
	if err := root.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
