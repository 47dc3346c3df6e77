package journal

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func open(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// contents is the whole table.
func contents(j *Journal) map[string]string {
	all := map[string]string{}
	j.Each("", func(key string, value []byte) { all[key] = string(value) })
	return all
}

func put(t *testing.T, j *Journal, values map[string]any) {
	t.Helper()
	if err := j.Put(values, false); err != nil {
		t.Fatal(err)
	}
}

// TestLasts compares with a map over many changes, opening anew in between, and holds that the file does not grow with
// the number of changes.
func TestLasts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	j, want := open(t, path), map[string]string{}
	rnd := rand.New(rand.NewPCG(1, 2))
	for i := range 20000 {
		key := fmt.Sprint("key", rnd.IntN(50))
		if rnd.IntN(3) == 0 {
			put(t, j, map[string]any{key: nil})
			delete(want, key)
		} else {
			put(t, j, map[string]any{key: i, "other": strings.Repeat("x", 40)})
			want[key], want["other"] = fmt.Sprint(i), `"`+strings.Repeat("x", 40)+`"`
		}
		if i%3000 == 0 {
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			j = open(t, path)
		}
		if i%100 == 0 && !maps.Equal(contents(j), want) {
			t.Fatalf("after %d changes: %v, want %v", i, contents(j), want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() > 2*slack {
		t.Errorf("the file has %d octets (%v)", info.Size(), err)
	}
}

// TestTornAnywhere cuts the file at every octet: what is read is what was there before the line that is cut, and the
// journal goes on from there.
func TestTornAnywhere(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "state")
	j := open(t, path)
	states := []map[string]string{contents(j)}
	ends := []int64{j.size}
	for i := range 6 {
		put(t, j, map[string]any{fmt.Sprint("k", i%4): map[string]int{"n": i}})
		states, ends = append(states, contents(j)), append(ends, j.size)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		torn := filepath.Join(dir, "torn")
		if err := os.WriteFile(torn, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		want := states[0]
		for i, end := range ends {
			if int64(n) >= end {
				want = states[i]
			}
		}
		k := open(t, torn)
		if got := contents(k); !maps.Equal(got, want) || k.Damaged() != 0 {
			t.Fatalf("cut at %d: %v, want %v", n, got, want)
		}
		put(t, k, map[string]any{"after": true})
		if k = open(t, torn); contents(k)["after"] != "true" || k.Damaged() != 0 {
			t.Fatalf("cut at %d: what was written afterwards is lost", n)
		}
	}
}

// TestDamageIsPassedOver flips every octet of a line: only that change is lost, or the file is refused with words.
func TestDamageIsPassedOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	j := open(t, path)
	put(t, j, map[string]any{"a": 1})
	put(t, j, map[string]any{"b": 2})
	put(t, j, map[string]any{"c": 3})
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(whole), "\n")
	from := len(lines[0]) + len(lines[1])
	for i := from; i < from+len(lines[2])-1; i++ {
		bad := []byte(string(whole))
		bad[i] ^= 0x01
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		k := open(t, path)
		if got := contents(k); got["a"] != "1" || got["b"] != "" || got["c"] != "3" || k.Damaged() == 0 {
			t.Fatalf("octet %d: %v, %d damaged", i, got, k.Damaged())
		}
	}
}

func TestForeignFilesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"something else\n":     "is no state of meridian",
		header + "2\n":         "is of version 2, and this meridian reads up to 1",
		header + "x\nwhatever": "is of version x",
	} {
		path := filepath.Join(t.TempDir(), "state")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
		if after, _ := os.ReadFile(path); string(after) != text {
			t.Errorf("%q was changed to %q", text, after)
		}
	}
}

func TestAuditDropsATornLine(t *testing.T) {
	long := strings.Repeat("x", 200<<10)
	for text, whole := range map[string]string{
		"":                       "",
		"1\n2\n":                 "1\n2\n",
		"1\n2\n{\"n\":":          "1\n2\n",
		"1\n" + long:             "1\n",
		long + "\n" + long:       long + "\n",
		long:                     "",
		"1\n" + long[:64<<10]:    "1\n",
		"1\n" + long[:64<<10-1]:  "1\n",
		"1\n\n" + long[:128<<10]: "1\n\n",
	} {
		path := filepath.Join(t.TempDir(), "audit")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := OpenAudit(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Add(3); err != nil {
			t.Fatal(err)
		}
		if got, _ := os.ReadFile(path); string(got) != whole+"3\n" {
			t.Errorf("of %d octets %d are left", len(text), len(got))
		}
	}
}

// TestAuditIsRotated moves the file away between entries: each is in one file, the new one open to its user only.
func TestAuditIsRotated(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit")
	a, err := OpenAudit(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, move := range []func() error{
		func() error { return nil },
		func() error { return os.Rename(path, path+".1") },
		func() error { return os.Remove(path) },
	} {
		if err := move(); err != nil {
			t.Fatal(err)
		}
		if err := a.Add(i); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{path: "2\n", path + ".1": "0\n"} {
		if text, err := os.ReadFile(file); string(text) != want {
			t.Errorf("%s holds %q (%v), want %q", file, text, err, want)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v (%v)", info.Mode(), err)
	}
}
