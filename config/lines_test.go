package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// TestLinesOfKeys reads one document that has every way to write a key and a value, with the lines beside them.
func TestLinesOfKeys(t *testing.T) {
	const text = `# a = 1
a = 1 # b = 2
"q=#[x" = '=#[' # 3
l = [ # 4
  "[", [1, 2], # =
  [3],
]
[t] # 8
b."c d".e = { x = 1, y = { z = "=" } } # 9, x 9, y 9, z 9
m = """ # 10
[no]
no = 1 \"""
no = 2"""""
n = ''' # 14
no = '\'''''
o = 2026-01-01T00:00:00Z # 16
  [ t . "u]" ] # 17
[[v]] # 18
p = "\\" # 19
[[v]] # 20
w = '' # 21
x = "" # 22
`
	want := []int{2, 3, 4, 8, 9, 9, 9, 9, 10, 14, 16, 17, 18, 19, 20, 21, 22}
	lines, depth := keyLines([]byte(text))
	if !slices.Equal(lines, want) || depth != 2 {
		t.Errorf("lines %v, depth %d; want %v, 2", lines, depth, want)
	}
	var values map[string]any
	meta, err := toml.Decode(text, &values)
	if err != nil || len(meta.Keys()) != len(want) {
		t.Errorf("the library finds %d keys in it: %v (%v)", len(meta.Keys()), meta.Keys(), err)
	}
	crlf, _ := keyLines([]byte(strings.ReplaceAll(text, "\n", "\r\n")))
	if !slices.Equal(crlf, want) {
		t.Errorf("with CRLF: lines %v, want %v", crlf, want)
	}
}

// TestNoLineIsBetterThanAWrongOne: lines that do not fit the keys are not used.
func TestNoLineIsBetterThanAWrongOne(t *testing.T) {
	root := newTree(map[string]any{"a": int64(1), "b": int64(2)}, []toml.Key{{"a"}, {"b"}}, []int{1})
	if a := root.kids["a"]; a.line != 0 || a.value != int64(1) {
		t.Errorf("a: line %d, value %v", a.line, a.value)
	}
	r := &report{file: "f.toml"}
	r.at(root.kids["b"], "is wrong")
	if got := r.err().Error(); got != "f.toml: b: is wrong" {
		t.Error(got)
	}
}

// FuzzLinesOfKeys: whatever the library reads, each of its keys has a line, and they ascend.
func FuzzLinesOfKeys(f *testing.F) {
	files, err := filepath.Glob("../testdata/config/*/*.toml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds (%v)", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		lines, depth := keyLines([]byte(text))
		if depth > maxDepth {
			t.Skip()
		}
		_, keys, err := decode([]byte(text))
		if err != nil {
			t.Skip()
		}
		if len(lines) != len(keys) || !slices.IsSorted(lines) || len(lines) > 0 && lines[len(lines)-1] > 1+strings.Count(text, "\n") {
			t.Errorf("keys %v have lines %v", keys, lines)
		}
	})
}
