package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meridian-dns/meridian/config"
)

// glob returns the files of a pattern, of which there must be some.
func glob(t testing.TB, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no file matches %s (%v)", pattern, err)
	}
	return files
}

// TestBad loads one file for each rule. Lines "# want LINE: KEY: TEXT" at the end of a file are the exact problems
// expected, all of them, in order.
func TestBad(t *testing.T) {
	for _, file := range glob(t, "../testdata/config/bad/*.toml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var want []string
			for _, line := range strings.Split(read(t, file), "\n") {
				if text, ok := strings.CutPrefix(line, "# want "); ok {
					want = append(want, file+":"+text)
				}
			}
			if len(want) == 0 {
				t.Fatal("the file says nothing of what is wrong with it")
			}
			c, err := config.Load(file)
			if c != nil || err == nil {
				t.Fatalf("loaded; want:\n%s", strings.Join(want, "\n"))
			}
			if got := err.Error(); got != strings.Join(want, "\n") {
				t.Errorf("got:\n%s\nwant:\n%s", got, strings.Join(want, "\n"))
			}
			checkProblems(t, err)
		})
	}
}

// checkProblems holds what is promised of every error of Parse.
func checkProblems(t *testing.T, err error) {
	t.Helper()
	var all config.Problems
	var one config.Problem
	if !errors.As(err, &all) || !errors.As(err, &one) {
		t.Fatalf("%T is neither Problems nor holds a Problem", err)
	}
	if len(all) == 0 || all[0] != one {
		t.Errorf("%d problems, the first of which is %v", len(all), one)
	}
	if !slices.IsSortedFunc(all, func(a, b config.Problem) int { return a.Line - b.Line }) {
		t.Errorf("not in the order of the file:\n%v", err)
	}
	for _, p := range all {
		if p.Text == "" || p.File == "" || p.Line < 0 {
			t.Errorf("a problem without text or file: %#v", p)
		}
	}
}

func read(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLoadNamesAMissingFile(t *testing.T) {
	_, err := config.Load("testdata/nowhere.toml")
	if !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "testdata/nowhere.toml") {
		t.Errorf("%v does not say that testdata/nowhere.toml does not exist", err)
	}
}

// TestLoadRefusesWhatHasNoEnd holds that no reload waits for a writer, or reads for ever.
func TestLoadRefusesWhatHasNoEnd(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.toml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	huge := filepath.Join(t.TempDir(), "huge.toml")
	if err := errors.Join(os.WriteFile(huge, nil, 0o600), os.Truncate(huge, 1<<40)); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		pipe:          "is no regular file",
		os.DevNull:    "is no regular file",
		huge:          "has 1099511627776 bytes, the limit is 8388608",
		t.TempDir():   "is a directory",
		"/nowhere/at": "no such file",
	} {
		failed := make(chan error, 1)
		go func() {
			_, err := config.Load(path)
			failed <- err
		}()
		select {
		case err := <-failed:
			if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %q", path, err, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: still being read", path)
		}
	}
}

func TestParseRefusesHugeFiles(t *testing.T) {
	_, err := config.Parse("big.toml", make([]byte, 8<<20+1))
	want := "big.toml: the file has 8388609 bytes, the limit is 8388608"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}
