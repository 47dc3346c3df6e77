package npm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"testing"
)

func archive(t *testing.T, files map[string]string) *bytes.Buffer {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for name, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: name, Size: int64(len(text)), Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return &out
}

func TestUnpack(t *testing.T) {
	files := map[string]string{"package/a.txt": "one", "package/sub/b.txt": "two"}
	dir := t.TempDir()
	if err := unpack(archive(t, files), dir); err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestUnpackStaysInside(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"../out.txt", "package/../../out.txt", filepath.Join(dir, "out.txt")} {
		if err := unpack(archive(t, map[string]string{name: "x"}), filepath.Join(dir, ".")); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestUnpackDamaged(t *testing.T) {
	whole := archive(t, map[string]string{"package/a.txt": "one"}).Bytes()
	for _, cut := range []int{0, 5, len(whole) / 2, len(whole) - 4} {
		if err := unpack(bytes.NewReader(whole[:cut]), t.TempDir()); err == nil {
			t.Errorf("%d of %d bytes were accepted", cut, len(whole))
		}
	}
}
