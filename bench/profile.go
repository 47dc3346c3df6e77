package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/meridian-dns/meridian/bench/internal/geodata"
	"github.com/meridian-dns/meridian/bench/internal/trial"
)

// profile writes what the Go compiler reads of a program that answers queries, to know what to make fast: the profile
// of the benchmarks of the resolver and of what is around it.
func profile(o options) error {
	if err := geodata.Fetch(o.dbip); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "profile")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	merge := []string{"tool", "pprof", "-proto"}
	for folder, bench := range map[string][]string{".": {".", "300000x"}, "../server": {"Tally", "1s"}} {
		file := filepath.Join(dir, filepath.Base(folder)+".prof")
		test := exec.Command("go", "test", "-pgo=off", "-trimpath", "-o", file+".test", "-run", "^$", "-bench", bench[0],
			"-benchtime", bench[1], "-cpuprofile", file, ".")
		test.Dir = folder
		test.Env = append(os.Environ(), trial.DatabaseFolder+"="+o.dbip, "GOTMPDIR="+dir)
		if out, err := test.CombinedOutput(); err != nil {
			return fmt.Errorf("go test in %s: %w: %s", folder, err, out)
		}
		merge = append(merge, file)
	}
	whole, err := exec.Command("go", merge...).Output()
	if err != nil {
		return fmt.Errorf("go tool pprof: %w", err)
	}
	whole, err = nameless(whole, dir)
	if err != nil {
		return err
	}
	return os.WriteFile(o.profile, whole, 0o644)
}

// nameless is a profile without the names of the programs it was taken of, which lay in a folder of this machine.
func nameless(profile []byte, folder string) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(profile))
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("profile: %w", err)
	}
	name := regexp.MustCompile(regexp.QuoteMeta(folder) + `/[a-z0-9/.-]*\.test`)
	text = name.ReplaceAllFunc(text, func(b []byte) []byte { return bytes.Repeat([]byte("-"), len(b)) })
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(text) // to memory
	if err := w.Close(); err != nil {
		return nil, err
	}
	return packed.Bytes(), nil
}
