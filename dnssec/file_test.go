package dnssec

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// keyFolder is a folder with the first keys of a zone.
func keyFolder(t *testing.T, split bool) (string, *Ring) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "example.com")
	r, err := Edit(folder, "example.com", func(old *Ring) (*Ring, error) {
		if old != nil {
			t.Error("keys in an empty folder")
		}
		return First("example.com", ECDSAP256SHA256, split, epoch, DefaultTiming())
	})
	if err != nil {
		t.Fatal(err)
	}
	return folder, r
}

func TestFilesHoldKeys(t *testing.T) {
	for _, split := range []bool{false, true} {
		folder, want := keyFolder(t, split)
		got, err := Load(folder, "example.com")
		if err != nil {
			t.Fatal(err)
		}
		for i, k := range got.Keys {
			w := want.Keys[i]
			if k.Role != w.Role || k.Times != w.Times || k.Flags != w.Flags || !slices.Equal(k.Public, w.Public) {
				t.Errorf("read %+v, wrote %+v", k, w)
			}
		}
		files, _ := filepath.Glob(folder + "/*")
		for _, f := range append(files, folder) {
			info, err := os.Stat(f)
			if err != nil || info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s: mode %v, %v", f, info.Mode(), err)
			}
		}
		if len(files) != 2*len(want.Keys) {
			t.Errorf("files: %v", files)
		}
	}
}

func TestNoKeys(t *testing.T) {
	folder := t.TempDir()
	for _, f := range []string{folder, folder + "/none"} {
		if _, err := Load(f, "example.com"); !errors.Is(err, ErrNoKeys) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// TestStoppedWhileWriting: whatever is left of a key that was being written is no key, and goes with the next writing.
func TestStoppedWhileWriting(t *testing.T) {
	folder, ring := keyFolder(t, false)
	k := ring.Keys[0]
	other := testKeyOf(t, ring)
	if err := other.WriteFiles(folder, "example.com"); err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(folder, other.FileName("example.com"))
	if err := os.Rename(base+".private", base+".private"+temporary+"123"); err != nil { // killed before the rename
		t.Fatal(err)
	}
	got, err := Load(folder, "example.com")
	if err != nil || len(got.Keys) != 1 || got.Keys[0].Tag() != k.Tag() {
		t.Fatalf("%v, %v", got, err)
	}
	if _, err := Edit(folder, "example.com", func(r *Ring) (*Ring, error) { return r.Unsign(epoch), nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(base + ".private" + temporary + "123"); !errors.Is(err, os.ErrNotExist) {
		t.Error("what was being written stays")
	}
	if got, err = Load(folder, "example.com"); err != nil || !got.Leave.Since.Equal(epoch) {
		t.Errorf("%v, %v", got, err)
	}
}

func testKeyOf(t *testing.T, r *Ring) *Key {
	t.Helper()
	k, err := r.fresh(r.Algorithm(), CSK, Times{Publish: epoch})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestBadFiles breaks one thing at a time; every error names the file.
func TestBadFiles(t *testing.T) {
	edit := func(ending, old, new string) func(*testing.T, string) {
		return func(t *testing.T, base string) {
			text, err := os.ReadFile(base + ending)
			if err != nil || !strings.Contains(string(text), old) {
				t.Fatalf("%s has no %q", text, old)
			}
			if err := os.WriteFile(base+ending, []byte(strings.ReplaceAll(string(text), old, new)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		name  string
		spoil func(*testing.T, string)
		want  string
	}{
		{"others may read", func(t *testing.T, b string) { must(t, os.Chmod(b+".private", 0o640)) }, ".private: others may open this private key (mode 0640)"},
		{"no public part", func(t *testing.T, b string) { must(t, os.Remove(b+".key")) }, ".key: no such file"},
		{"another zone", edit(".key", "example.com. IN", "example.net. IN"), ".private: a key of the zone example.net, not of example.com"},
		{"wrong private part", func(t *testing.T, b string) {
			must(t, os.WriteFile(b+".private", formatPrivate(&Key{Algorithm: ECDSAP256SHA256, private: testKey256(t)}), 0o600))
		}, "does not belong to the public part"},
		{"another algorithm", edit(".private", "Algorithm: 13 (ECDSAP256SHA256)", "Algorithm: 15 (ED25519)"), ".private: "},
		{"unknown algorithm", edit(".private", "Algorithm: 13 (ECDSAP256SHA256)", "Algorithm: 5 (RSASHA1)"), "algorithm 5 signs by SHA-1, which validators refuse"},
		{"no base64", edit(".private", "PrivateKey: ", "PrivateKey: !"), "line 3: PrivateKey is neither a time nor base64"},
		{"bad time", edit(".private", "Publish: 2026", "Publish: x"), "is no time"},
		{"not a key", edit(".private", "Private-key-format: v1.3", "hello"), "line 1: neither a field nor empty"},
		{"empty", func(t *testing.T, b string) { must(t, os.WriteFile(b+".private", nil, 0o600)) }, "not a private key"},
		{"revoked", edit(".key", " 257 ", " 385 "), "revoked"},
		{"role against flags", edit(".key", "Role: CSK", "Role: ZSK"), "do not go with the role ZSK"},
		{"huge", func(t *testing.T, b string) { must(t, os.Truncate(b+".key", maxFile+1)) }, "too many"},
		{"another name", func(t *testing.T, b string) {
			to := filepath.Join(filepath.Dir(b), "Kexample.com.+013+00001")
			must(t, errors.Join(os.Rename(b+".key", to+".key"), os.Rename(b+".private", to+".private")))
		}, "the key in it belongs into Kexample.com.+013+"},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder, ring := keyFolder(t, false)
			c.spoil(t, filepath.Join(folder, ring.Keys[0].FileName("example.com")))
			_, err := Load(folder, "example.com")
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), folder) {
				t.Errorf("%v\nwant %q", err, c.want)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func FuzzKeyFiles(f *testing.F) {
	k, err := Generate(ED25519, CSK, Times{Publish: epoch})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(formatPrivate(k), formatPublic(k, "example.com"))
	f.Fuzz(func(_ *testing.T, secret, open []byte) {
		p, err := parsePrivate(secret)
		if err != nil {
			return
		}
		if q, err := parsePublic(open); err == nil {
			_, _ = join(p, q)
		}
	})
}
