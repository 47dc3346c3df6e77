package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/meridian-dns/meridian/config"
)

// FuzzParse: no text makes Parse panic; what loads keeps the promises of the types; what does not says why.
func FuzzParse(f *testing.F) {
	for _, file := range slices.Concat(glob(f, good+"*.toml"), glob(f, "../testdata/config/bad/*.toml")) {
		f.Add(read(f, file))
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := config.Parse("fuzz.toml", []byte(text))
		if (c == nil) == (err == nil) {
			t.Fatalf("%v and %v", c, err)
		}
		if err != nil {
			checkProblems(t, err)
			return
		}
		checkInvariants(t, c)
		for _, s := range c.Servers {
			if !strings.HasPrefix(s.AtPos, "fuzz.toml:") || strings.HasPrefix(s.AtPos, "fuzz.toml: ") {
				t.Errorf("server %q has no line: %s", s.Name, s.AtPos)
			}
		}
	})
}
