package nameserver

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestSettled follows a file through what people do to it: whether it may be read at each look.
func TestSettled(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "city.mmdb")
	write := func(path, text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	begin := time.Now().Add(-time.Hour)
	write(path, "one", begin)
	loaded := markFiles([]string{path})
	if now := loaded.again(); !now.same(loaded) || now.missing() != "" {
		t.Error("an untouched file has changed")
	}

	write(path, "two, unfinished", begin.Add(time.Second))
	first := loaded.again()
	if first.same(loaded) || first.settled(loaded, loaded) {
		t.Error("a file written in place is settled at the first look")
	}
	write(path, "two, finished now", begin.Add(2*time.Second))
	second := loaded.again()
	if second.settled(loaded, first) {
		t.Error("a file that is still written to is settled")
	}
	if third := loaded.again(); !third.settled(loaded, second) {
		t.Error("a file that stood still is not settled")
	}

	write(path+".new", "three", begin)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	if now := loaded.again(); !now.settled(loaded, second) {
		t.Error("a file renamed into place is not settled at once")
	}

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if now := loaded.again(); now.missing() != path || now.same(loaded) {
		t.Error("a file that is gone is not missing")
	}
}
