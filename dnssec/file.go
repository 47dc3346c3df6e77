package dnssec

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxFile bounds the size of key files. The largest RSA keys have some 3 kB.
const maxFile = 64 << 10

// File is a key read from a pair of files.
type File struct {
	Path   string // of the private part
	Origin string
	Key    *Key

	said bool // the role was in the file
}

// ReadFile reads the pair of files, K*.private and K*.key, of which path names either, or both without the ending. The
// private part must not be readable by others, and must belong to the public one.
func ReadFile(path string) (*File, error) {
	path = strings.TrimSuffix(strings.TrimSuffix(path, ".private"), ".key")
	secret, err := readPrivate(path + ".private")
	if err != nil {
		return nil, err
	}
	open, err := readPublic(path + ".key")
	if err != nil {
		return nil, err
	}
	k, err := join(secret, open)
	if err != nil {
		return nil, fmt.Errorf("%s.private: %w", path, err)
	}
	return &File{path + ".private", open.origin, k, open.said}, nil
}

func readPrivate(path string) (*private, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, plain(path, err)
	}
	if info.Mode().Perm()&0o077 != 0 && info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: others may open this private key (mode %04o); make it yours alone: chmod 600 %s",
			path, info.Mode().Perm(), path)
	}
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	p, err := parsePrivate(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

func readPublic(path string) (*public, error) {
	text, err := readText(path)
	if err != nil {
		return nil, err
	}
	p, err := parsePublic(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}

// readText reads a small regular file.
func readText(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, plain(path, err)
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s: no regular file", path)
	case info.Size() > maxFile:
		return nil, fmt.Errorf("%s: %d octets are too many for a key", path, info.Size())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, plain(path, err)
	}
	return text, nil
}

// plain names the path once.
func plain(path string, err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return fmt.Errorf("%s: %w", path, err)
}

// join makes a key of its two parts.
func join(secret *private, open *public) (*Key, error) {
	signer, err := secret.signer()
	if err != nil {
		return nil, err
	}
	if Algorithm(open.record.Algorithm) != secret.algorithm {
		return nil, fmt.Errorf("a key of %v, but the public part is of %v", secret.algorithm, Algorithm(open.record.Algorithm))
	}
	k, err := newKey(secret.algorithm, open.role, secret.times, signer)
	if err != nil {
		return nil, err
	}
	said, err := base64.StdEncoding.DecodeString(open.record.PublicKey)
	if err != nil || !bytes.Equal(said, k.Public) {
		return nil, errors.New("does not belong to the public part in the .key file beside it")
	}
	return k, nil
}

// assignRoles decides the roles that the files do not tell: a key with a DS is a KSK if there are ZSKs, else a CSK.
func assignRoles(files []*File) {
	split := slices.ContainsFunc(files, func(f *File) bool { return f.Key.Role == ZSK })
	for _, f := range files {
		if !f.said && split {
			f.Key.Role = KSK
		}
	}
}

// FileName is the name of a key's files without ".key" or ".private", as BIND's tools make it.
func (k *Key) FileName(origin string) string {
	return keyPrefix(origin) + fmt.Sprintf("%03d+%05d", k.Algorithm, k.Tag())
}

// keyPrefix is how the names of a zone's key files begin.
func keyPrefix(origin string) string {
	if origin == "." {
		return "K.+"
	}
	return "K" + FolderName(origin) + ".+"
}

// FolderName is a zone's name as a name of a file: octets that a file name cannot hold are %-encoded.
func FolderName(origin string) string {
	var b strings.Builder
	for i := range len(origin) {
		c := origin[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	if origin == "." {
		return "root"
	}
	return b.String()
}

// WriteFiles writes a key's files into a folder, the private part last: without it the public one is no key yet. Each
// is either whole or not there, whenever the machine stops.
func (k *Key) WriteFiles(folder, origin string) error {
	base := filepath.Join(folder, k.FileName(origin))
	if err := writeFile(base+".key", formatPublic(k, origin)); err != nil {
		return err
	}
	return writeFile(base+".private", formatPrivate(k))
}

// writeFile writes under another name, makes sure that it is on the disk, and renames.
func writeFile(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+temporary+"*") // mode 0600
	if err != nil {
		return plain(path, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
		return plain(path, err)
	}
	return syncFolder(filepath.Dir(path))
}

// temporary is in the names of files that are being written.
const temporary = ".tmp"

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
